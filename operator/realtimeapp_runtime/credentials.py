"""The secrets of one application, read from their mounted files into memory and nowhere else.

They are handed to the settings and, for modules that read the conventional variables, to `os.environ` of this process alone: the
variables are withdrawn from the C environment at once, so no child process inherits them and /proc/PID/environ never shows them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from realtimeapp_runtime import failure, overlay_celery, redis_options

if TYPE_CHECKING:
    from realtimeapp_runtime.config import Config

DIRECT_VARIABLE: Final = "REALTIMEAPP_DIRECT_DATABASE"
"""Set by the launcher (`manage --direct-database`): DATABASE_URL is then the one that goes around the pooler."""
_SHORTEST_MASKED: Final = 6
"""Characters. Masking a shorter password would tear holes into every message; the URL as a whole is masked anyway."""


@dataclass(frozen=True)
class Credentials:
    """Plain values; `repr` shows none of them."""

    secret_key: str | None = field(default=None, repr=False)
    redis_password: str | None = field(default=None, repr=False)
    database_url: str | None = field(default=None, repr=False)
    direct_database_url: str | None = field(default=None, repr=False)


def read(config: Config) -> Credentials:
    """Return the secrets `config` names; raise StartupFailure that names the file which is missing or not text."""
    redis_file = config.redis.password_file if config.redis is not None else None
    return Credentials(
        secret_key=_read_text(config.secret_key_file),
        redis_password=_read_text(redis_file),
        database_url=_read_url(config.database_url_file),
        direct_database_url=_read_url(config.direct_database_url_file),
    )


def export(config: Config, credentials: Credentials) -> None:
    """Set DATABASE_URL, REDIS_URL and SECRET_KEY for this process' own Python code, and for nobody else.

    Celery's two variables are corrected where they name a developer's Redis.
    """
    redis_url = None
    if config.redis is not None:
        redis_url = redis_options.build_url(config.redis, credentials.redis_password)
    direct = credentials.direct_database_url if os.environ.get(DIRECT_VARIABLE) else None
    values = {
        "DATABASE_URL": direct or credentials.database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": credentials.secret_key,
    }
    if config.redis is not None:
        broker = redis_options.build_url(config.redis, credentials.redis_password, use="celery")
        values.update(dict.fromkeys(overlay_celery.list_replaced_variables(os.environ), broker))
    for name, value in values.items():
        if value is not None:
            os.environ[name] = value
            os.unsetenv(name)  # leaves os.environ alone; children and /proc see the C environment


def _read_url(path: str | None) -> str | None:
    text = _read_text(path)
    if text is None:
        return None
    url = text.strip()  # a URL has no blanks at its ends, but a Secret made with `echo` has a newline
    try:
        password = unquote(urlsplit(url).password or "")
    except ValueError:  # whatever reads the URL says better what is wrong with it
        password = ""
    if len(password) >= _SHORTEST_MASKED:
        failure.keep_secret(password)
    return url


def _read_text(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise failure.StartupFailure(
            failure.SETTINGS_INVALID, f"The secret file {path} cannot be read: {error.strerror}."
        ) from error
    except UnicodeDecodeError:
        # no cause is attached: the error's text carries the bytes
        raise failure.StartupFailure(
            failure.SETTINGS_INVALID, f"The secret file {path} is not UTF-8 text."
        ) from None
    failure.keep_secret(text)
    failure.keep_secret(text.strip())
    return text
