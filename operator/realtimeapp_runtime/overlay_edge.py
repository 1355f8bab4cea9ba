"""The overlay's settings that follow from the edge: hosts, origins, cookies and security headers.

What only a strict edge can decide is set only where the settings say nothing, so the user's own value always wins.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_runtime.config import Config

HSTS_SECONDS: Final = 3600
"""An hour: browsers forget a mistake by lunch time. A year is a decision for the application's own settings."""

DEFAULTS: Final[dict[str, Any]] = {
    "SECURE_CONTENT_TYPE_NOSNIFF": True,
    "SECURE_REFERRER_POLICY": "same-origin",
    "X_FRAME_OPTIONS": "DENY",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "CSRF_COOKIE_SAMESITE": "Lax",
}


def build(user: Mapping[str, Any], config: Config, pod_ip: str | None) -> dict[str, Any]:
    """Return hosts, origins, cookie flags and headers."""
    changes: dict[str, Any] = {}
    if config.hosts:
        # exact names only: some views compare the Host header with this list literally
        changes["ALLOWED_HOSTS"] = [*config.hosts, *_own_address(pod_ip)]
    if config.csrf_trusted_origins:
        origins = [*config.csrf_trusted_origins, *(user.get("CSRF_TRUSTED_ORIGINS") or ())]
        changes["CSRF_TRUSTED_ORIGINS"] = list(dict.fromkeys(origins))
    defaults = dict(DEFAULTS)
    if config.tls:
        changes.update(SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True)
        defaults["SECURE_HSTS_SECONDS"] = HSTS_SECONDS
        if trusts_proxies(config):
            # without a trusted proxy every request looks like http, and a redirect to https would never end
            defaults["SECURE_SSL_REDIRECT"] = True
    changes.update({name: value for name, value in defaults.items() if name not in user})
    return changes


def trusts_proxies(config: Config) -> bool:
    """Tell whether the client's address and scheme are taken from a proxy."""
    return config.trusted_hops is not None or bool(config.trusted_cidrs)


def _own_address(pod_ip: str | None) -> list[str]:
    """Return the pod's address as Django spells a host, for scrapes that go to the pod itself."""
    if not pod_ip:
        return []
    try:
        address = ipaddress.ip_address(pod_ip)
    except ValueError:
        return []
    return [f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else str(address)]
