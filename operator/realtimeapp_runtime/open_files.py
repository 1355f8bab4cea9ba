"""The soft limit of open files, raised to the hard one before the server starts.

A socket is an open file. containerd 2 leaves the soft limit of containers at systemd's default of 1024 (containerd pull request
8924), which is less than one pod may hold; a server that meets it stops accepting and says so to nobody.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import log

if TYPE_CHECKING:
    from realtimeapp_runtime.config import Config

OTHERS: Final = 200
"""Files a pod has open beside its connections: modules, Redis, the database, probes, requests."""


def raise_limit(config: Config) -> None:
    """Allow this process and its children as many open files as the container may; warn where that is too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = config.max_per_pod + OTHERS
    if config.channel_layer is not None and hard != resource.RLIM_INFINITY and hard < wanted:
        log.write(
            f"the container may open {hard} files, and {config.max_per_pod} connections need about {wanted}: "
            "lower web.connections.maxPerPod, or raise the limit of the node's container runtime"
        )
