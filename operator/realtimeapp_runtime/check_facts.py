"""Collecting what the rules may know: versions, Celery's own configuration, what the URLs and the application serve."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import credentials, redis_options
from realtimeapp_runtime.checks import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from realtimeapp_runtime.config import Config

DISTRIBUTIONS: Final = ("redis", "channels-redis", "djust", "celery", "Django")
STATIC_HANDLERS: Final = frozenset({"ASGIStaticFilesHandler", "StaticFilesHandler", "WhiteNoise"})
_PROBE_NAME: Final = "realtimeapp-probe.css"


def collect(settings: Mapping[str, Any], config: Config, application: object) -> Facts:
    """Return the facts of this process; Django is set up and `application` is what the server would run."""
    secrets = credentials.read(config)
    celery = _read_celery()
    return Facts(
        versions=dict(_list_versions()),
        imported_with_debug=bool(getattr(sys.modules.get(config.settings_module), "DEBUG", False)),
        settings_variable=os.environ.get("DJANGO_SETTINGS_MODULE", ""),
        serves_static=_serves_static(settings, application),
        has_collected_files=_has_files(settings.get("STATIC_ROOT")),
        has_event_streams=_resolves_stream(),
        database_url=secrets.database_url,
        redis_urls=_list_redis_urls(config, secrets.redis_password),
        broker=celery.get("broker_url"),
        result_backend=celery.get("result_backend"),
    )


def _list_versions() -> Iterator[tuple[str, str]]:
    for name in DISTRIBUTIONS:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue


def _list_redis_urls(config: Config, password: str | None) -> tuple[str, ...]:
    if config.redis is None:
        return ()
    uses = (None, *config.redis.databases)
    return tuple(redis_options.build_url(config.redis, password, use=use) for use in uses)


def _read_celery() -> dict[str, str]:
    """Return what the application's Celery uses; nothing when the project has no Celery application of its own."""
    state = sys.modules.get("celery._state")
    if state is None or state.default_app is None:
        return {}
    conf = state.get_current_app().conf
    found = {name: conf.get(name) for name in ("broker_url", "result_backend")}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _serves_static(settings: Mapping[str, Any], application: object) -> bool:
    if any("whitenoise" in str(name).lower() for name in settings.get("MIDDLEWARE") or ()):
        return True
    protocols = getattr(application, "application_mapping", {})
    layers = (application, protocols.get("http") if isinstance(protocols, dict) else None)
    if any(type(layer).__name__ in STATIC_HANDLERS for layer in layers):
        return True
    return _resolves(f"{settings.get('STATIC_URL') or '/static/'}{_PROBE_NAME}")


def _resolves_stream() -> bool:
    from django.urls import reverse  # noqa: PLC0415 - may be absent from the image

    try:
        reverse("djust-sse-stream", kwargs={"session_id": "x"})
    except Exception:  # noqa: BLE001 - as below
        return False
    return True


def _resolves(path: str) -> bool:
    from django.urls import resolve  # noqa: PLC0415 - may be absent from the image

    try:
        resolve(path)
    except Exception:  # noqa: BLE001 - besides "no such URL", a project may have no or broken URLs, which Django's checks report
        return False
    return True


def _has_files(directory: object) -> bool:
    if not directory:
        return False
    try:
        return any(Path(str(directory)).iterdir())
    except OSError:
        return False
