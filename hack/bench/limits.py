"""Limits of this process that a bench has to lift."""

from __future__ import annotations

import resource


def raise_file_limit(wanted: int) -> None:
    """Allow this process and those it starts `wanted` open files, as far as the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
