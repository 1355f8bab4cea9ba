"""`python -m hack.examples`: what it tells, and that it leaves nothing behind however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hack.examples import __main__ as program
from hack.examples.catalog import NAMES
from hack.examples.disruption import Disruption
from hack.examples.driver import ExampleError, Tally
from hack.examples.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Namespaces:
    """As much of kubectl as the command line uses: namespaces that are made and removed."""

    existing: set[str] = field(default_factory=set)
    namespace: str = "default"
    program: Path = Path("/usr/bin/kubectl")
    kubeconfig: Path = Path("/etc/kubeconfig")

    def within(self, namespace: str) -> Namespaces:
        return Namespaces(existing=self.existing, namespace=namespace)

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        assert kind == "namespace"
        return {"metadata": {"name": name}} if name in self.existing else None

    def create_namespace(self, name: str) -> Namespaces:
        assert name not in self.existing, "an earlier run's namespace must be gone first"
        self.existing.add(name)
        return self.within(name)

    def remove_namespace(self, name: str, *, within: float) -> None:
        assert within > 0, "it is waited for, or the next example meets it"
        self.existing.discard(name)

    def run(self, *arguments: str, check: bool = True) -> Any:  # noqa: ANN401 - a completed process
        assert not check, arguments
        return type("Done", (), {"stdout": ""})


def row(name: str, *, lost: int = 0) -> Row:
    """A row in which so many messages were lost."""
    tally = Tally(unit="messages", sent=9, lost=lost, doubled=0, closes={1012: 1})
    return Row(
        name=name,
        ready_seconds=1.0,
        job="said hello",
        tallies={Disruption.ROLLOUT: tally},
        planned_codes=frozenset({1012}),
        memory=(50.0,),
    )


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Namespaces:
    """A cluster without anything on it."""
    cluster = Namespaces()
    monkeypatch.setattr(program, "find_cluster", lambda: cluster)
    monkeypatch.setattr(program, "prepare_cluster", lambda _cluster: None)
    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr(program, "SCENES", tmp_path / "scenes")
    return cluster


def play(monkeypatch: pytest.MonkeyPatch, act: Callable[[str], Row]) -> list[str]:
    """Let `act` be what every example does; the names of those that began."""
    begun: list[str] = []

    async def run_example(name: str, *, kubectl: Namespaces, **_: object) -> Row:
        begun.append(name)
        assert kubectl.existing == {f"example-{name}"}, "one at a time, in a namespace of its own"
        found = act(name)
        await asyncio.sleep(0)  # where an interruption comes out
        return found

    monkeypatch.setattr(program, "run_example", run_example)
    return begun


def test_all_examples_run_one_after_the_other_and_are_removed(
    cluster: Namespaces, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = play(monkeypatch, row)
    assert program.main([]) == 0
    assert begun == list(NAMES)
    assert cluster.existing == set()
    assert "Nothing was lost." in capsys.readouterr().out


def test_an_example_that_fails_stops_no_other_and_leaves_a_scene(
    cluster: Namespaces, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def act(name: str) -> Row:
        if name == "channels-chat":
            raise ExampleError("nobody answered")
        return row(name)

    begun = play(monkeypatch, act)
    assert program.main([]) == 1
    assert begun == list(NAMES)
    assert cluster.existing == set()
    assert "WRONG  channels-chat: nobody answered" in capsys.readouterr().out
    assert (tmp_path / "scenes" / "channels-chat.log").exists()


def test_a_loss_is_told_and_the_exit_code_says_so(
    cluster: Namespaces, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(monkeypatch, lambda name: row(name, lost=2))
    assert program.main(["--only", "django-shop"]) == 1
    assert "django-shop, rollout: 2 of 9 messages lost" in capsys.readouterr().out
    assert cluster.existing == set()


def test_keep_leaves_the_namespace_and_the_next_run_replaces_it(
    cluster: Namespaces, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(monkeypatch, row)
    assert program.main(["--only", "django-shop", "--keep"]) == 0
    assert cluster.existing == {"example-django-shop"}
    assert "kubectl delete namespace example-django-shop" in capsys.readouterr().out
    assert program.main(["--only", "django-shop"]) == 0
    assert cluster.existing == set()


def test_an_interruption_removes_what_there_is(
    cluster: Namespaces, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(name: str) -> Row:
        os.kill(os.getpid(), signal.SIGINT)
        return row(name)

    begun = play(monkeypatch, act)
    assert program.main([]) == 130
    assert begun == [NAMES[0]]
    assert cluster.existing == set()
    assert "stopped" in capsys.readouterr().err


def test_without_a_cluster_it_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    assert program.main([]) == 1
    assert "run `make cluster`" in capsys.readouterr().err
