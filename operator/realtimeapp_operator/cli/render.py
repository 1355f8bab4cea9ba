"""`realtimeapp render`: the objects a manifest becomes, offline, from the same functions the operator uses."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, get_args

from realtimeapp_operator.api.parse import InvalidSpec, parse
from realtimeapp_operator.cli.documents import UnreadableDocumentsError, read_documents, write_yaml
from realtimeapp_operator.render import Edge, Facts, fill_keys, render, resolve_edge, unmet
from realtimeapp_operator.render.edge.ingress import TRAEFIK_CONTROLLER

if TYPE_CHECKING:
    import argparse

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render import Manifest

EXIT_REFUSED: Final = 1
RUNTIME_IMAGE: Final = "localhost/realtimeapp-operator:dev"
REDIS_IMAGE: Final = "localhost/realtimeapp-redis:dev"
"""The names `make images` builds under."""
OPERATOR_NAMESPACE: Final = "realtimeapp-system"
METRICS_URL: Final = "http://realtimeapp-operator-leader.{namespace}.svc:8080"
"""Where an operator is, and answers, that was installed as docs/install.md says."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line; `run` of the parsed arguments executes it and returns the exit status."""
    parser = subparsers.add_parser(
        "render",
        help="print the objects a RealtimeApp becomes",
        description="Print the objects a RealtimeApp becomes, in the order in which the operator applies them. "
        "Nothing is asked of a cluster.",
    )
    parser.add_argument(
        "file", metavar="FILE", help="manifest with one or more RealtimeApps; - for standard input"
    )
    parser.add_argument(
        "--namespace",
        "-n",
        help="namespace of a RealtimeApp that names none (default: default)",
    )
    parser.add_argument(
        "--edge",
        choices=get_args(Edge),
        help="ingress controller to render for (default: Traefik for the class traefik, else Generic; "
        "the operator asks the IngressClass)",
    )
    for flag, variable, image in (
        ("--runtime-image", "REALTIMEAPP_RUNTIME_IMAGE", RUNTIME_IMAGE),
        ("--redis-image", "REALTIMEAPP_REDIS_IMAGE", REDIS_IMAGE),
    ):
        parser.add_argument(
            flag,
            metavar="IMAGE",
            default=os.environ.get(variable) or image,
            help=f"the operator's {flag} [${variable}; default: {image}]",
        )
    parser.add_argument(
        "--operator-namespace",
        metavar="NAMESPACE",
        default=OPERATOR_NAMESPACE,
        help="namespace of the operator, which asks the web pods and is asked by KEDA (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print every RealtimeApp's objects; refusals go to the standard error, and nothing is printed then."""
    try:
        documents = read_documents(arguments.file)
        apps = [parse(_in_namespace(body, arguments.namespace)) for body in documents.apps]
    except UnreadableDocumentsError as error:
        return _refuse(str(error))
    except InvalidSpec as error:
        return _refuse(
            *(f"{arguments.file}: {refusal.path}: {refusal.message}" for refusal in error.refusals)
        )
    if not apps:
        return _refuse(f"{arguments.file}: there is no RealtimeApp in it")
    for other in documents.others:
        print(f"{other} is left out: only RealtimeApps are rendered", file=sys.stderr)
    for app in apps:
        _print_app(app, _facts(app, arguments))
    return 0


def _in_namespace(body: dict[str, Any], namespace: str | None) -> dict[str, Any]:
    metadata = body.get("metadata")
    if namespace is None or not isinstance(metadata, dict) or metadata.get("namespace"):
        return body
    return {**body, "metadata": {**metadata, "namespace": namespace}}


def _facts(app: RealtimeApp, arguments: argparse.Namespace) -> Facts:
    # Traefik's chart names its class after itself; the operator looks at the class instead of its name.
    named_traefik = app.spec.ingress is not None and app.spec.ingress.class_name == "traefik"
    edge = resolve_edge(app, controller=TRAEFIK_CONTROLLER if named_traefik else None)
    return Facts(
        runtime_image=arguments.runtime_image,
        redis_image=arguments.redis_image,
        edge=edge if arguments.edge is None or edge is None else arguments.edge,
        operator_namespace=arguments.operator_namespace,
        metrics_url=METRICS_URL.format(namespace=arguments.operator_namespace),
    )


def _print_app(app: RealtimeApp, facts: Facts) -> None:
    for sentence in unmet(app, facts.edge):
        print(f"{app.metadata.name}: {sentence}", file=sys.stderr)
    for manifest in render(app, facts):
        print(f"---\n{_comment(manifest)}{write_yaml(manifest)}", end="")


def _comment(manifest: Manifest) -> str:
    if manifest["kind"] != "Secret":
        return ""
    return f"# The operator generates {', '.join(fill_keys(manifest))} once, when it creates this Secret.\n"


def _refuse(*sentences: str) -> int:
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return EXIT_REFUSED
