"""The two generated Secrets: Django's key and Redis' passwords. They are created once and never read back.

Rendering leaves their data out, so that a manifest can be printed, compared and logged. `fill` adds it at the only
moment it is needed, the creation.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from realtimeapp_operator import names
from realtimeapp_operator.render.common import metadata
from realtimeapp_operator.render.redis_config import acl

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render.facts import Manifest


def build_secrets(app: RealtimeApp) -> list[Manifest]:
    """The Secrets to generate, without data; none for a Django key that the user brings."""
    wanted = [_secret(app, names.redis(app.metadata.name), component=names.COMPONENT_REDIS)]
    if app.spec.django.secret_key_secret_ref is None:
        wanted.insert(0, _secret(app, names.django_secret(app.metadata.name), component=names.COMPONENT_WEB))
    return wanted


def fill_keys(manifest: Manifest) -> tuple[str, ...]:
    """Keys that `fill` adds to a rendered Secret."""
    return tuple(fill(manifest, lambda: "")["data"])


def fill(manifest: Manifest, token: Callable[[], str]) -> Manifest:
    """A rendered Secret with generated `data`.

    `token` returns a new random text of at least 256 bits from the URL-safe base64 alphabet, such as
    `secrets.token_urlsafe(32)`: that alphabet needs no quoting in a URL or an ACL file.
    """
    if manifest["metadata"]["labels"][names.LABEL_COMPONENT] == names.COMPONENT_REDIS:
        content = _redis_data(password=token(), probe_password=token())
    else:
        # Django warns below 50 characters; one token has 43.
        content = {names.SECRET_KEY_KEY: token() + token()}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
    return {**manifest, "data": encoded}


def _secret(app: RealtimeApp, name: str, *, component: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(app, name, component=component),
        "type": "Opaque",
    }


def _redis_data(*, password: str, probe_password: str) -> dict[str, str]:
    return {
        names.REDIS_PASSWORD_KEY: password,
        names.REDIS_PROBE_PASSWORD_KEY: probe_password,
        names.REDIS_ACL_KEY: acl(
            password_hash=hashlib.sha256(password.encode()).hexdigest(),
            probe_hash=hashlib.sha256(probe_password.encode()).hexdigest(),
        ),
    }
