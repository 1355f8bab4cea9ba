"""A pod without Kubernetes: one application, one settings.json, one real server process started through the launcher."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hack.clients.ports import find_port
from hack.clients.waiting import eventually
from realtimeapp_operator import names
from realtimeapp_operator.api.app import Spec
from realtimeapp_operator.render.servers import EVERYWHERE
from realtimeapp_operator.render.servers import server_arguments as render_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "operator" / "realtimeapp_runtime" / "launch.py"
APPS = Path(__file__).resolve().parent / "apps"
SECRET_KEY = "key with / @ : # % and ünïcode"
REDIS_PASSWORD = "p@ss/w:rd#%? é"
DATABASE_URL = "postgres://shop:database-secret@db.example.com/shop"


NAMES = {
    "uvicorn": "Uvicorn",
    "daphne": "Daphne",
    "hypercorn": "Hypercorn",
    "granian": "Granian",
    "gunicorn-uvicorn": "GunicornUvicorn",
    "gunicorn": "Gunicorn",
}
"""What tests call a server, and its name in the API."""
SETTINGS = {
    "chat": "chatsite.settings",
    "pages": "pagesite.settings",
    "shop": "shopsite.settings",
    "tasks": "tasksite.settings",
    "messaging": "messagingsite.settings",
}
FRAMEWORKS = {
    "chat": "Channels",
    "pages": "Djust",
    "shop": "Django",
    "tasks": "Django",
    "messaging": "RealtimeChat",
}


@dataclass(frozen=True)
class Server:
    """A server and its processes, as a test names them: `granian`, or `granian-2` with two processes."""

    name: str
    processes: int

    @classmethod
    def parse(cls, kind: str) -> Server:
        name, _, number = kind.rpartition("-")
        return cls(NAMES[name], int(number)) if number.isdigit() else cls(NAMES[kind], 1)

    @property
    def close_code(self) -> int:
        return 4012 if self.name == "Daphne" else 1012


def server_arguments(kind: str, port: int, run_dir: Path) -> list[str]:
    """The arguments the operator renders for a server, on loopback and with the test's directory."""
    server = Server.parse(kind)
    spec = Spec.model_validate(
        {
            "image": "app:1",
            "framework": "Django" if server.name == "Gunicorn" else "Channels",
            "django": {"settingsModule": "app.settings"},
            "web": {"server": server.name, "processesPerPod": server.processes, "port": port},
        }
    )
    inside = {EVERYWHERE: "127.0.0.1", names.RUN_DIR: str(run_dir)}
    arguments = list(render_arguments(spec))
    for text, here in inside.items():
        arguments = [argument.replace(text, here) for argument in arguments]
    return arguments


@dataclass(kw_only=True)
class Pod:
    """The files and processes of one pod; `kind` names the server."""

    kind: str
    directory: Path
    redis_port: int
    app: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    revision: str = "1"
    key_prefix: str = "shop:chat:"
    """Pods with the same one are an application."""
    port: int = field(default_factory=find_port)
    process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None

    def __post_init__(self) -> None:
        self.app = self.app or ("shop" if self.server.name == "Gunicorn" else "chat")

    @property
    def server(self) -> Server:
        return Server.parse(self.kind)

    @property
    def name(self) -> str:
        return f"chat-web-{self.port}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def run_dir(self) -> Path:
        return self.directory / "run"

    @property
    def close_code(self) -> int:
        return self.server.close_code

    def write_files(self) -> None:
        secrets = self.directory / "secrets"
        secrets.mkdir(parents=True, exist_ok=True)
        self.run_dir.mkdir(exist_ok=True)
        (secrets / "secret-key").write_text(SECRET_KEY, encoding="utf-8")
        (secrets / "password").write_text(REDIS_PASSWORD, encoding="utf-8")
        (secrets / "url").write_text(DATABASE_URL + "\n", encoding="utf-8")
        (self.directory / "settings.json").write_text(json.dumps(self.build_settings()), encoding="utf-8")

    def build_settings(self) -> dict[str, Any]:
        secrets = self.directory / "secrets"
        defaults: dict[str, Any] = {
            "version": 1,
            "framework": FRAMEWORKS[self.app],
            "settingsModule": SETTINGS[self.app],
            "asgiApplication": None,
            "wsgiApplication": None,
            "server": {
                "name": self.server.name,
                "processes": self.server.processes,
                "pingIntervalSeconds": 20,
                "compression": False,
                "gracefulSeconds": 10,
            },
            "hosts": ["chat.example.com"],
            "csrfTrustedOrigins": ["http://chat.example.com"],
            "tls": False,
            "secretKeyFile": str(secrets / "secret-key"),
            "databaseUrlFile": str(secrets / "url"),
            "redis": {
                "host": "127.0.0.1",
                "port": self.redis_port,
                "username": "default",
                "passwordFile": str(secrets / "password"),
                "keyPrefix": self.key_prefix,
                "databases": {"state": 0, "cache": 1, "channels": 2, "celery": 3},
            },
            "channelLayer": None
            if self.app == "shop"
            else {
                "type": "Core",
                "capacity": 100,
                "expirySeconds": 60,
                "groupExpirySeconds": 604800,
            },
            "session": {"engine": "Cache", "ttlSeconds": 1800},
            "connections": {"maxPerPod": 2000, "rebalance": False},
            "drain": {
                "lagSeconds": 1,
                "timeoutSeconds": 20,
                "ratePerSecond": 20.0,
                "closeCode": self.close_code,
            },
            "trustedProxies": {"cidrs": [], "hops": None},
        }
        return {**defaults, **self.settings}

    def build_environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOSTNAME": self.name,
            "REALTIMEAPP_REVISION": self.revision,
            "DJANGO_SETTINGS_MODULE": "realtimeapp_runtime.settings",
            "REALTIMEAPP_CONFIG": str(self.directory / "settings.json"),
            "REALTIMEAPP_RUN_DIR": str(self.run_dir),
            "REALTIMEAPP_TERMINATION_LOG": str(self.directory / "termination-log"),
            "REALTIMEAPP_POD_IP": "127.0.0.1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            # what an image may say to its server, and what the operator's arguments must win over
            "WEB_CONCURRENCY": "3",
            "GRANIAN_WORKERS": "3",
            "FORWARDED_ALLOW_IPS": "*",
            **self.environment,
        }

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the launcher with the pod's environment; output goes to the pod's log."""
        if self._log is None:
            self._log = (self.directory / "log").open("ab")
        return subprocess.Popen(
            [sys.executable, str(LAUNCHER), *arguments],
            cwd=APPS / self.app,
            env=self.build_environment(),
            stdout=self._log,
            stderr=self._log,
        )

    def start(self) -> None:
        self.write_files()
        self.process = self.launch(*self.arguments())
        eventually(self.is_up, within=30, what=f"{self.kind} answers its probe")

    def arguments(self) -> list[str]:
        return server_arguments(self.kind, self.port, self.run_dir)

    def is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended early:\n{self.read_log()}"
        if self.probe("healthz") != 200:
            return False
        return len(self.server_pids()) == self.server.processes

    def open(self, path: str, *, headers: Mapping[str, str] | None = None) -> HTTPResponse:
        """GET `path` of the pod; raises HTTPError for what is not a success."""
        request = urllib.request.Request(self.url + path, headers=dict(headers or {}))  # noqa: S310 - http on loopback
        response: HTTPResponse = urllib.request.urlopen(request, timeout=10)  # noqa: S310 - as above
        return response

    def probe(self, what: str) -> int:
        """The status of a probe, 0 when nothing answers."""
        try:
            with self.open(f"/.realtimeapp/{what}") as answer:
                status: int = answer.status
                return status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def metrics(self) -> dict[str, float]:
        with self.open("/.realtimeapp/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
        }

    def live(self, kind: str = "websocket") -> float:
        return self.metrics()[f'realtimeapp_connections{{kind="{kind}"}}']

    def server_pids(self) -> list[int]:
        return [int(path.name.partition("-")[2]) for path in self.run_dir.glob("process-*")]

    def terminate(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit code and the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30), time.monotonic() - began

    def read_log(self) -> str:
        path = self.directory / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=5)
        if self._log is not None:
            self._log.close()
