"""Where the runtime finds its files inside a pod. Every path can be moved by the environment, for tests and odd images."""

from __future__ import annotations

import os
from pathlib import Path


def config_file() -> Path:
    """The settings.json the operator mounted."""
    return Path(os.environ.get("REALTIMEAPP_CONFIG", "/etc/realtimeapp/config/settings.json"))


def run_dir() -> Path:
    """The memory-backed directory all processes of one container share."""
    return Path(os.environ.get("REALTIMEAPP_RUN_DIR", "/run/realtimeapp"))


def termination_log() -> Path:
    """The file the kubelet copies into the container's termination message."""
    return Path(os.environ.get("REALTIMEAPP_TERMINATION_LOG", "/dev/termination-log"))
