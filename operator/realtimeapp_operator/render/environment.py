"""Environment variables and files of a container of the application.

Secrets are files: the runtime reads them inside the process. Only without the settings overlay, when nothing of ours
runs in Django's settings, do they come as environment variables, by reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.render.common import SECRET_FILE_MODE, dump, literal
from realtimeapp_operator.render.redis import host
from realtimeapp_operator.render.redis_config import PORT

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.pods import EnvVar

OVERLAY_MODULE: Final = "realtimeapp_runtime.settings"

SECRET_KEY_FILE: Final = f"django/{names.SECRET_KEY_KEY}"
REDIS_PASSWORD_FILE: Final = f"redis/{names.REDIS_PASSWORD_KEY}"
DATABASE_URL_FILE: Final = "database/url"
DIRECT_DATABASE_URL_FILE: Final = "database/direct-url"
"""Files below `names.SECRETS_DIR`."""


def build_env(app: RealtimeApp, *further: dict[str, Any]) -> list[dict[str, Any]]:
    """The operator's variables, with `further` ones of the process, then the user's."""
    return [*_own(app), *further, *(_user_variable(variable) for variable in app.spec.env)]


def build_env_from(app: RealtimeApp) -> list[dict[str, Any]]:
    """ConfigMaps and Secrets the user wants as variables; `env` wins over them."""
    return [dump(source) for source in app.spec.env_from]


def from_field(name: str, path: str) -> dict[str, Any]:
    """A variable with a field of the pod itself."""
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def secret_key_ref(app: RealtimeApp) -> dict[str, str]:
    """Secret and key of Django's SECRET_KEY: the user's or the generated one."""
    ref = app.spec.django.secret_key_secret_ref
    if ref is not None:
        return {"name": ref.name, "key": ref.key}
    return {"name": names.django_secret(app.metadata.name), "key": names.SECRET_KEY_KEY}


def build_secrets_volume(app: RealtimeApp) -> dict[str, Any]:
    """One projected volume with a file per secret; only the keys that are needed."""
    wanted = [
        (secret_key_ref(app), SECRET_KEY_FILE),
        (
            {"name": names.redis(app.metadata.name), "key": names.REDIS_PASSWORD_KEY},
            REDIS_PASSWORD_FILE,
        ),
    ]
    if app.spec.database is not None:
        url = app.spec.database.url_secret_ref
        wanted.append(({"name": url.name, "key": url.key}, DATABASE_URL_FILE))
        if direct := app.spec.database.direct_url_secret_ref:
            wanted.append(({"name": direct.name, "key": direct.key}, DIRECT_DATABASE_URL_FILE))
    return {
        "name": "secrets",
        "projected": {
            "defaultMode": SECRET_FILE_MODE,
            "sources": [
                {"secret": {"name": ref["name"], "items": [{"key": ref["key"], "path": path}]}}
                for ref, path in wanted
            ],
        },
    }


def _own(app: RealtimeApp) -> list[dict[str, Any]]:
    overlay = app.spec.django.overlay == "Enabled"
    module = OVERLAY_MODULE if overlay else app.spec.django.settings_module
    variables: list[dict[str, Any]] = [
        {"name": "DJANGO_SETTINGS_MODULE", "value": module},
        {"name": "REALTIMEAPP_CONFIG", "value": f"{names.CONFIG_DIR}/{names.SETTINGS_FILE}"},
        {"name": "REALTIMEAPP_RUN_DIR", "value": names.RUN_DIR},
        from_field("REALTIMEAPP_POD_IP", "status.podIP"),
        # The root file system is read-only, and a log line that waits in a buffer is lost in a crash.
        {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
    ]
    return variables if overlay else [*variables, *_without_overlay(app)]


def _without_overlay(app: RealtimeApp) -> list[dict[str, Any]]:
    """The conventional variables, for settings that read them by themselves."""
    password = {"name": names.redis(app.metadata.name), "key": names.REDIS_PASSWORD_KEY}
    variables = [
        _from_secret("SECRET_KEY", secret_key_ref(app)),
        _from_secret("REALTIMEAPP_REDIS_PASSWORD", password),
        # The kubelet puts the password in; the generated one needs no quoting.
        {
            "name": "REDIS_URL",
            "value": f"redis://default:$(REALTIMEAPP_REDIS_PASSWORD)@{host(app)}:{PORT}/0",
        },
    ]
    if app.spec.database is not None:
        url = app.spec.database.url_secret_ref
        variables.append(_from_secret("DATABASE_URL", {"name": url.name, "key": url.key}))
    return variables


def _from_secret(name: str, ref: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": ref}}


def _user_variable(variable: EnvVar) -> dict[str, Any]:
    rendered: dict[str, Any] = dump(variable)
    if variable.value is not None:
        rendered["value"] = literal(variable.value)
    return rendered
