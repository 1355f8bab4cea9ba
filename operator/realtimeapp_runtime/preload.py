"""Loading Django's settings and registry, early and with a sentence when that fails.

Settings are loaded before any module of the user's, so an `os.environ["DJANGO_SETTINGS_MODULE"] = ...` in an asgi.py, celery.py or
manage.py comes too late to switch the overlay off.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from realtimeapp_runtime import config, credentials, failure, paths, user_settings
from realtimeapp_runtime.failure import StartupFailure
from realtimeapp_runtime.forwarded import TrustedProxies

if TYPE_CHECKING:
    from realtimeapp_runtime.config import Config

OVERLAY_MODULE = "realtimeapp_runtime.settings"


def load_config() -> Config:
    """Return the pod's configuration, with its secrets exported to this process; raise StartupFailure."""
    loaded = config.read(paths.config_file())
    credentials.export(loaded, credentials.read(loaded))
    return loaded


def read_trusted_proxies(configured: Config) -> TrustedProxies:
    """Return who is trusted about the client; raise StartupFailure for a text that is no network."""
    try:
        return TrustedProxies.from_config(hops=configured.trusted_hops, cidrs=configured.trusted_cidrs)
    except ValueError as error:
        raise StartupFailure(
            failure.SETTINGS_INVALID, f"settings.json: trustedProxies.cidrs: {error}."
        ) from error


def load_settings() -> Any:  # noqa: ANN401 - Django ships no types
    """Return `django.conf.settings`, evaluated; raise StartupFailure with what is wrong with them."""
    user_settings.require_packages({"django": "running a Django application"})
    from django.conf import settings  # noqa: PLC0415 - may be absent from the image

    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if not module:
        raise StartupFailure(
            failure.SETTINGS_INVALID,
            "DJANGO_SETTINGS_MODULE is not set; the operator sets it in every container.",
        )
    if module != OVERLAY_MODULE:
        user_settings.load(module)
    try:
        settings.INSTALLED_APPS  # noqa: B018 - evaluates the lazy settings
    except StartupFailure:
        raise
    except Exception as error:
        raise StartupFailure(
            failure.SETTINGS_INVALID, f"Django refuses the settings: {failure.describe(error)}"
        ) from error
    return settings


def setup_django() -> None:
    """Run `django.setup()`; raise StartupFailure when an installed application cannot be loaded."""
    import django  # noqa: PLC0415 - may be absent from the image

    try:
        django.setup()
    except ModuleNotFoundError as error:
        raise StartupFailure(
            failure.PACKAGE_MISSING,
            f"INSTALLED_APPS needs the module {error.name!r}, which is not in the image.",
        ) from error
    except Exception as error:
        raise StartupFailure(
            failure.SETTINGS_INVALID,
            f"Django cannot be set up: {failure.describe(error)} ({failure.locate(error)})",
        ) from error
