"""Every way a container cannot start: one sentence in the termination message, exit code 78, no secret anywhere.

A management command that fails is the exception: it could start, so it ends with 1 and its Job tries again.
"""

from __future__ import annotations

import json
import urllib.error
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.server import REDIS_PASSWORD, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.server import Pod

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in {blocked} or name.split(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run(pod: Pod, *arguments: str, within: float = 30) -> tuple[int, dict[str, str]]:
    """Run the launcher to its end; return the exit code and the termination message."""
    code = pod.launch(*arguments).wait(timeout=within)
    path = pod.directory / "termination-log"
    message: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return code, message


def serve(pod: Pod) -> tuple[int, dict[str, str]]:
    pod.write_files()
    return run(pod, *pod.arguments())


def block(pod: Pod, *packages: str) -> None:
    """Make `packages` impossible to import in the pod's processes, as if the image lacked them."""
    path = pod.directory / "site"
    path.mkdir()
    (path / "sitecustomize.py").write_text(BLOCKER.format(blocked=set(packages)), encoding="utf-8")
    pod.environment = {**pod.environment, "PYTHONPATH": str(path)}


def write_settings(pod: Pod, text: str) -> dict[str, Any]:
    path = pod.directory / "site"
    path.mkdir(exist_ok=True)
    (path / "odd_settings.py").write_text("from chatsite.settings import *\n" + text, encoding="utf-8")
    pod.environment = {**pod.environment, "PYTHONPATH": str(path)}
    return {"settingsModule": "odd_settings"}


@pytest.mark.parametrize("server", ["uvicorn", "uvicorn-2", "daphne", "hypercorn-2", "granian", "gunicorn"])
def test_no_such_settings_module(make_pod: Callable[..., Pod], server: str) -> None:
    pod = make_pod(server, settings={"settingsModule": "shop.setings"})
    code, message = serve(pod)
    assert code == 78
    assert message["reason"] == "SettingsModuleNotFound"
    assert "'shop'" in message["message"]
    assert "spec.django.settingsModule" in message["message"]


def test_settings_that_raise(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn-2")
    pod.settings = write_settings(pod, "import os\nTOKEN = os.environ['PAYMENT_TOKEN']\n")
    code, message = serve(pod)
    assert code == 78
    assert message["reason"] == "SettingsInvalid"
    assert "KeyError: 'PAYMENT_TOKEN'" in message["message"]
    assert "odd_settings.py:3" in message["message"]


def test_settings_that_import_a_package_the_image_lacks(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn")
    pod.settings = write_settings(pod, "import environ_of_dreams\n")
    code, message = serve(pod)
    assert (code, message["reason"]) == (78, "PackageMissing")
    assert "'environ_of_dreams'" in message["message"]


@pytest.mark.parametrize(
    ("server", "name"),
    [
        ("uvicorn", "chatsite.nowhere:application"),
        ("uvicorn-2", "chatsite.asgi:app"),
        ("daphne", "chatsite.nowhere:app"),
        ("hypercorn", "chatsite.nowhere:app"),
        ("hypercorn-2", "chatsite.nowhere:app"),
        ("granian", "chatsite.nowhere:app"),
        ("granian-2", "chatsite.asgi:app"),
        ("gunicorn-uvicorn", "chatsite.nowhere:app"),
        ("gunicorn-uvicorn-2", "chatsite.nowhere:app"),
    ],
)
def test_no_such_asgi_application(make_pod: Callable[..., Pod], server: str, name: str) -> None:
    pod = make_pod(server, settings={"asgiApplication": name})
    code, message = serve(pod)
    assert code == 78, pod.read_log()
    assert message["reason"] == "AsgiApplicationNotFound"
    assert "spec.django.asgiApplication" in message["message"]


@pytest.mark.parametrize("server", ["gunicorn", "gunicorn-2"])
def test_no_such_wsgi_application(make_pod: Callable[..., Pod], server: str) -> None:
    pod = make_pod(server, settings={"wsgiApplication": "shopsite.nowhere:application"})
    code, message = serve(pod)
    assert code == 78, pod.read_log()
    assert message["reason"] == "WsgiApplicationNotFound"
    assert "spec.django.wsgiApplication" in message["message"]


@pytest.mark.parametrize(
    ("server", "package"),
    [
        ("hypercorn", "hypercorn"),
        ("granian", "granian"),
        ("gunicorn", "gunicorn"),
        ("gunicorn-uvicorn", "gunicorn"),
        ("gunicorn-uvicorn", "uvicorn"),
    ],
)
def test_a_server_the_image_lacks(make_pod: Callable[..., Pod], server: str, package: str) -> None:
    pod = make_pod(server)
    block(pod, package)
    code, message = serve(pod)
    assert (code, message["reason"]) == (78, "PackageMissing")
    assert f"'{package}'" in message["message"]
    assert "spec.web.server" in message["message"]


@pytest.mark.parametrize("package", ["redis", "channels_redis", "uvicorn", "django"])
def test_a_package_the_image_lacks(make_pod: Callable[..., Pod], package: str) -> None:
    pod = make_pod("uvicorn")
    block(pod, package)
    code, message = serve(pod)
    assert (code, message["reason"]) == (78, "PackageMissing")
    assert f"'{package}'" in message["message"]


def test_uvicorn_without_a_websocket_library(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn")
    block(pod, "websockets", "wsproto")
    code, message = serve(pod)
    assert (code, message["reason"]) == (78, "PackageMissing")
    assert "uvicorn[standard]" in message["message"]


def test_gunicorn_without_a_worker_for_uvicorn(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("gunicorn-uvicorn")
    block(pod, "uvicorn_worker", "uvicorn.workers")
    code, message = serve(pod)
    assert (code, message["reason"]) == (78, "PackageMissing")
    assert "'uvicorn-worker'" in message["message"]


def test_gunicorn_with_the_worker_uvicorn_used_to_have(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("gunicorn-uvicorn")
    block(pod, "uvicorn_worker")
    pod.start()
    assert pod.probe("readyz") == 200


def test_a_secret_that_is_not_mounted(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn", settings={"secretKeyFile": "/nowhere/secret-key"})
    code, message = serve(pod)
    assert (code, message["reason"]) == (78, "SettingsInvalid")
    assert "/nowhere/secret-key" in message["message"]


def test_a_management_command_that_raises(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn")
    pod.write_files()
    code, message = run(pod, "manage", "boom")
    assert (code, message["reason"]) == (1, "CommandFailed"), (
        "78 would end a migration that may succeed later"
    )
    assert "RuntimeError: cannot reach postgres://***@db.example.com/shop" in message["message"]
    assert "hunter2" not in pod.read_log()
    assert "Traceback" in pod.read_log(), "the log keeps what a developer needs"


def test_a_management_command_that_does_not_exist(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn")
    pod.write_files()
    code, message = run(pod, "manage", "migrat")
    assert (code, message["reason"]) == (1, "CommandFailed")
    assert "migrat" in message["message"]


def test_a_failure_never_shows_a_secret(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn")
    pod.settings = write_settings(pod, "raise ValueError(f'{SECRET_KEY} {SEEN_REDIS_URL}')\n")
    code, message = serve(pod)
    assert (code, message["reason"]) == (78, "SettingsInvalid")
    for text in (message["message"], pod.read_log()):
        assert SECRET_KEY not in text
        assert REDIS_PASSWORD not in text
        assert "***" in text


def test_management_commands_skip_the_checks(make_pod: Callable[..., Pod]) -> None:
    """djust's errors about hosts must not stop a migration."""
    pod = make_pod("uvicorn", app="pages", settings={"hosts": ["*"]})
    pod.write_files()
    code, message = run(pod, "manage", "migrate", "--noinput")
    assert (code, message) == (0, {}), pod.read_log()


def test_exec_replaces_the_launcher(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn")
    pod.write_files()
    assert run(pod, "exec", "sh", "-c", 'test -n "$PYTHONPATH" && exit 7')[0] == 7
    code, message = run(pod, "exec", "no-such-program")
    assert (code, message["reason"]) == (78, "CommandFailed")
    assert "'no-such-program'" in message["message"]


def test_the_overlay_can_be_off(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn", environment={"DJANGO_SETTINGS_MODULE": "chatsite.settings"})
    pod.start()
    assert pod.probe("readyz") == 200
    with pytest.raises(urllib.error.HTTPError) as refused:
        pod.open("/origin/")
    assert refused.value.code == 400, "the user's own ALLOWED_HOSTS rule"
    refused.value.close()
