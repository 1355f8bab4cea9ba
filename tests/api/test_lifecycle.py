"""The operator's process: who writes, how it ends, what it weighs."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hack.clients.waiting import eventually
from realtimeapp_operator import names
from tests.support.operator_process import SYSTEM
from tests.support.smallest_app import NO_MIGRATIONS, smallest_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.clients.kubectl import Kubectl
    from tests.api.conftest import ControlPlane, MakeOperator
    from tests.support.operator_process import OperatorProcess

IDLE_MIB_MAX = 90
CLEAN_END_SECONDS = 5.0
APP = smallest_app(migrations=NO_MIGRATIONS)


@pytest.fixture
def system(control_plane: ControlPlane) -> Iterator[Kubectl]:
    """kubectl where the lease is; no lease is left behind."""
    system = control_plane.kubectl.within(SYSTEM)
    yield system
    system.run("delete", "lease", names.LEASE, "--ignore-not-found")


def holder(system: Kubectl) -> str:
    lease = system.find("lease", names.LEASE) or {}
    return str(lease.get("spec", {}).get("holderIdentity", ""))


def observed(kubectl: Kubectl) -> int:
    return int(kubectl.get("rta", "counter").get("status", {}).get("observedGeneration", 0))


def test_a_second_replica_stands_by_and_goes_on_when_the_first_is_told_to_stop(
    system: Kubectl, kubectl: Kubectl, make_operator: MakeOperator
) -> None:
    second = make_operator("second")
    with make_operator("first") as first:
        writer = eventually(lambda: holder(system), within=10, what="the first holds the lease")
        second.start()
        try:
            kubectl.apply(APP)
            eventually(lambda: observed(kubectl) == 1, within=20, what="the first reconciles")
            assert holder(system) == writer
            begin = time.monotonic()
            assert first.stop() == 0
            assert time.monotonic() - begin < CLEAN_END_SECONDS
            eventually(
                lambda: holder(system) not in ("", writer), within=10, what="the second holds the lease"
            )
            kubectl.patch("rta", "counter", {"spec": {"web": {"disruptionBudget": {"maxUnavailable": 2}}}})
            eventually(lambda: observed(kubectl) == 2, within=20, what="the second reconciles")
        finally:
            assert second.stop() == 0


def test_a_writer_that_loses_the_lease_ends_at_once_and_says_why(
    system: Kubectl, make_operator: MakeOperator
) -> None:
    with make_operator("operator") as process:
        eventually(lambda: holder(system), within=10, what="the lease is held")
        system.patch("lease", names.LEASE, {"spec": {"holderIdentity": "thief"}})
        eventually(lambda: process.ended() is not None, within=15, what="the process ends")
        assert process.ended() == 1
    assert "is now held by thief" in process.log.read_text()
    assert "Traceback" not in process.log.read_text()


def test_a_frozen_writer_does_not_write_after_it_was_followed(
    system: Kubectl, make_operator: MakeOperator
) -> None:
    second = make_operator("second")
    with make_operator("first") as first:
        writer = eventually(lambda: holder(system), within=10, what="the first holds the lease")
        second.start()
        try:
            os.kill(first.pid, signal.SIGSTOP)
            eventually(
                lambda: holder(system) not in ("", writer), within=40, what="the second holds the lease"
            )
            os.kill(first.pid, signal.SIGCONT)
            eventually(lambda: first.ended() is not None, within=10, what="the first gives up")
            assert first.ended() == 1
        finally:
            second.stop()


@pytest.mark.usefixtures("system")
def test_at_rest_with_one_application_it_is_small(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl.apply(APP)
    eventually(lambda: observed(kubectl) == 1, within=30, what="it reconciles")
    lines = Path(f"/proc/{operator.pid}/status").read_text().splitlines()
    [resident] = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")]
    assert resident <= IDLE_MIB_MAX, f"{resident:.1f} MiB"
