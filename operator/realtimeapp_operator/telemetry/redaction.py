"""Masks what looks like a credential: in logs, and in other people's words inside a condition or an Event.

The last of several fences: no code here writes a Secret anywhere in the first place. Rather masks too much than too
little, as a password may hold any character a URL gives a meaning.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"

_URL_CREDENTIALS: Final = re.compile(r"(?P<start>://)[^\s'\"]*(?=@)")
"""Up to the last @ of the word: the passwords people make up hold `/`, `:` and `@`, unquoted."""
_BEARER: Final = re.compile(r"(?i)(?P<start>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}")
_ASSIGNED: Final = re.compile(
    r"""(?ix)(?P<start>["']?\b[\w-]*(?:password|passwd|secret[_-]?key|token|api[_-]?key|authorization)["']?\s*[=:]\s*["']?)
    (?!bearer\b|basic\b)[^\s"',;}&]+"""
)


def redact(text: str) -> str:
    """Mask user and password in URLs, bearer tokens and values assigned to names like password or token."""
    for pattern in (_URL_CREDENTIALS, _BEARER, _ASSIGNED):
        text = pattern.sub(rf"\g<start>{MASK}", text)
    return text
