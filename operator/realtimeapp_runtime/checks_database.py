"""Rules about the database: whether the pods share one, and whether they use it as its pooler needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from realtimeapp_runtime.checks import Facts, Settings, rule
from realtimeapp_runtime.overlay import POSTGRESQL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from realtimeapp_runtime.config import Config

ENGINES: Final = {
    "postgres": "postg",
    "postgresql": "postg",
    "psql": "postg",
    "pgsql": "postg",
    "postgis": "postg",
    "mysql": "mysql",
    "mysql2": "mysql",
}
"""Scheme of a database URL -> a part of the engine's module name (postgresql and postgis share theirs)."""


@rule(
    "E030",
    meaning="spec.database is set, but the settings use another kind of database: what users store is lost with the pod.",
    remedy="Read DATABASE_URL in the settings, for instance DATABASES = {'default': dj_database_url.config()}.",
)
def find_other_engine(settings: Settings, _config: Config, facts: Facts) -> Iterator[str]:
    """A URL with a scheme nobody here knows is not judged."""
    wanted = ENGINES.get(_split(facts.database_url)[0])
    engine = str(_read_default(settings).get("ENGINE", ""))
    if wanted is not None and wanted not in engine:
        yield f"DATABASES['default'] is {engine or 'not set'}, not the database of spec.database."


@rule(
    "E031",
    meaning="A transaction pooler gives every transaction another connection; cursors on the server and kept connections break there.",
    remedy="Set DISABLE_SERVER_SIDE_CURSORS = True and CONN_MAX_AGE = 0 in DATABASES, or leave it to the overlay.",
)
def find_unfit_for_pooler(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """For `overlay: Disabled`."""
    if config.pooling != "TransactionPooler":
        return
    for alias, entry in (settings.get("DATABASES") or {}).items():
        fits = entry.get("DISABLE_SERVER_SIDE_CURSORS") and entry.get("CONN_MAX_AGE") == 0
        if entry.get("ENGINE") in POSTGRESQL and not fits:
            yield f"DATABASES[{alias!r}] uses server-side cursors or keeps connections."


@rule(
    "W030",
    meaning="The settings use another database than spec.database names; migrations and backups may meet the wrong one.",
    remedy="Read DATABASE_URL in the settings, or remove spec.database.",
)
def find_other_database(settings: Settings, _config: Config, facts: Facts) -> Iterator[str]:
    """The host and the name are compared, where both sides have them; E030 covers other engines."""
    scheme, host, name = _split(facts.database_url)
    default = _read_default(settings)
    if ENGINES.get(scheme, "?") not in str(default.get("ENGINE", "")):
        return
    pairs = (("HOST", host), ("NAME", name))
    other = [key for key, wanted in pairs if wanted and str(default.get(key) or wanted).lower() != wanted]
    if other:
        yield f"DATABASES['default'] has another {' and '.join(other)} than spec.database."


@rule(
    "W031",
    meaning="SQLite is a file of one pod: other pods do not see it, and it is gone with the pod.",
    remedy="Declare spec.database and read DATABASE_URL in the settings.",
)
def find_sqlite(settings: Settings, _config: Config, facts: Facts) -> Iterator[str]:
    """Where a database is declared, E030 says it louder."""
    for alias, entry in (settings.get("DATABASES") or {}).items():
        if "sqlite" in str(entry.get("ENGINE", "")) and not (alias == "default" and facts.database_url):
            yield f"DATABASES[{alias!r}] is SQLite."


@rule(
    "W032",
    meaning="Under ASGI Django keeps connections per thread and does not reuse them: CONN_MAX_AGE leaves ever more of them open.",
    remedy="Set CONN_MAX_AGE = 0, and pool with the driver (OPTIONS['pool'] with psycopg) or a pooler.",
)
def find_kept_connections(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """Gunicorn's WSGI workers are the case the setting is made for."""
    if config.server.name == "Gunicorn":
        return
    for alias, entry in (settings.get("DATABASES") or {}).items():
        seconds = entry.get("CONN_MAX_AGE", 0)
        if seconds != 0 and "sqlite" not in str(entry.get("ENGINE", "")):
            yield f"DATABASES[{alias!r}] has CONN_MAX_AGE {seconds}."


@rule(
    "W033",
    meaning="LISTEN through a transaction pooler hears nothing: djust's pushes on saved rows do not arrive.",
    remedy="Set spec.database.directUrlSecretRef, or DJUST_NOTIFY_DATABASE_URL to a URL around the pooler.",
)
def find_deaf_listener(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """Djust behind a pooler."""
    pooled = config.framework == "Djust" and config.pooling == "TransactionPooler"
    if pooled and not settings.get("DJUST_NOTIFY_DATABASE_URL"):
        yield "DJUST_NOTIFY_DATABASE_URL is not set and spec.database.pooling is TransactionPooler."


def _read_default(settings: Settings) -> Mapping[str, Any]:
    default: Mapping[str, Any] = (settings.get("DATABASES") or {}).get("default", {})
    return default


def _split(url: str | None) -> tuple[str, str, str]:
    """Return scheme, host and name of a database URL, in lower case; empty where it has none or is none."""
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
    except ValueError:
        return "", "", ""
    return parts.scheme.lower(), unquote(host).lower(), unquote(parts.path.lstrip("/")).lower()


RULES: Final = (
    find_other_engine,
    find_unfit_for_pooler,
    find_other_database,
    find_sqlite,
    find_kept_connections,
    find_deaf_listener,
)
