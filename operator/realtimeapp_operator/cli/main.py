"""The command line `realtimeapp`: what can be said about a RealtimeApp without a cluster.

Every command is a module with `add_parser`; this one only picks. None of them opens a connection.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from realtimeapp_operator.cli import check, crd, render

if TYPE_CHECKING:
    from collections.abc import Sequence


def build_parser() -> argparse.ArgumentParser:
    """Parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="realtimeapp",
        description="Work with RealtimeApps offline: check a manifest, see what it becomes, print the CRD.",
        epilog="realtimeapp COMMAND --help explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (check, render, crd):
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; exit status 0, 1 when something is refused, 2 when the command line is not understood."""
    arguments = build_parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has enough; Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def _version() -> str:
    try:
        return metadata.version("realtimeapp-operator")
    except metadata.PackageNotFoundError:
        return "from a checkout"


if __name__ == "__main__":
    sys.exit(main())
