"""`make bench`: 200 RealtimeApps on a real API server without nodes, against a raw client sending the same bytes.

Both sides create the same custom resources and write the same children and statuses in one run, in turns
(floor, operator, floor, operator, ...), so the machine's mood divides out. The floor is a client that knows every byte
in advance and keeps 32 requests in flight; nothing that reconciles can be faster than it. The controller manager is
stopped while the clock runs: it would measure itself. Each turn also starts an operator for a single application and
reads its memory once it is quiet. Prints the median and the worst turn of: seconds, their ratio, the operator's CPU per
application and per object written, its peak memory, and its memory when idle.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hack.bench import floor
from hack.bench.process import Usage, usage
from hack.clients.kubectl import Kubectl
from hack.clients.waiting import eventually
from hack.cluster import binaries, record
from hack.cluster.layout import CONTROL_PLANE, default_state
from tests.support.operator_process import OperatorProcess, grant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
CRD = ROOT / "crds" / "realtimeapps.realtimeapp.dev.yaml"
TARGET_RATIO = 1.3
TARGET_MS_PER_OBJECT = 1.5
TARGET_PEAK_MIB = 100.0
TARGET_IDLE_MIB = 90.0
QUIET_SECONDS = 20.0
"""After this an idle operator is at rest: its HTTP client closes spare connections after 15 s."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One turn: the raw client's seconds, then what the operator took for the same."""

    floor_seconds: float
    floor_cpu_seconds: float
    seconds: float
    cpu_seconds: float
    peak_mib: float
    objects: int
    idle_mib: float


def main() -> int:
    """Run the benchmark and print one table; exit code 1 only when it could not be run."""
    parser = argparse.ArgumentParser(prog="hack.bench.operator", description=__doc__)
    parser.add_argument("--apps", type=int, default=200, help="RealtimeApps per turn (200)")
    parser.add_argument("--turns", type=int, default=3, help="turns of each side (3)")
    arguments = parser.parse_args()
    run_cluster("down")
    run_cluster("up")
    try:
        rounds = measure(apps=arguments.apps, turns=arguments.turns)
    finally:
        run_cluster("down")
    report(apps=arguments.apps, rounds=rounds)
    return 0


def measure(*, apps: int, turns: int) -> list[Round]:
    """Run the turns one after the other."""
    kubectl = Kubectl(program=binaries.path("kubectl"), kubeconfig=default_state(CONTROL_PLANE).kubeconfig)
    kubectl.run("apply", "--server-side", "-f", str(CRD))
    eventually(lambda: is_served(kubectl), within=30, what="RealtimeApp served")
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = grant(kubectl, Path(folder))
        sample = record_sample(kubectl, kubeconfig, Path(folder))
        for turn in range(turns):
            with still(kubectl, f"floor-{turn}"):
                started = time.process_time()
                floor_seconds = asyncio.run(
                    floor.run(kubectl.kubeconfig, namespace=f"floor-{turn}", apps=apps, sample=sample)
                )
                floor_cpu_seconds = time.process_time() - started
            with still(kubectl, f"operator-{turn}"):
                seconds, used = operate(
                    kubectl, kubeconfig, Path(folder), namespace=f"operator-{turn}", apps=apps
                )
            with still(kubectl, f"idle-{turn}"):
                idle_mib = rest(kubectl, kubeconfig, Path(folder), namespace=f"idle-{turn}")
            one = Round(
                floor_seconds=floor_seconds,
                floor_cpu_seconds=floor_cpu_seconds,
                seconds=seconds,
                cpu_seconds=used.cpu_seconds,
                peak_mib=used.peak_mib,
                objects=apps * (len(sample.children) + 1),
                idle_mib=idle_mib,
            )
            print(
                f"turn {turn + 1}: raw client {one.floor_seconds:.2f} s, operator {one.seconds:.2f} s with"
                f" {one.cpu_seconds:.2f} s CPU and {one.peak_mib:.1f} MiB at most, idle {one.idle_mib:.1f} MiB",
                flush=True,
            )
            rounds.append(one)
    return rounds


@contextmanager
def still(kubectl: Kubectl, namespace: str) -> Iterator[None]:
    """Make a namespace of its own and stop the controllers meanwhile."""
    create_namespace(kubectl, namespace)
    pause_controllers(signal.SIGSTOP)
    try:
        yield
    finally:
        pause_controllers(signal.SIGCONT)


def record_sample(kubectl: Kubectl, kubeconfig: Path, folder: Path) -> floor.Sample:
    """Let the operator reconcile one application and note every object it wrote, as the floor's script."""
    namespace = "sample"
    create_namespace(kubectl, namespace)
    log = folder / "sample.log"
    with OperatorProcess(kubeconfig=kubeconfig, log=log, namespaces=namespace):
        kubectl.within(namespace).apply(floor.application("sample"))
        kubectl.within(namespace).await_condition("sample", "Reconciled", within=30)
    return floor.take_sample(kubectl.within(namespace), "sample")


def operate(
    kubectl: Kubectl, kubeconfig: Path, folder: Path, *, namespace: str, apps: int
) -> tuple[float, Usage]:
    """Time the operator from the first created application to the last reconciled one; what it used for that."""
    with OperatorProcess(
        kubeconfig=kubeconfig, log=folder / f"{namespace}.log", namespaces=namespace
    ) as process:
        before = usage(process.pid)
        started = time.monotonic()
        asyncio.run(floor.create_and_await(kubectl.kubeconfig, namespace=namespace, apps=apps))
        seconds = time.monotonic() - started
        after = usage(process.pid)
    return seconds, dataclasses.replace(after, cpu_seconds=after.cpu_seconds - before.cpu_seconds)


def rest(kubectl: Kubectl, kubeconfig: Path, folder: Path, *, namespace: str) -> float:
    """Resident memory (MiB) of an operator that has reconciled one application and has nothing to do since."""
    with OperatorProcess(
        kubeconfig=kubeconfig, log=folder / f"{namespace}.log", namespaces=namespace
    ) as process:
        kubectl.within(namespace).apply(floor.application("idle"))
        kubectl.within(namespace).await_condition("idle", "Reconciled", within=30)
        time.sleep(QUIET_SECONDS)
        return usage(process.pid).resident_mib


def report(*, apps: int, rounds: list[Round]) -> None:
    """Print the figures beside their targets."""
    objects = rounds[0].objects
    figures: list[tuple[str, Callable[[Round], float], str, str]] = [
        ("raw client, 32 in flight", lambda one: one.floor_seconds, "s", ""),
        ("operator", lambda one: one.seconds, "s", ""),
        ("ratio", lambda one: one.seconds / one.floor_seconds, "", f"<= {TARGET_RATIO}"),
        ("raw client CPU per object", lambda one: 1000 * one.floor_cpu_seconds / objects, "ms", ""),
        ("operator CPU per application", lambda one: 1000 * one.cpu_seconds / apps, "ms", ""),
        (
            "operator CPU per object",
            lambda one: 1000 * one.cpu_seconds / objects,
            "ms",
            f"<= {TARGET_MS_PER_OBJECT} ms",
        ),
        ("operator peak memory", lambda one: one.peak_mib, "MiB", f"<= {TARGET_PEAK_MIB:.0f} MiB"),
        ("operator idle memory", lambda one: one.idle_mib, "MiB", f"<= {TARGET_IDLE_MIB:.0f} MiB"),
    ]
    print(f"\n{apps} RealtimeApps, {objects} objects written (children and statuses), {len(rounds)} turns\n")
    print(f"{'':30}{'median':>10}{'worst':>10}{'':5}target")
    for name, take, unit, target in figures:
        values = [take(one) for one in rounds]
        print(f"{name:30}{statistics.median(values):10.2f}{max(values):10.2f} {unit:4}{target}")


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


def is_served(kubectl: Kubectl) -> bool:
    """Whether the API server knows RealtimeApps by now; `kubectl wait` fails on a CRD that has no conditions yet."""
    return kubectl.run("get", "rta", "--all-namespaces", check=False).returncode == 0


def create_namespace(kubectl: Kubectl, name: str) -> None:
    """A namespace, settled: its default ServiceAccount exists, so the controllers owe it nothing."""
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    kubectl.run("apply", "-f", "-", stdin=json.dumps(namespace))
    kubectl.within(name).run("wait", "--for=create", "serviceaccount/default", "--timeout=30s")


if __name__ == "__main__":
    sys.exit(main())
