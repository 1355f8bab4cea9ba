"""Settings as projects write them: as classes, with an assigned module name, without the packages of a cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.server import APPS, DATABASE_URL, LAUNCHER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.server import Pod

CLASSES = """
from configurations import Configuration, values

class Base(Configuration):
    SECRET_KEY = values.SecretValue(environ_prefix=None)
    INSTALLED_APPS = ["channels", "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
    ROOT_URLCONF = "chatsite.urls"
    ASGI_APPLICATION = "chatsite.asgi.application"
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}

    @property
    def GREETING(self):
        return "hello from " + type(self).__name__

class Production(Base):
    DEBUG = True
    ALLOWED_HOSTS = ["*"]
"""

SHOW = """
import json
from django.conf import settings
names = ("DEBUG", "ALLOWED_HOSTS", "GREETING", "SESSION_ENGINE", "CACHES", "CELERY_BROKER_URL", "DATABASES")
print(json.dumps({name: str(getattr(settings, name, None)) for name in names}))
"""


def show(pod: Pod) -> dict[str, Any]:
    """The settings as the pod's own processes have them."""
    (pod.directory / "show_settings.py").write_text(SHOW, encoding="utf-8")
    process = launch(pod, "run", "show_settings")
    assert process.returncode == 0, process.stderr
    shown: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return shown


def launch(pod: Pod, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = pod.build_environment()
    path = [str(pod.directory), environment.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, str(LAUNCHER), *arguments],
        cwd=APPS / pod.app,
        env={**environment, "PYTHONPATH": ":".join(path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def read_message(pod: Pod) -> dict[str, Any]:
    message: dict[str, Any] = json.loads((pod.directory / "termination-log").read_text(encoding="utf-8"))
    return message


@pytest.fixture
def pod(make_pod: Callable[..., Pod]) -> Pod:
    pod = make_pod("uvicorn", settings={"settingsModule": "class_settings"})
    pod.write_files()
    (pod.directory / "class_settings.py").write_text(CLASSES, encoding="utf-8")
    return pod


def test_settings_as_classes_get_the_overlay(pod: Pod) -> None:
    pod.environment = {"DJANGO_CONFIGURATION": "Production"}
    shown = show(pod)
    assert shown["GREETING"] == "hello from Production"
    assert shown["DEBUG"] == "False"
    assert "chat.example.com" in shown["ALLOWED_HOSTS"]
    assert "RedisCache" in shown["CACHES"]


def test_settings_as_classes_need_to_be_chosen(pod: Pod) -> None:
    process = launch(pod, "manage", "migrate")
    assert process.returncode == 78
    message = read_message(pod)
    assert message["reason"] == "SettingsInvalid"
    assert "DJANGO_CONFIGURATION in spec.env" in message["message"]


def test_a_class_that_does_not_exist_is_a_sentence(pod: Pod) -> None:
    pod.environment = {"DJANGO_CONFIGURATION": "Nothing"}
    process = launch(pod, "manage", "migrate")
    assert process.returncode == 78
    assert "Nothing" in read_message(pod)["message"]


def test_settings_as_classes_without_the_overlay(pod: Pod) -> None:
    pod.environment = {"DJANGO_CONFIGURATION": "Production", "DJANGO_SETTINGS_MODULE": "class_settings"}
    shown = show(pod)
    assert shown["GREETING"] == "hello from Production"
    assert shown["DEBUG"] == "True", "the user's own"


@pytest.mark.parametrize(
    ("framework", "engine", "declared", "expected"),
    [
        ("Django", "Cache", True, "django.contrib.sessions.backends.db"),
        ("ApiGatewayWebSockets", "Cache", False, "django.contrib.sessions.backends.file"),
    ],
)
def test_an_image_without_redis_runs_where_nothing_is_shared(
    make_pod: Callable[..., Pod], framework: str, engine: str, expected: str, *, declared: bool
) -> None:
    settings = {
        "framework": framework,
        "channelLayer": None,
        "settingsModule": "plain_settings",
        "session": {"engine": engine, "ttlSeconds": 1800},
    }
    pod = make_pod("gunicorn", settings=settings if declared else {**settings, "databaseUrlFile": None})
    pod.write_files()
    (pod.directory / "plain_settings.py").write_text(
        "from shopsite.settings import *\nSESSION_ENGINE = 'django.contrib.sessions.backends.file'\n",
        encoding="utf-8",
    )
    (pod.directory / "sitecustomize.py").write_text(WITHOUT_REDIS, encoding="utf-8")
    shown = show(pod)
    assert shown["SESSION_ENGINE"] == expected
    assert "redis" not in shown["CACHES"].lower()
    assert launch(pod, "check").returncode in (0, 1)
    assert "realtimeapp.W012" in read_message(pod)["findings"]


WITHOUT_REDIS = """
import importlib.metadata, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "redis":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
version = importlib.metadata.version

def find_version(name):
    if name == "redis":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)

importlib.metadata.version = find_version
"""


def test_a_developer_s_broker_in_the_environment_does_not_win(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn", environment={"CELERY_BROKER_URL": "redis://localhost:6379/0"})
    pod.write_files()
    code = "from celery import Celery; from django.conf import settings; settings.DEBUG; print(Celery().conf.broker_url)"
    (pod.directory / "broker.py").write_text(code, encoding="utf-8")
    assert launch(pod, "run", "broker").stdout.strip().endswith(f"@127.0.0.1:{pod.redis_port}/3")


@pytest.mark.parametrize("direct", [True, False])
def test_commands_may_go_around_the_pooler(make_pod: Callable[..., Pod], *, direct: bool) -> None:
    pod = make_pod("uvicorn", settings={"settingsModule": "seen_settings"})
    pod.write_files()
    if direct:
        url = pod.directory / "secrets" / "direct-url"
        url.write_text("postgres://shop:other-secret@direct.example.com/shop\n", encoding="utf-8")
        pod.settings = {**pod.settings, "directDatabaseUrlFile": str(url)}
        pod.write_files()
    (pod.directory / "seen_settings.py").write_text(
        "from chatsite.settings import *\nimport os, pathlib\n"
        f"pathlib.Path({str(pod.directory / 'seen')!r}).write_text(os.environ['DATABASE_URL'])\n",
        encoding="utf-8",
    )
    launch(pod, "manage", "--direct-database", "diffsettings")
    seen = (pod.directory / "seen").read_text(encoding="utf-8")
    assert seen == ("postgres://shop:other-secret@direct.example.com/shop" if direct else DATABASE_URL)
    launch(pod, "manage", "diffsettings")
    assert (pod.directory / "seen").read_text(encoding="utf-8") == DATABASE_URL


def test_code_written_for_django_redis_finds_its_cache(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn", settings={"settingsModule": "redis_settings"})
    pod.write_files()
    (pod.directory / "redis_settings.py").write_text(
        "from chatsite.settings import *\n"
        "CACHES = {'default': {'BACKEND': 'django_redis.cache.RedisCache', 'LOCATION': 'redis://nowhere:1/0',"
        " 'OPTIONS': {'PASSWORD': 'wrong', 'SERIALIZER': 'django_redis.serializers.json.JSONSerializer'}}}\n",
        encoding="utf-8",
    )
    code = (
        "import django; django.setup()\n"
        "from django.core.cache import cache\n"
        "from django_redis import get_redis_connection\n"
        "cache.set('order:1', {'paid': True}, 60)\n"
        "print(cache.get('order:1'), cache.delete_pattern('order:*'), get_redis_connection('default').ping())\n"
    )
    (pod.directory / "use_cache.py").write_text(code, encoding="utf-8")
    process = launch(pod, "run", "use_cache")
    assert process.stdout.splitlines()[-1:] == ["{'paid': True} 1 True"], process.stderr
