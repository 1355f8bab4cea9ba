"""Limits of this process that a bench has to lift."""

from __future__ import annotations

import resource


def raise_file_limit(wanted: int) -> None:
    """Allow this process and those it starts `wanted` open files, as far as the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def count_proxied(spare: int, *, replicas: int) -> int:
    """Return how many sockets a proxy of so many processes may carry, each with `spare` other files.

    Each socket takes two files. The hard limit is that of this process, from which the cluster's programs inherit theirs.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (hard - spare) // 2 * replicas
