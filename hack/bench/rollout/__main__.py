"""`make bench-rollout`: what users feel of a deploy and of scaling, on a real node with real sockets.

Three times the same application with the same sockets gets a new image: under the operator with the strategies SurgeAll
and Paced, and without the operator the way its framework's guides and Kubernetes' documentation say. Then half of its
pods are taken away from an uneven load, once per seed, and at last pods are added to an even one. Clients come back the
way djust's own client does. Prints one table per scenario beside the targets; exit code 1 only when it could not be run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hack.bench.limits import count_proxied, raise_file_limit
from hack.bench.rollout.measure import Stage, measure_rollout
from hack.bench.rollout.report import describe_rollouts, describe_scale_in, describe_scale_out
from hack.bench.rollout.scale import measure_scale_in, measure_scale_out
from hack.bench.rollout.sides import Ours, Size, choose_sides
from hack.clients.scene import describe_scene
from hack.clients.waiting import eventually
from hack.cluster.up import count_edges
from hack.examples.driver import ExampleError
from hack.examples.surroundings import ROOT, NoClusterError, find_cluster, prepare_cluster
from hack.progress import make_sayer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from hack.clients.kubectl import Kubectl

SCENARIOS: Final = ("rollout", "scale-in", "scale-out")
SOCKETS: Final = 10_000
FEW: Final = 4
"""Pods before they are doubled."""
AHEAD: Final = -10
AUTOGROUP: Final = Path("/proc/self/autogroup")
SPARE_FILES: Final = 2000
"""Of each replica of the edge: its own, and those of the share of sockets that one has more than another."""
GONE_SECONDS: Final = 300
SCENE: Final = ROOT / ".cache" / "bench" / "rollout.log"
SEED_SHARE: Final = 10
"""The seeds of the scale-in have a tenth of the sockets: what is shown is who goes, ten times over."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for and return the exit code."""
    options = parse(arguments)
    most = count_proxied(SPARE_FILES, replicas=max(1, count_edges()))
    sockets = options.sockets or min(SOCKETS, most)
    if sockets > most:
        print(
            f"error: the edge may hold {most} sockets on this machine, for want of open files",
            file=sys.stderr,
        )
        return 1
    if options.sockets is None and sockets < SOCKETS:
        print(
            f"{sockets} sockets instead of {SOCKETS}: the edge may not open files for more; `hack.cluster up --edges 2` doubles that"
        )
    size = Size(pods=options.pods, sockets=sockets, rate=options.rate)
    raise_file_limit(sockets + SPARE_FILES)
    observe_promptly()
    try:
        cluster = find_cluster()
        prepare_cluster(cluster)
        for scenario in options.only or SCENARIOS:
            asyncio.run(run(scenario, cluster=cluster, size=size, options=options))
    except (NoClusterError, ExampleError, AssertionError) as error:
        print(f"error: {error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(
            f"error: `{' '.join(map(str, error.cmd))}` ended with exit code {error.returncode}",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    else:
        return 0
    return 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m hack.bench.rollout",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pods", type=positive, default=10, help="web pods (10)")
    parser.add_argument(
        "--sockets",
        type=positive,
        help=f"sockets in all ({SOCKETS}, or as many as the edge may hold on this machine)",
    )
    parser.add_argument("--rate", type=positive, default=200, help="reconnects per second at most (200)")
    parser.add_argument("--seeds", type=positive, default=10, help="uneven loads to scale in from (10)")
    parser.add_argument(
        "--side", action="append", default=[], help="only this side of the rollout; may be repeated"
    )
    parser.add_argument(
        "--only", action="append", default=[], choices=SCENARIOS, help="this scenario; may be repeated"
    )
    return parser.parse_args(arguments)


def observe_promptly() -> None:
    """Keep the clients from seeing late what happens, and then all at once.

    A full garbage collection of ten thousand connections takes a second; they leave next to no garbage in cycles. Where
    the system lets it, this process also goes before what it looks at, with which it shares the processors: by itself,
    and its session as a whole where the kernel weighs sessions first (see autogroups in sched(7)).
    """
    gc.disable()
    with contextlib.suppress(OSError):
        os.nice(AHEAD)
    with contextlib.suppress(OSError):
        AUTOGROUP.write_text(str(AHEAD), encoding="ascii")


def positive(text: str) -> int:
    """Read a count."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1 up")
    return int(text)


async def run(scenario: str, *, cluster: Kubectl, size: Size, options: argparse.Namespace) -> None:
    """Run one scenario and print its table."""
    say = make_sayer(scenario)
    print(f"== {scenario}", flush=True)
    if scenario == "rollout":
        outcomes = []
        for number, side in enumerate(choose_sides(size)):
            if not options.side or side.name in options.side:
                async with staged(cluster, f"bench-{number}", say=say) as stage:
                    outcomes.append(await measure_rollout(side, size, stage=stage))
        table = describe_rollouts(size, outcomes)
    elif scenario == "scale-in":
        small = Size(pods=size.pods, sockets=size.sockets // SEED_SHARE, rate=size.rate)
        async with staged(cluster, "bench-scale-in", say=say) as stage:
            side = Ours(name="scale-in", strategy="Paced", size=small)
            table = describe_scale_in(await measure_scale_in(side, small, seeds=options.seeds, stage=stage))
    else:
        few = Size(pods=FEW, sockets=FEW * size.per_pod, rate=size.rate)
        async with staged(cluster, "bench-scale-out", say=say) as stage:
            side = Ours(name="scale-out", strategy="Paced", size=few, rebalance="AfterScaleOut")
            table = describe_scale_out(few, await measure_scale_out(side, few, to=2 * FEW, stage=stage))
    print(f"\n{table}\n", flush=True)


@asynccontextmanager
async def staged(cluster: Kubectl, name: str, *, say: Callable[[str], None]) -> AsyncIterator[Stage]:
    """A namespace of its own, which is gone afterwards; what the cluster saw is kept where something did not happen."""
    # An earlier run may have left it.
    await asyncio.to_thread(cluster.remove_namespace, name, within=GONE_SECONDS)
    kubectl = await asyncio.to_thread(cluster.create_namespace, name)
    try:
        yield Stage(kubectl=kubectl, host=f"{name}.localhost", say=say)
    except (AssertionError, ExampleError):
        SCENE.parent.mkdir(parents=True, exist_ok=True)
        SCENE.write_text(await asyncio.to_thread(describe_scene, kubectl))
        print(f"what the cluster saw is in {SCENE.relative_to(ROOT)}", file=sys.stderr)
        raise
    finally:
        await asyncio.to_thread(empty, kubectl)


def empty(kubectl: Kubectl) -> None:
    """Begin to remove a namespace and wait until its pods are gone: the next side needs their processors and memory.

    The namespace itself takes half of the pods' grace period longer, because its controller looks again only then.
    """
    kubectl.remove_namespace(kubectl.namespace)
    eventually(lambda: not kubectl.items("pods"), within=GONE_SECONDS, what="the pods are gone", interval=2)


if __name__ == "__main__":
    sys.exit(main())
