"""The figures of the bench beside their targets, as one table per scenario."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from hack.examples.row import align

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hack.bench.rollout.measure import Outcome
    from hack.bench.rollout.scale import ScaleIn, ScaleOut
    from hack.bench.rollout.sides import Size

OVER: Final = 1.1
"""Of the rate in any second, and of sockets / rate in all: what jitter and the clients' own clocks may add."""
MOST_RECONNECTS: Final = 1.05
P50, P99 = 0.6, 2.0
"""Seconds a client may be away; djust's own client waits 0.5 to 1 s before it comes back."""
CLOSEST: Final = 1.05
"""A victim's load over that of the least loaded pod."""
GAVE_UP: Final = "gave up"
"""Somebody got no answer for 75 seconds."""
EVEN: Final = 1.15
"""The fullest pod over the mean."""


def describe_rollouts(size: Size, outcomes: Sequence[Outcome]) -> str:
    """One column per side, one line per figure."""
    lines: list[tuple[str, Callable[[Outcome], str], str]] = [
        ("closes that reach clients in any second", lambda one: str(one.peak), f"<= {OVER * size.rate:.0f}"),
        (
            "closed by the pods in any second",
            lambda one: f"{one.source_peak:.0f}" if one.source_peak else "-",
            f"<= {OVER * size.rate:.0f}",
        ),
        ("closes per second, over any 5 s", lambda one: f"{one.pace:.0f}", f"<= {OVER * size.rate:.0f}"),
        ("the clients' own longest stall", lambda one: f"{one.stalled:.2f} s", ""),
        ("closes by code", lambda one: describe_counts(one.codes), "only 1012"),
        ("pods ended by SIGKILL", lambda one: f"{one.killed} of {one.departed}", "0"),
        ("sockets left open on pods that are gone", lambda one: str(one.stranded), "0"),
        (
            "reconnects per client",
            lambda one: f"{one.reconnects_per_client:.3f}",
            f"<= {MOST_RECONNECTS} SurgeAll",
        ),
        ("clients closed 1, 2, 3 .. times", lambda one: describe_times(one.closes_by_client), ""),
        (
            "first to last close",
            lambda one: f"{one.closing_seconds:.1f} s",
            f"<= {OVER * size.sockets / size.rate:.0f} s",
        ),
        ("new image to the last old pod's end", lambda one: f"{one.seconds:.1f} s", ""),
        ("a client's downtime, median", lambda one: f"{one.downtime(0.5):.2f} s", f"<= {P50} s"),
        ("99 of 100", lambda one: f"{one.downtime(0.99):.2f} s", f"<= {P99:.0f} s"),
        ("longest", lambda one: f"{one.downtime(1.0):.2f} s", ""),
        ("handshakes refused", lambda one: describe_counts(one.refusals), ""),
        ("states lost, of people", lambda one: str(one.people.state_losses) if one.people else GAVE_UP, "0"),
        ("clicks lost, twice, made", describe_clicks, "0, 0"),
        ("their page requests failed, made", describe_requests, "0"),
        ("fullest pod over the mean, after", lambda one: f"{one.spread:.2f}", ""),
    ]
    header = (
        f"{size.pods} pods, {size.sockets} sockets, {size.rate}/s",
        *(one.side for one in outcomes),
        "target",
    )
    rows = [(name, *(take(one) for one in outcomes), target) for name, take, target in lines]
    return align(header, rows, right=header[1:])


def describe_scale_in(results: Sequence[ScaleIn]) -> str:
    """One line per seed: the victims' loads and what they are over the least loaded that stayed."""
    header = ("seed", "loads before", "victims", "worst over least", "closes", "peak/s", "seconds")
    rows = [
        (
            str(one.seed),
            " ".join(map(str, sorted(one.before))),
            " ".join(map(str, sorted(one.victims))),
            f"{one.worst_ratio:.3f}",
            describe_counts(one.codes),
            str(one.peak),
            f"{one.seconds:.0f}",
        )
        for one in results
    ]
    return f"{align(header, rows, right=header[3:])}\ntarget: worst over least <= {CLOSEST}, only 1012"


def describe_scale_out(size: Size, one: ScaleOut) -> str:
    """What became even, how fast, at which pace."""
    rows = [
        ("fullest pod over the mean at first", f"{one.spread_before:.2f}", ""),
        ("afterwards", f"{one.spread_after:.2f}", f"<= {EVEN}"),
        ("seconds until then", f"{one.seconds:.0f}", "<= 600"),
        ("closes in any second, at most", str(one.peak), f"<= {OVER * size.rate:.0f}"),
        ("closes by code", describe_counts(one.codes), "only 1012"),
        ("sockets moved, of all", f"{sum(one.codes.values())} of {one.sockets}", ""),
        ("handshakes refused", describe_counts(one.refusals), ""),
        ("a client's downtime, median and 99 of 100", f"{one.p50:.2f} s, {one.p99:.2f} s", ""),
    ]
    header = (f"{one.pods_before} to {one.pods_after} pods", "measured", "target")
    return align(header, rows, right=header[1:])


def describe_counts(counts: Mapping[int, int] | Mapping[str, int]) -> str:
    """`1012: 9000, 1006: 3`, the most frequent first; a dash for none."""
    return (
        ", ".join(f"{key}: {count}" for key, count in sorted(counts.items(), key=lambda item: -item[1]))
        or "-"
    )


def describe_times(closes_by_client: Sequence[int]) -> str:
    """How many clients were closed once, twice, and so on."""
    tally = Counter(closes_by_client)
    return " ".join(str(tally[times]) for times in range(1, max(tally, default=0) + 1)) or "-"


def describe_clicks(one: Outcome) -> str:
    """Of the people who clicked."""
    return f"{one.people.lost}, {one.people.doubled}, {one.people.sent}" if one.people else GAVE_UP


def describe_requests(one: Outcome) -> str:
    """Of the people who clicked and looked."""
    return f"{one.people.http_errors} of {one.people.requests}" if one.people else GAVE_UP
