"""Loading Django's settings and the user's ASGI application, early and with a sentence when that fails.

Settings are loaded before any module of the user's, so an `os.environ["DJANGO_SETTINGS_MODULE"] = ...` in an asgi.py, celery.py or
manage.py comes too late to switch the overlay off.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from realtimeapp_runtime import config, credentials, failure, paths, user_settings
from realtimeapp_runtime.failure import StartupFailure

if TYPE_CHECKING:
    from realtimeapp_runtime.config import Config

OVERLAY_MODULE = "realtimeapp_runtime.settings"


def load_config() -> Config:
    """Return the pod's configuration, with its secrets exported to this process; raise StartupFailure."""
    loaded = config.read(paths.config_file())
    credentials.export(loaded, credentials.read(loaded))
    return loaded


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


def load_application(configured: Config) -> Any:  # noqa: ANN401 - an ASGI callable of any version
    """Return the user's ASGI application; raise StartupFailure. Settings must be loaded."""
    from django.conf import settings  # noqa: PLC0415 - may be absent from the image

    name = configured.asgi_application or getattr(settings, "ASGI_APPLICATION", None)
    if not name:
        return _load_default(settings)
    separator = ":" if ":" in name else "."
    module_name, _, attribute = name.rpartition(separator)
    module = _import_asgi(module_name or name, name)
    application = module
    for part in (attribute or "application").split("."):
        application = getattr(application, part, None)
    if application is None:
        raise StartupFailure(
            failure.ASGI_APPLICATION_NOT_FOUND,
            f"The module {module_name} has no attribute {attribute!r}: {_how_to_name(name)}",
        )
    return application


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


def _load_default(settings: Any) -> Any:  # noqa: ANN401 - Django ships no types
    if "channels" in settings.INSTALLED_APPS:
        raise StartupFailure(
            failure.ASGI_APPLICATION_NOT_FOUND,
            "The settings have no ASGI_APPLICATION and spec.django.asgiApplication is not set, so no WebSocket would be served.",
        )
    setup_django()
    from django.core.asgi import get_asgi_application  # noqa: PLC0415 - may be absent from the image

    return get_asgi_application()


def _import_asgi(module: str, name: str) -> Any:  # noqa: ANN401 - a module of the user's
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module == missing or module.startswith(f"{missing}."):
            raise StartupFailure(
                failure.ASGI_APPLICATION_NOT_FOUND,
                f"The image has no Python module {missing!r}: {_how_to_name(name)}",
            ) from error
        raise StartupFailure(
            failure.PACKAGE_MISSING,
            f"Importing {module} needs the module {missing!r}, which is not in the image.",
        ) from error
    except Exception as error:
        raise StartupFailure(
            failure.ASGI_APPLICATION_NOT_FOUND,
            f"Importing {module} raised {failure.describe(error)} ({failure.locate(error)}).",
        ) from error


def _how_to_name(name: str) -> str:
    return (
        f"set spec.django.asgiApplication, or ASGI_APPLICATION in the settings (now {name}), to the application as "
        "`package.module:attribute`."
    )
