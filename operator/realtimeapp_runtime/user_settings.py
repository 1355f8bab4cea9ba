"""Importing the user's settings module, and saying what is wrong with it when that fails.

Settings as classes (django-configurations) are ordinary settings once their importer is in place and DJANGO_CONFIGURATION names the
class; without that name nobody can know which class is meant.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime.failure import (
    PACKAGE_MISSING,
    SETTINGS_INVALID,
    SETTINGS_MODULE_NOT_FOUND,
    StartupFailure,
    describe,
    locate,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONFIGURATION_VARIABLE: Final = "DJANGO_CONFIGURATION"
_SETTINGS_VARIABLE: Final = "DJANGO_SETTINGS_MODULE"


def load(module: str) -> dict[str, Any]:
    """Return every upper-case name of the settings module, whatever its `__all__` says; raise StartupFailure."""
    try:
        with _accept_classes(module):
            loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise explain_missing_module(error, module) from error
    except Exception as error:
        if _comes_from_classes(error):
            raise StartupFailure(
                SETTINGS_INVALID,
                f"The settings module {module} has settings as classes (django-configurations): set {CONFIGURATION_VARIABLE} "
                f"in spec.env to the name of the class. {describe(error)}",
            ) from error
        raise StartupFailure(
            SETTINGS_INVALID,
            f"The settings module {module} raised {describe(error)} ({locate(error)}). Mend it, or set what it needs in spec.env.",
        ) from error
    return {name: getattr(loaded, name) for name in dir(loaded) if name.isupper()}


def explain_missing_module(error: ModuleNotFoundError, module: str) -> StartupFailure:
    """Return the failure for an import of settings `module` that ended in `error`."""
    missing = error.name or ""
    if module == missing or module.startswith(f"{missing}."):
        return StartupFailure(
            SETTINGS_MODULE_NOT_FOUND,
            f"The image has no Python module {missing!r} on its path: set spec.django.settingsModule (now {module}) to the "
            "dotted name that works with `python -c 'import NAME'` in the image's working directory.",
        )
    return StartupFailure(
        PACKAGE_MISSING,
        f"The settings module {module} imports {missing!r}, which is not installed in the image.",
    )


def require_packages(packages: Mapping[str, str], *, otherwise: str = "") -> None:
    """Raise StartupFailure naming every package of `packages` (import name -> what needs it) that is not installed.

    `otherwise` is what can be done instead of adding them, a clause.
    """
    missing = {name: use for name, use in packages.items() if not is_installed(name)}
    if missing:
        needs = "; ".join(f"{name!r} for {use}" for name, use in missing.items())
        raise StartupFailure(
            PACKAGE_MISSING,
            f"The image lacks Python packages the application needs here: {needs}. Add them to the image"
            f"{', or ' if otherwise else ''}{otherwise}.",
        )


def is_installed(package: str) -> bool:
    """Tell whether top-level `package` can be found, without importing it."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


@contextmanager
def _accept_classes(module: str) -> Iterator[None]:
    """Let django-configurations read settings `module` while it is imported, where a class of it is chosen."""
    if not os.environ.get(CONFIGURATION_VARIABLE) or not is_installed("configurations"):
        yield
        return
    named = os.environ.get(_SETTINGS_VARIABLE, "")
    os.environ[_SETTINGS_VARIABLE] = (
        module  # its importer takes care of the module this variable names, and of no other
    )
    try:
        importlib.import_module("configurations.importer").install()
        yield
    finally:
        os.environ[_SETTINGS_VARIABLE] = named


def _comes_from_classes(error: Exception) -> bool:
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(frame.f_globals.get("__name__")).startswith("configurations.") for frame in frames)
