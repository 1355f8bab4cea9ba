"""`realtimeapp crd`: the CustomResourceDefinition this version works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_operator.api.crd import build_crd
from realtimeapp_operator.cli.documents import write_yaml

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line; `run` of the parsed arguments executes it and returns the exit status."""
    parser = subparsers.add_parser(
        "crd",
        help="print the CustomResourceDefinition",
        description="Print the CustomResourceDefinition of RealtimeApp, to be applied with: "
        "realtimeapp crd | kubectl apply --server-side -f -",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    del arguments
    print(write_yaml(build_crd()), end="")
    return 0
