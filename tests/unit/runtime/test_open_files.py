"""A container may begin with room for a thousand open files; a pod that holds more sockets than that says what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from realtimeapp_runtime import open_files

PARENT = Path(open_files.__file__).parents[1]

SCRIPT = """
import resource
from realtimeapp_runtime import open_files
from realtimeapp_runtime.config import Config
resource.setrlimit(resource.RLIMIT_NOFILE, (64, {hard}))
open_files.raise_limit(Config(framework="Djust", settings_module="x", max_per_pod=300))
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limits_after(hard: int) -> tuple[str, str]:
    """What a process that began with 64 may open afterwards, and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(hard=hard)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"PYTHONPATH": str(PARENT)},
    )
    return done.stdout.strip(), done.stderr


def test_the_soft_limit_becomes_the_hard_one_without_a_word() -> None:
    assert limits_after(512) == ("512 512", "")


def test_a_hard_limit_below_what_the_pod_may_hold_is_told() -> None:
    limits, said = limits_after(256)
    assert limits == "256 256"
    assert "may open 256 files, and 300 connections need about 500" in said
    assert "web.connections.maxPerPod" in said
