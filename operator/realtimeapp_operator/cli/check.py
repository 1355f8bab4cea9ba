"""`realtimeapp check`: what the API server would refuse, said without a cluster and all at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from realtimeapp_operator import names
from realtimeapp_operator.api.parse import InvalidSpec, parse
from realtimeapp_operator.cli.documents import UnreadableDocumentsError, read_documents

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line; `run` of the parsed arguments executes it and returns the exit status."""
    parser = subparsers.add_parser(
        "check",
        help="say what is wrong with a RealtimeApp, without a cluster",
        description="Check RealtimeApps against everything the API server would check: fields, bounds and the rules "
        "between them. Prints one line per refusal, FILE: FIELD: what is accepted. What only a cluster can show, such "
        "as a missing Secret, is not looked at. Exit status: 0 when all are accepted, 1 otherwise.",
    )
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="manifest, also of several documents; - for standard input"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check every file; refusals go to the standard output, one per line, what cannot be read to the standard error."""
    accepted = refused = unread = 0
    for file in arguments.files:
        try:
            documents = read_documents(file)
        except UnreadableDocumentsError as error:
            print(error, file=sys.stderr)
            unread += 1
            continue
        for body in documents.apps:
            lines = list(_refusals(body))
            accepted += not lines
            refused += bool(lines)
            where = f"{file}: {_name(body)}"
            if not lines:
                print(f"{where} is accepted")
            for line in lines:
                print(f"{where if len(documents.apps) > 1 else file}: {line}")
    if not (accepted or refused or unread):
        print(f"{', '.join(arguments.files)}: there is no {names.KIND} to check", file=sys.stderr)
    return 0 if accepted and not refused and not unread else 1


def _refusals(body: Mapping[str, Any]) -> Iterator[str]:
    try:
        parse(body)
    except InvalidSpec as error:
        yield from (str(refusal) for refusal in error.refusals)


def _name(body: Mapping[str, Any]) -> str:
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{names.KIND}/{name or '?'}"
