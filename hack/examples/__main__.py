"""`make examples`: every example on the cluster, driven by its own protocol's client, and one table.

Each example is applied in a namespace of its own with Pod Security `restricted`, does its job, gets a new image and
loses a web pod while its clients work, and is removed again. Exit code 1 when anything was lost or did not happen.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

from hack.clients.scene import describe_scene
from hack.examples.catalog import NAMES
from hack.examples.driver import ExampleError
from hack.examples.row import find_faults, render_table
from hack.examples.run import run_example
from hack.examples.surroundings import ROOT, NoClusterError, find_cluster, prepare_cluster
from hack.progress import make_sayer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hack.clients.kubectl import Kubectl
    from hack.examples.row import Row

PREFIX = "example-"
GONE_SECONDS = 180.0
SCENES = ROOT / ".cache" / "examples"
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the examples asked for and return the exit code."""
    options = parse(arguments)
    names = [name for name in NAMES if not options.only or name in options.only]
    namespaces: list[Kubectl] = []
    try:
        cluster = find_cluster()
        prepare_cluster(cluster)
        try:
            outcome = asyncio.run(run_all(names, cluster=cluster, keep=options.keep, made=namespaces))
        finally:
            if options.keep and namespaces:
                say_kept(namespaces)
            else:
                remove(namespaces)
        return report(*outcome)
    except (NoClusterError, AssertionError) as error:
        print(f"error: {error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        print(f"error: `{command}` ended with exit code {error.returncode}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    return 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m hack.examples",
        description="Deploy the examples on the cluster of this checkout (or of KUBECONFIG), drive each with a client "
        "of its own protocol through a rollout and the death of a pod, and print one table.",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=NAMES,
        metavar="NAME",
        help=f"this example, may be repeated; one of {', '.join(NAMES)}",
    )
    parser.add_argument("--keep", action="store_true", help="leave the namespaces, to look around in them")
    return parser.parse_args(arguments)


async def run_all(
    names: Sequence[str], *, cluster: Kubectl, keep: bool, made: list[Kubectl]
) -> tuple[list[Row], list[str]]:
    """One example after the other; the rows, and a sentence for each that did not come to a row."""
    rows, problems = [], []
    for name in names:
        say = make_sayer(name)
        try:
            rows.append(await run_in_namespace(name, cluster=cluster, made=made, say=say))
        except (ExampleError, AssertionError) as error:
            say(f"failed: {error}")
            problems.append(f"{name}: {error}")
        finally:
            if not keep:
                # Before the next one: what is asked for twice may be more than a small node has.
                await asyncio.to_thread(remove, made)
    return rows, problems


async def run_in_namespace(
    name: str, *, cluster: Kubectl, made: list[Kubectl], say: Callable[[str], None]
) -> Row:
    """Run an example in a new namespace; one that is left from an earlier run is removed first.

    It is added to `made` before anything is in it, so that it is removed whatever happens.
    """
    kubectl = cluster.within(f"{PREFIX}{name}")
    if await asyncio.to_thread(cluster.find, "namespace", kubectl.namespace) is not None:
        say(f"removing the namespace {kubectl.namespace} of an earlier run")
        await asyncio.to_thread(remove, [kubectl])
    made.append(kubectl)
    await asyncio.to_thread(cluster.create_namespace, kubectl.namespace)
    try:
        return await run_example(name, kubectl=kubectl, host=f"{name}.localhost", say=say)
    except (ExampleError, AssertionError):
        scene = SCENES / f"{name}.log"
        scene.parent.mkdir(parents=True, exist_ok=True)
        scene.write_text(await asyncio.to_thread(describe_scene, kubectl))
        say(f"what the cluster saw is in {scene.relative_to(ROOT)}")
        raise


def report(rows: Sequence[Row], problems: Sequence[str]) -> int:
    """Print the table and below it what is wrong; the exit code."""
    if rows:
        print(f"\n{render_table(rows)}\n", flush=True)
    wrong = [*problems, *(fault for row in rows for fault in find_faults(row))]
    for sentence in wrong:
        print(f"WRONG  {sentence}")
    if not wrong:
        print("Nothing was lost.")
    return 1 if wrong else 0


def remove(namespaces: list[Kubectl]) -> None:
    """Remove namespaces with all that is in them, and take them from the list once they are gone."""
    while namespaces:
        kubectl = namespaces[-1]
        kubectl.remove_namespace(kubectl.namespace, within=GONE_SECONDS)
        namespaces.pop()


def say_kept(namespaces: Sequence[Kubectl]) -> None:
    """How to look around in the namespaces, and how to remove them."""
    names = [kubectl.namespace for kubectl in namespaces]
    program, kubeconfig = namespaces[0].program, namespaces[0].kubeconfig
    print(f"\nKept: {', '.join(f'http://{name.removeprefix(PREFIX)}.localhost/' for name in names)}")
    print(f"  export KUBECONFIG={kubeconfig} PATH={program.parent}:$PATH")
    print(f"  kubectl -n {names[0]} get rta")
    print(f"  kubectl delete namespace {' '.join(names)}")


if __name__ == "__main__":
    sys.exit(main())
