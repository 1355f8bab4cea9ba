"""`make demo`: from a bare machine to a page that counts clicks over its WebSocket.

Brings up a cluster (or uses yours: KUBECONFIG=...), builds the images, installs the operator with Helm, applies
examples/djust-counter.yaml and follows the conditions until the application is Ready.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hack.cluster import binaries
from hack.cluster.layout import NODE, default_state
from hack.demo.release import install_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "djust-counter.yaml"
IMAGES = ("base", "redis", "operator", "counter-1", "counter-2")
"""What the demonstration runs; the other examples' images are for `make examples`."""
NAMESPACE = "demo"
APP = "counter"
HOST = "counter.localhost"
READY_SECONDS = 180.0
PAGE_SECONDS = 30.0


def main() -> int:
    """Run the steps, each with its seconds; exit code 1 with the reason where one fails."""
    parser = argparse.ArgumentParser(prog="hack.demo", description=__doc__)
    parser.parse_args()
    started = time.monotonic()
    kubeconfig = os.environ.get("KUBECONFIG")
    try:
        if kubeconfig is None:
            step("A Kubernetes cluster on this machine", sys.executable, "-m", "hack.cluster", "up")
            kubeconfig = str(default_state(NODE).kubeconfig)
            only = [argument for name in IMAGES for argument in ("--only", name)]
            step("Images", sys.executable, "-m", "hack.images", *only)
        else:
            print(
                f"== Using the cluster of KUBECONFIG={kubeconfig}; its nodes must be able to pull the images",
                flush=True,
            )
        environment = {**os.environ, "KUBECONFIG": kubeconfig}
        install(environment)
        seconds = follow(environment)
    except subprocess.CalledProcessError as error:
        print(
            f"\nmake demo stopped: `{' '.join(map(str, error.cmd))}` ended with exit code {error.returncode}"
        )
        return 1
    except TimeoutError as error:
        print(f"\nmake demo stopped: {error}")
        return 1
    farewell(environment, ready=seconds, total=time.monotonic() - started)
    return 0


def step(title: str, *command: str, environment: Mapping[str, str] | None = None) -> None:
    """Run one command with its output visible under a title."""
    print(f"== {title}", flush=True)
    subprocess.run(command, cwd=ROOT, check=True, env=environment)


def install(environment: Mapping[str, str]) -> None:
    """Install or upgrade the operator, and make a namespace that enforces Pod Security `restricted`."""
    helm = str(binaries.path("helm"))
    step("The operator (helm install)", helm, *install_arguments(), "--hide-notes", environment=environment)
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    apply = [str(binaries.path("kubectl")), "apply", "-f", "-"]
    subprocess.run(apply, check=True, input=json.dumps(namespace), text=True, env=environment)
    step("The application", *kubectl("apply", "-f", str(EXAMPLE)), environment=environment)


def follow(environment: Mapping[str, str]) -> float:
    """Print every change of a condition until the application is Ready and its page answers; seconds it took."""
    started = time.monotonic()
    shown: dict[str, tuple[str, str]] = {}
    while time.monotonic() - started < READY_SECONDS:
        conditions = {c["type"]: c for c in fetch(environment).get("status", {}).get("conditions", ())}
        for name, condition in conditions.items():
            state = (condition["status"], condition["reason"])
            if shown.get(name) != state and (condition["status"] != "Unknown" or name == "Ready"):
                elapsed = time.monotonic() - started
                print(
                    f"  {elapsed:5.1f} s  {name}={state[0]} ({state[1]}) {condition['message']}", flush=True
                )
            shown[name] = state
        if conditions.get("Ready", {}).get("status") == "True":
            elapsed = time.monotonic() - started
            await_page()
            return elapsed
        time.sleep(
            0.25
        )  # a progress display; the API is asked four times a second, for at most three minutes
    raise TimeoutError(
        f"the application was not Ready within {READY_SECONDS:.0f} s; `kubectl -n {NAMESPACE} describe rta {APP}` says why"
    )


def await_page() -> None:
    """Wait until the page answers 200 through the edge."""
    deadline = time.monotonic() + PAGE_SECONDS
    problem = "no answer"
    while time.monotonic() < deadline:
        request = urllib.request.Request("http://127.0.0.1/", headers={"Host": HOST})
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - a fixed loopback address
                return
        except (urllib.error.URLError, OSError) as error:
            problem = str(error)
            time.sleep(0.25)  # polling the edge, bounded by the deadline above
    raise TimeoutError(f"http://{HOST}/ did not answer 200 within {PAGE_SECONDS:.0f} s: {problem}")


def fetch(environment: Mapping[str, str]) -> dict[str, Any]:
    """The RealtimeApp as the API server has it."""
    done = subprocess.run(
        kubectl("get", "rta", APP, "-o", "json"), check=True, capture_output=True, text=True, env=environment
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def kubectl(*arguments: str) -> list[str]:
    """A kubectl command in the demo's namespace."""
    return [str(binaries.path("kubectl")), "--namespace", NAMESPACE, *arguments]


def farewell(environment: Mapping[str, str], *, ready: float, total: float) -> None:
    """The URL, the conditions, and three things to try."""
    print(f"\nReady {ready:.1f} s after `kubectl apply`; {total:.0f} s in all.\n", flush=True)
    subprocess.run(kubectl("get", "rta", APP), check=False, env=environment)
    tool = binaries.path("kubectl")
    print(f"""
Open   http://{HOST}/   and click. Then try, with the page open:

  export KUBECONFIG={environment["KUBECONFIG"]} PATH={tool.parent}:$PATH
  kubectl -n {NAMESPACE} get rta {APP} -w                                   # watch what happens, in a second terminal

  1. kill a pod         kubectl -n {NAMESPACE} delete pod -l app.kubernetes.io/component=web --wait=false
  2. change the image   kubectl -n {NAMESPACE} patch rta {APP} --type merge -p '{{"spec":{{"image":"localhost/djust-counter:2"}}}}'
  3. kill Redis         kubectl -n {NAMESPACE} delete pod {APP}-redis-0 --wait=false

The page reconnects by itself and the count is kept. `make cluster-down` removes everything.""")


if __name__ == "__main__":
    sys.exit(main())
