"""Manifests from files and back to YAML, for the commands that work offline.

Refuses to guess: what cannot be read ends in one sentence that names the file.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from realtimeapp_operator import names

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnreadableDocumentsError(Exception):
    """A file that cannot be read as manifests; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Documents:
    """The content of one file."""

    apps: tuple[dict[str, Any], ...]
    """Manifests of RealtimeApps, in their order."""
    others: tuple[str, ...]
    """`Kind/name` of everything else in the file."""


def read_documents(file: str) -> Documents:
    """The manifests of `file`, `-` for the standard input.

    Raises UnreadableDocumentsError where the file cannot be read, is no YAML, or holds something that is no object.
    """
    loaded = [document for document in _load(file) if document is not None]
    if not loaded:
        raise UnreadableDocumentsError(f"{file}: there is no manifest in it")
    for number, document in enumerate(loaded, start=1):
        if not isinstance(document, dict):
            raise UnreadableDocumentsError(
                f"{file}: document {number} is not a Kubernetes object: it must have apiVersion, kind and metadata"
            )
    return Documents(
        apps=tuple(document for document in loaded if document.get("kind") == names.KIND),
        others=tuple(_describe(document) for document in loaded if document.get("kind") != names.KIND),
    )


def _load(file: str) -> list[Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return list(yaml.safe_load_all(text))
    except OSError as error:
        raise UnreadableDocumentsError(f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnreadableDocumentsError(f"{file}: it is not UTF-8 text") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise UnreadableDocumentsError(f"{file}: not YAML{where}: {problem}") from error


def _describe(document: Mapping[str, Any]) -> str:
    metadata = document.get("metadata")
    name = metadata.get("name", "?") if isinstance(metadata, dict) else "?"
    return f"{document.get('kind', '?')}/{name}"


def write_yaml(document: Mapping[str, Any]) -> str:
    """One object as YAML a person reads: keys in their order, long texts as blocks, no anchors."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401 - PyYAML's signature
        del data
        return True


_NUMBER: Final = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?|0[oxb][0-9a-fA-F_]+")
"""What YAML 1.1 or 1.2 takes for a number. PyYAML quotes what it reads as one itself, and `288576e9` is none to it; to
kubectl it is, and an annotation must be a text."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else "'" if _NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
