"""Importing the user's ASGI or WSGI application, with a sentence when that fails. Settings must be loaded before (preload.py)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import failure, preload
from realtimeapp_runtime.failure import StartupFailure

if TYPE_CHECKING:
    from realtimeapp_runtime.config import Config


@dataclass(frozen=True)
class Interface:
    """How an application of one kind is named and what its absence is called."""

    setting: str
    field: str
    reason: str


ASGI: Final = Interface("ASGI_APPLICATION", "spec.django.asgiApplication", failure.ASGI_APPLICATION_NOT_FOUND)
WSGI: Final = Interface("WSGI_APPLICATION", "spec.django.wsgiApplication", failure.WSGI_APPLICATION_NOT_FOUND)


def load_asgi(configured: Config) -> Any:  # noqa: ANN401 - an ASGI callable of any version
    """Return the user's ASGI application, or Django's own where none is named; raise StartupFailure."""
    from django.conf import settings  # noqa: PLC0415 - may be absent from the image

    name = configured.asgi_application or getattr(settings, ASGI.setting, None)
    if name:
        return _load(name, ASGI)
    if "channels" in settings.INSTALLED_APPS:
        raise StartupFailure(
            failure.ASGI_APPLICATION_NOT_FOUND,
            "The settings have no ASGI_APPLICATION and spec.django.asgiApplication is not set, so no WebSocket would be served.",
        )
    preload.setup_django()
    from django.core.asgi import get_asgi_application  # noqa: PLC0415 - may be absent from the image

    return get_asgi_application()


def load_wsgi(configured: Config) -> Any:  # noqa: ANN401 - a WSGI callable
    """Return the user's WSGI application, or Django's own where none is named; raise StartupFailure."""
    from django.conf import settings  # noqa: PLC0415 - may be absent from the image

    name = configured.wsgi_application or getattr(settings, WSGI.setting, None)
    if name:
        return _load(name, WSGI)
    preload.setup_django()
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - may be absent from the image

    return get_wsgi_application()


def _load(name: str, interface: Interface) -> Any:  # noqa: ANN401 - whatever the user's module has there
    separator = ":" if ":" in name else "."
    module_name, _, attribute = name.rpartition(separator)
    application = _import(module_name or name, name, interface)
    for part in (attribute or "application").split("."):
        application = getattr(application, part, None)
    if application is None:
        raise StartupFailure(
            interface.reason,
            f"The module {module_name} has no attribute {attribute!r}: {_how_to_name(name, interface)}",
        )
    return application


def _import(module: str, name: str, interface: Interface) -> Any:  # noqa: ANN401 - a module of the user's
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module == missing or module.startswith(f"{missing}."):
            raise StartupFailure(
                interface.reason,
                f"The image has no Python module {missing!r}: {_how_to_name(name, interface)}",
            ) from error
        raise StartupFailure(
            failure.PACKAGE_MISSING,
            f"Importing {module} needs the module {missing!r}, which is not in the image.",
        ) from error
    except Exception as error:
        raise StartupFailure(
            interface.reason,
            f"Importing {module} raised {failure.describe(error)} ({failure.locate(error)}).",
        ) from error


def _how_to_name(name: str, interface: Interface) -> str:
    return (
        f"set {interface.field}, or {interface.setting} in the settings (now {name}), to the application as "
        "`package.module:attribute`."
    )
