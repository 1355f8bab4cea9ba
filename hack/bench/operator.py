"""`make bench`: 200 RealtimeApps on a real API server without nodes, against a raw client sending the same bytes.

Both sides create the same custom resources and write the same children and statuses in one run, in turns
(floor, operator, floor, operator), so the machine's mood divides out. The floor is a client that knows every byte in
advance and keeps 32 requests in flight; nothing that reconciles can be faster than it. The controller manager is
stopped while the clock runs: it would measure itself. Prints seconds, the ratio of the medians, the operator's CPU per
application and per object written, and its peak memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.bench import floor
from hack.bench.process import Usage, usage
from hack.cluster import binaries, record
from hack.cluster.layout import CONTROL_PLANE, default_state
from tests.support.kubectl import Kubectl
from tests.support.operator_process import OperatorProcess, grant

ROOT = Path(__file__).resolve().parents[2]
CRD = ROOT / "crds" / "realtimeapps.realtimeapp.dev.yaml"
TARGET_RATIO = 1.3
TARGET_MS_PER_OBJECT = 1.5
TARGET_PEAK_MIB = 100.0


@dataclass(frozen=True, kw_only=True)
class Round:
    """One turn of the operator."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    objects: int


def main() -> int:
    """Run the benchmark and print one table; exit code 1 only when it could not be run."""
    parser = argparse.ArgumentParser(prog="hack.bench.operator", description=__doc__)
    parser.add_argument("--apps", type=int, default=200, help="RealtimeApps per turn (200)")
    parser.add_argument("--turns", type=int, default=2, help="turns of each side (2)")
    arguments = parser.parse_args()
    run_cluster("down")
    run_cluster("up")
    try:
        floors, rounds = measure(apps=arguments.apps, turns=arguments.turns)
    finally:
        run_cluster("down")
    report(apps=arguments.apps, floors=floors, rounds=rounds)
    return 0


def measure(*, apps: int, turns: int) -> tuple[list[float], list[Round]]:
    """Seconds of each floor turn, and the operator's turns."""
    kubectl = Kubectl(program=binaries.path("kubectl"), kubeconfig=default_state(CONTROL_PLANE).kubeconfig)
    kubectl.run("apply", "--server-side", "-f", str(CRD))
    kubectl.run("wait", "--for=condition=Established", "crd/realtimeapps.realtimeapp.dev", "--timeout=30s")
    floors: list[float] = []
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = grant(kubectl, Path(folder))
        sample = record_sample(kubectl, kubeconfig, Path(folder))
        for turn in range(turns):
            for side in ("floor", "operator"):
                namespace = f"{side}-{turn}"
                create_namespace(kubectl, namespace)
                pause_controllers(signal.SIGSTOP)
                try:
                    if side == "floor":
                        seconds = asyncio.run(
                            floor.run(kubectl.kubeconfig, namespace=namespace, apps=apps, sample=sample)
                        )
                        floors.append(seconds)
                        print(f"floor     {seconds:6.2f} s", flush=True)
                    else:
                        one = operate(
                            kubectl, kubeconfig, Path(folder), namespace=namespace, apps=apps, sample=sample
                        )
                        rounds.append(one)
                        print(f"operator  {one.seconds:6.2f} s  {one.cpu_seconds:5.2f} s CPU", flush=True)
                finally:
                    pause_controllers(signal.SIGCONT)
    return floors, rounds


def record_sample(kubectl: Kubectl, kubeconfig: Path, folder: Path) -> floor.Sample:
    """Let the operator reconcile one application and note every object it wrote, as the floor's script."""
    namespace = "sample"
    create_namespace(kubectl, namespace)
    log = folder / "sample.log"
    with OperatorProcess(kubeconfig=kubeconfig, log=log, namespaces=namespace):
        kubectl.within(namespace).apply(floor.application("sample"))
        kubectl.within(namespace).await_condition("sample", "Reconciled", within=30)
    return floor.take_sample(kubectl.within(namespace), "sample")


def operate(  # noqa: PLR0913 - the parts of one turn
    kubectl: Kubectl, kubeconfig: Path, folder: Path, *, namespace: str, apps: int, sample: floor.Sample
) -> Round:
    """Time the operator from the first created application to the last reconciled one."""
    log = folder / f"{namespace}.log"
    with OperatorProcess(kubeconfig=kubeconfig, log=log, namespaces=namespace) as process:
        before: Usage = usage(process.pid)
        started = time.monotonic()
        asyncio.run(floor.create_and_await(kubectl.kubeconfig, namespace=namespace, apps=apps))
        seconds = time.monotonic() - started
        after = usage(process.pid)
    return Round(
        seconds=seconds,
        cpu_seconds=after.cpu_seconds - before.cpu_seconds,
        peak_mib=after.peak_mib,
        objects=apps * (len(sample.children) + 1),
    )


def report(*, apps: int, floors: list[float], rounds: list[Round]) -> None:
    """Print the figures beside their targets."""
    ratio = statistics.median(r.seconds for r in rounds) / statistics.median(floors)
    cpu = statistics.median(r.cpu_seconds for r in rounds)
    objects = rounds[0].objects
    print(f"""
{apps} RealtimeApps, {objects} objects written (children and statuses), medians of {len(rounds)} turns

  raw client, 32 in flight     {statistics.median(floors):8.2f} s
  operator                     {statistics.median(r.seconds for r in rounds):8.2f} s
  ratio                        {ratio:8.2f}      target <= {TARGET_RATIO}
  operator CPU per app         {1000 * cpu / apps:8.2f} ms
  operator CPU per object      {1000 * cpu / objects:8.2f} ms   target <= {TARGET_MS_PER_OBJECT}
  operator peak memory         {max(r.peak_mib for r in rounds):8.1f} MiB  target <= {TARGET_PEAK_MIB:.0f}""")


def run_cluster(verb: str) -> None:
    """Start or remove the control plane."""
    command = [sys.executable, "-m", "hack.cluster", verb, "--profile", CONTROL_PLANE.name]
    subprocess.run(command, cwd=ROOT, check=True)


def pause_controllers(number: signal.Signals) -> None:
    """Stop or continue the controller manager."""
    running = record.parse(record.location(CONTROL_PLANE).read_text())
    assert running is not None, "the control plane has no record"
    for component in running.components:
        if component.name == "kube-controller-manager":
            os.kill(component.pid, number)


def create_namespace(kubectl: Kubectl, name: str) -> None:
    """A namespace, settled: its default ServiceAccount exists, so the controllers owe it nothing."""
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    kubectl.run("apply", "-f", "-", stdin=json.dumps(namespace))
    kubectl.within(name).run("wait", "--for=create", "serviceaccount/default", "--timeout=30s")


if __name__ == "__main__":
    sys.exit(main())
