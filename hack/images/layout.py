"""Folders: what belongs to the checkout, and what every checkout of this user shares."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
OUTPUT = CHECKOUT / ".cache" / "images"
"""Archives, logs and the record of this checkout."""
SITES = OUTPUT / "site"
"""Unpacked wheels; the Containerfiles copy from here."""
RECORD = OUTPUT / "built.json"


def shared_cache() -> Path:
    """Return the folder of Debian bases and image layers, which a fresh clone uses again."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "realtimeapp-operator" / "images"


def archive(name: str) -> Path:
    """Return where the OCI archive of an image is written."""
    return OUTPUT / f"{name}.tar"
