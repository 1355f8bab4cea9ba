"""What the web pods use: the working set the kubelet would count, read from the pod's own cgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hack.examples.driver import ExampleError

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

MIB = 1024 * 1024
READ = (
    "cd /sys/fs/cgroup; if [ -e memory.current ]; then cat memory.current; sed -n 's/^inactive_file //p' memory.stat; "
    "else cat memory/memory.usage_in_bytes; sed -n 's/^total_inactive_file //p' memory/memory.stat; fi"
)
"""Usage and inactive page cache in bytes, of cgroup version 2 or 1; the working set is their difference."""


def measure_web_pods(kubectl: Kubectl, app: str) -> tuple[float, ...]:
    """MiB of the working set of each web container, smallest first."""
    names = [pod["metadata"]["name"] for pod in kubectl.web_pods(app)]
    return tuple(sorted(measure(kubectl, name) for name in names))


def measure(kubectl: Kubectl, pod: str) -> float:
    """MiB of the working set of a pod's web container."""
    answer = kubectl.run("exec", pod, "-c", "web", "--", "sh", "-c", READ).stdout
    try:
        used, inactive = (int(line) for line in answer.split())
    except ValueError:
        raise ExampleError(f"the memory of {pod} cannot be read from /sys/fs/cgroup: {answer!r}") from None
    return (used - inactive) / MIB
