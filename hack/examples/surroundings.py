"""What the examples need around them: a cluster that answers, the images, the operator of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hack.clients.kubectl import Kubectl
from hack.cluster import binaries
from hack.cluster.layout import NODE, default_state
from hack.demo.release import install_arguments

ROOT = Path(__file__).resolve().parents[2]


class NoClusterError(Exception):
    """There is no cluster to run on; the message says how to get one."""


def find_cluster() -> Kubectl:
    """Find the cluster of KUBECONFIG, or else the one of this checkout; NoClusterError where none answers."""
    kubeconfig = Path(os.environ.get("KUBECONFIG") or default_state(NODE).kubeconfig)
    if not kubeconfig.exists():
        raise NoClusterError(
            f"there is no {kubeconfig}: run `make cluster`, or set KUBECONFIG to your own cluster's"
        )
    kubectl = Kubectl(program=binaries.path("kubectl"), kubeconfig=kubeconfig)
    answer = kubectl.run("get", "--raw=/readyz", "--request-timeout=5s", check=False)
    if answer.returncode != 0:
        raise NoClusterError(
            f"the cluster of {kubeconfig} does not answer: run `make cluster`, or set KUBECONFIG to your own cluster's\n"
            f"{answer.stderr.strip()}"
        )
    return kubectl


def prepare_cluster(kubectl: Kubectl) -> None:
    """Build and load what changed (a cluster of one's own pulls its images), and install or upgrade the operator.

    Raises CalledProcessError; what the command said is on the terminal.
    """
    if "KUBECONFIG" in os.environ:
        print(
            f"== Using the cluster of {kubectl.kubeconfig}; its nodes must be able to pull the images",
            flush=True,
        )
    else:
        print("== Images", flush=True)
        subprocess.run([sys.executable, "-m", "hack.images"], cwd=ROOT, check=True)
    print("== The operator (helm upgrade --install)", flush=True)
    environment = {**os.environ, "KUBECONFIG": str(kubectl.kubeconfig)}
    command = [str(binaries.path("helm")), *install_arguments(), "--hide-notes"]
    subprocess.run(command, cwd=ROOT, check=True, env=environment, stdout=subprocess.DEVNULL)
