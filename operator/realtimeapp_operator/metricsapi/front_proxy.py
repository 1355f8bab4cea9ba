"""Who may ask the metrics API: the API server's aggregation layer, proven by its client certificate.

The cluster publishes the authority and the names of that certificate in a ConfigMap. It is watched, which costs no
request at rest: an authority is replaced sooner or later, and a process that trusts only the old one would cut
autoscaling off, one that still trusts it as well would answer whoever has its lost key.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

NAMESPACE: Final = "kube-system"
CONFIG_MAP: Final = "extension-apiserver-authentication"
_AUTHORITY: Final = "requestheader-client-ca-file"
_NAMES: Final = "requestheader-allowed-names"


@dataclass(frozen=True, slots=True)
class Trust:
    """`authority` is PEM; `names` are the common names it speaks for as front proxy, empty for any."""

    authority: str
    names: frozenset[str]

    def admits(self, certificate: Mapping[str, Any] | None) -> bool:
        """Whether a peer may speak for others; `certificate` is what `SSLSocket.getpeercert` says of a verified one."""
        if not certificate:
            return False
        subject = certificate.get("subject", ())
        common = {value for parts in subject for name, value in parts if name == "commonName"}
        return not self.names or bool(common & self.names)


def read_trust(config_map: Mapping[str, Any]) -> Trust | None:
    """Return whom the ConfigMap names; None when this cluster has no aggregation layer."""
    data = config_map.get("data") or {}
    authority = data.get(_AUTHORITY) or ""
    if not authority.strip():
        return None
    listed = orjson.loads(data.get(_NAMES) or "[]") or []
    return Trust(authority, frozenset(str(name) for name in listed))


def follow_trust(use: Callable[[Trust | None], None]) -> Callable[[str, dict[str, Any]], None]:
    """Return what an informer of the ConfigMap calls; `use` gets each new trust, None when nobody is to be trusted.

    A deletion changes nothing: the API server writes the ConfigMap anew within a minute.
    """

    def on_change(event: str, config_map: dict[str, Any]) -> None:
        if event == "DELETED" or config_map["metadata"]["name"] != CONFIG_MAP:
            return
        trust = read_trust(config_map)
        if trust is None:
            logger.warning(
                "ConfigMap %s/%s names no %s: the API server has no aggregation layer, external metrics are not served",
                NAMESPACE,
                CONFIG_MAP,
                _AUTHORITY,
            )
        use(trust)

    return on_change
