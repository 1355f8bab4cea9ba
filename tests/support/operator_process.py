"""The operator as a process of the test, with exactly the rights the chart grants its ServiceAccount."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hack.clients.ports import find_port
from hack.clients.waiting import eventually
from hack.cluster import binaries

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "realtimeapp-operator"
SYSTEM = "realtimeapp-system"
ACCOUNT = "realtimeapp-operator"
USER = f"system:serviceaccount:{SYSTEM}:{ACCOUNT}"
RUNTIME_IMAGE = "localhost/realtimeapp-operator:dev"
REDIS_IMAGE = "localhost/realtimeapp-redis:dev"


def grant(kubectl: Kubectl, folder: Path) -> Path:
    """Create the chart's ServiceAccount and roles; returns a kubeconfig of that account."""
    command = [str(binaries.path("helm")), "template", ACCOUNT, str(CHART), "--namespace", SYSTEM]
    command += ["--show-only", "templates/rbac.yaml", "--show-only", "templates/serviceaccount.yaml"]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}})
    kubectl.within(SYSTEM).run("apply", "-f", "-", stdin=rendered)
    token = kubectl.within(SYSTEM).run("create", "token", ACCOUNT, "--duration=4h").stdout.strip()
    config = json.loads(kubectl.run("config", "view", "--raw", "--flatten", "-o", "json").stdout)
    config["users"] = [{"name": ACCOUNT, "user": {"token": token}}]
    for context in config["contexts"]:
        context["context"]["user"] = ACCOUNT
    path = folder / "operator.kubeconfig"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return path


@dataclass(kw_only=True)
class OperatorProcess:
    """`python -m realtimeapp_operator`; a context manager that stops it with SIGTERM."""

    kubeconfig: Path
    log: Path
    namespaces: str = ""
    port: int = field(default_factory=find_port)
    runtime_image: str = RUNTIME_IMAGE
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it is ready: caches synced, Lease held."""
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "PYTHONPATH": str(ROOT / "operator"),
            "REALTIMEAPP_NAMESPACES": self.namespaces,
            "REALTIMEAPP_RUNTIME_IMAGE": self.runtime_image,
            "REALTIMEAPP_REDIS_IMAGE": REDIS_IMAGE,
            "POD_NAMESPACE": SYSTEM,
        }
        command = [sys.executable, "-m", "realtimeapp_operator", "--listen", f"127.0.0.1:{self.port}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            eventually(self._ready, within=30, what="operator ready")
        except BaseException:
            self.kill()  # Or it keeps the Lease, and every later test waits for it.
            raise

    def stop(self, *, seconds: float = 20) -> int:
        """SIGTERM, and its exit code."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(timeout=seconds)
        finally:
            self._process.kill()

    def ended(self) -> int | None:
        """Its exit code, None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the operator ended:\n{self.log.read_text()[-4000:]}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
