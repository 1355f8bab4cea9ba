import os
import threading
from pathlib import Path

import pytest

from hack.cluster import binaries
from hack.cluster.errors import ClusterError, UnsuitableMachineError

FAKE_GO = """#!/bin/sh
case "$1" in
list) exit 0 ;;
build)
    echo "$@" >> "$CALLS"
    while [ "$1" != "-o" ]; do shift; done
    sleep "${SLOW:-0}"
    echo half > "$2"
    if [ -n "$BROKEN" ]; then echo "undefined: x"; exit 2; fi
    echo whole > "$2" ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A go that compiles in no time, and the log of its invocations."""
    folder = tmp_path / "bin"
    folder.mkdir()
    go = folder / "go"
    go.write_text(FAKE_GO)
    go.chmod(0o755)
    log = tmp_path / "calls"
    log.touch()
    monkeypatch.setenv("CALLS", str(log))
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return log


def builds(calls: Path) -> int:
    return len(calls.read_text().splitlines())


def test_a_binary_is_built_once_and_kept(calls: Path, tmp_path: Path) -> None:
    first = binaries.path("kubeconform")
    assert first.read_text() == "whole\n"
    assert first.is_relative_to(tmp_path / "cache" / "realtimeapp-operator" / "bin")
    assert binaries.path("kubeconform") == first
    assert builds(calls) == 1


def test_two_commands_at_once_build_it_once(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "0.3")
    threads = [threading.Thread(target=binaries.path, args=("helm",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert binaries.location("helm").read_text() == "whole\n"
    assert builds(calls) == 1


def test_a_failed_build_shows_the_compilers_words_and_leaves_no_binary(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(ClusterError, match="undefined: x"):
        binaries.path("helm")
    target = binaries.location("helm")
    assert not target.exists()
    assert not list(target.parent.glob(".helm.[0-9]*"))
    monkeypatch.delenv("BROKEN")
    assert binaries.path("helm").read_text() == "whole\n"
    assert builds(calls) == 2


def test_progress_names_the_program_and_its_place_in_the_queue(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binaries.build(["helm", "kubeconform"])
    said = capsys.readouterr()
    assert "[1 of 2] building helm" in said.err
    assert "[2 of 2] building kubeconform" in said.err
    assert said.out == ""
    assert builds(calls) == 2


def test_without_go_the_sentence_names_the_version_and_the_way_out(
    calls: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(UnsuitableMachineError, match=r"Go 1\.26\S* or newer .*KUBECONFIG="):
        binaries.path("helm")
    assert builds(calls) == 0


def test_an_unknown_program_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ClusterError, match="kubectl"):
        binaries.path("kubeclt")


@pytest.mark.parametrize(
    ("sources", "flags", "machine"),
    [
        ([b"mod2", b"sum"], ["-trimpath"], "x86_64"),
        ([b"mod", b"sum2"], ["-trimpath"], "x86_64"),
        ([b"mod", b"sum"], ["-trimpath", "-race"], "x86_64"),
        ([b"mod", b"sum"], ["-trimpath"], "aarch64"),
        ([b"mods", b"um"], ["-trimpath"], "x86_64"),
    ],
)
def test_the_key_changes_with_everything_that_changes_the_binary(
    sources: list[bytes], flags: list[str], machine: str
) -> None:
    key = binaries.cache_key(sources=[b"mod", b"sum"], flags=["-trimpath"], machine="x86_64")
    assert binaries.cache_key(sources=sources, flags=flags, machine=machine) != key
    assert binaries.cache_key(sources=[b"mod", b"sum"], flags=["-trimpath"], machine="x86_64") == key


def test_every_program_comes_from_a_pinned_module() -> None:
    for name, tool in binaries.TOOLS.items():
        go_mod = (binaries.SOURCES / tool.module / "go.mod").read_text()
        assert binaries.required_go(go_mod)
        if tool.package != ".":
            assert tool.package in go_mod, name
