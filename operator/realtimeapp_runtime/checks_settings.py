"""Rules about the settings module itself, and about Celery's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_runtime.checks import Facts, Settings, rule
from realtimeapp_runtime.preload import OVERLAY_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtimeapp_runtime.config import Config

DEVELOPMENT_APPS: Final = ("debug_toolbar", "django_browser_reload", "silk", "django_watchfiles")
DEVELOPMENT_MAIL: Final = ("console", "locmem", "filebased", "dummy")
_LOCAL_RESULTS: Final = ("cache+memory:", "file:", "db+sqlite")


@rule(
    "E040",
    meaning="DEBUG is on: errors show the source and the settings to everybody, and memory grows with every query.",
    remedy="Set DEBUG = False, or do not set spec.django.overlay to Disabled.",
)
def find_debug(settings: Settings, _config: Config, _facts: Facts) -> Iterator[str]:
    """The overlay switches it off."""
    if settings.get("DEBUG"):
        yield "DEBUG is on."


@rule(
    "W040",
    meaning="A module of the application assigns DJANGO_SETTINGS_MODULE. It comes too late to matter in the pod, but programs it starts "
    "would run without the overlay.",
    remedy="Write os.environ.setdefault('DJANGO_SETTINGS_MODULE', ...) in asgi.py, wsgi.py, celery.py and manage.py, as Django does.",
)
def find_assigned_module(settings: Settings, _config: Config, facts: Facts) -> Iterator[str]:
    """Seen by its effect, after the application was imported."""
    if settings.get("REALTIMEAPP_OVERLAY") and facts.settings_variable != OVERLAY_MODULE:
        yield f"DJANGO_SETTINGS_MODULE was set to {facts.settings_variable!r} while the application was imported."


@rule(
    "W041",
    meaning="The settings module was imported with DEBUG = True. The overlay switches DEBUG off afterwards, but not what was derived from it.",
    remedy="Set DEBUG from the environment with False as default, for instance DEBUG = os.environ.get('DEBUG') == '1'.",
)
def find_imported_with_debug(settings: Settings, _config: Config, facts: Facts) -> Iterator[str]:
    """Middleware, templates, CORS and the like are often chosen by DEBUG."""
    if facts.imported_with_debug and not settings.get("DEBUG"):
        yield "The settings module says DEBUG = True."


@rule(
    "W042",
    meaning="A tool for development is among the installed applications.",
    remedy="Add it to INSTALLED_APPS and MIDDLEWARE only in the settings of development.",
)
def find_development_apps(settings: Settings, _config: Config, _facts: Facts) -> Iterator[str]:
    """By the first part of the name."""
    for app in settings.get("INSTALLED_APPS") or ():
        if str(app).split(".", maxsplit=1)[0] in DEVELOPMENT_APPS:
            yield f"INSTALLED_APPS has {app!r}."


@rule(
    "W043",
    meaning="Mail goes to the log, to memory or to files of the pod, and to nobody.",
    remedy="Set EMAIL_BACKEND to one that sends.",
)
def find_unsent_mail(settings: Settings, _config: Config, _facts: Facts) -> Iterator[str]:
    """Django's own backends for development."""
    backend = str(settings.get("EMAIL_BACKEND", ""))
    if backend in [f"django.core.mail.backends.{name}.EmailBackend" for name in DEVELOPMENT_MAIL]:
        yield f"EMAIL_BACKEND is {backend}."


@rule(
    "W044",
    meaning="Celery's broker is not the application's Redis.",
    remedy="Configure Celery from Django's settings with the prefix CELERY_ (namespace='CELERY'), or keep the other broker on purpose.",
)
def find_other_broker(_settings: Settings, config: Config, facts: Facts) -> Iterator[str]:
    """Celery itself is asked, so any way to configure it is seen. The address is not shown: it has credentials."""
    if config.redis is not None and facts.broker is not None and facts.broker not in facts.redis_urls:
        yield f"Celery uses a broker of the kind {facts.broker.split(':', maxsplit=1)[0]!r} elsewhere."


@rule(
    "W045",
    meaning="Celery's results are kept where no other pod sees them.",
    remedy="Set CELERY_RESULT_BACKEND to 'redis://' (the overlay completes it), to 'django-db', or remove it.",
)
def find_private_results(_settings: Settings, _config: Config, facts: Facts) -> Iterator[str]:
    """Memory, files, SQLite."""
    if (facts.result_backend or "").startswith(_LOCAL_RESULTS):
        yield f"Celery's result backend is of the kind {str(facts.result_backend).split(':', maxsplit=1)[0]!r}."


@rule(
    "W046",
    meaning="Celery runs every task at once in the process that asks for it, and the workers get none.",
    remedy="Remove CELERY_TASK_ALWAYS_EAGER from the settings of production.",
)
def find_eager_tasks(settings: Settings, _config: Config, _facts: Facts) -> Iterator[str]:
    """A setting for tests."""
    if settings.get("CELERY_TASK_ALWAYS_EAGER"):
        yield "CELERY_TASK_ALWAYS_EAGER is on."


RULES: Final = (
    find_debug,
    find_assigned_module,
    find_imported_with_debug,
    find_development_apps,
    find_unsent_mail,
    find_other_broker,
    find_private_results,
    find_eager_tasks,
)
