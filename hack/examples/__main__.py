"""`make examples`: every example on the cluster, driven by its own protocol's client, and one table.

Each example is applied in a namespace of its own with Pod Security `restricted`, does its job, gets a new image and
loses a web pod while its clients work, and is removed again. Exit code 1 when anything was lost or did not happen.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from hack.clients.waiting import eventually
from hack.examples.catalog import NAMES
from hack.examples.driver import ExampleError
from hack.examples.row import find_faults, render_table
from hack.examples.run import run_example
from hack.examples.surroundings import NoClusterError, find_cluster, prepare_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hack.clients.kubectl import Kubectl
    from hack.examples.row import Row

PREFIX = "example-"
GONE_SECONDS = 180.0
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
            return report(*asyncio.run(run_all(names, cluster=cluster, made=namespaces)))
        finally:
            end(namespaces, keep=options.keep)
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
    names: Sequence[str], *, cluster: Kubectl, made: list[Kubectl]
) -> tuple[list[Row], list[str]]:
    """One example after the other; the rows, and a sentence for each that did not come to a row.

    Namespaces are added to `made` before anything is in them, so that they are removed whatever happens.
    """
    rows, problems = [], []
    for name in names:
        say = sayer(name)
        try:
            rows.append(await run_in_namespace(name, cluster=cluster, made=made, say=say))
        except (ExampleError, AssertionError) as error:
            say(f"failed: {error}")
            problems.append(f"{name}: {error}")
    return rows, problems


async def run_in_namespace(
    name: str, *, cluster: Kubectl, made: list[Kubectl], say: Callable[[str], None]
) -> Row:
    """Run an example in a new namespace; one that is left from an earlier run is removed first."""
    namespace = f"{PREFIX}{name}"
    if await asyncio.to_thread(cluster.find, "namespace", namespace) is not None:
        say(f"removing the namespace {namespace} of an earlier run")
        await asyncio.to_thread(
            cluster.run, "delete", "namespace", namespace, f"--timeout={GONE_SECONDS:.0f}s"
        )
    made.append(cluster.within(namespace))
    kubectl = await asyncio.to_thread(cluster.create_namespace, namespace)
    return await run_example(name, kubectl=kubectl, host=f"{name}.localhost", say=say)


def sayer(name: str) -> Callable[[str], None]:
    """Prints lines of progress with the seconds since the example began."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"  {time.monotonic() - started:6.1f} s  {name}: {text}", flush=True)

    return say


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


def end(namespaces: Sequence[Kubectl], *, keep: bool) -> None:
    """Remove the namespaces, or say how to look around in them and how to remove them."""
    if not namespaces:
        return
    names = [kubectl.namespace for kubectl in namespaces]
    if keep:
        program, kubeconfig = namespaces[0].program, namespaces[0].kubeconfig
        print(f"\nKept: {', '.join(f'http://{name.removeprefix(PREFIX)}.localhost/' for name in names)}")
        print(f"  export KUBECONFIG={kubeconfig} PATH={program.parent}:$PATH")
        print(f"  kubectl -n {names[0]} get rta")
        print(f"  kubectl delete namespace {' '.join(names)}")
        return
    print(f"Removing the namespaces {', '.join(names)}", flush=True)
    kubectl = namespaces[0]
    kubectl.run("delete", "namespace", *names, "--wait=false", "--ignore-not-found")
    eventually(
        lambda: all(kubectl.find("namespace", name) is None for name in names),
        within=GONE_SECONDS,
        what="every namespace of the examples gone",
    )


if __name__ == "__main__":
    sys.exit(main())
