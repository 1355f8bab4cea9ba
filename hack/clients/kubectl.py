"""kubectl for tools and tests: what a user types, with JSON in and out."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hack.clients.waiting import INTERVAL, eventually

if TYPE_CHECKING:
    from pathlib import Path

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """kubectl bound to a kubeconfig and a namespace."""

    program: Path
    kubeconfig: Path
    namespace: str = "default"

    def within(self, namespace: str) -> Kubectl:
        """The same cluster, another namespace."""
        return Kubectl(program=self.program, kubeconfig=self.kubeconfig, namespace=namespace)

    def create_namespace(self, name: str) -> Kubectl:
        """Make a namespace that enforces Pod Security `restricted`; kubectl inside it."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        return self.within(name)

    def remove_namespace(self, name: str, *, within: float | None = None) -> None:
        """Remove a namespace, where there is one, and wait up to `within` seconds until it is gone.

        Without `within` its removal only begins.
        """
        wait = "--wait=false" if within is None else f"--timeout={within:.0f}s"
        self.run("delete", "namespace", name, "--ignore-not-found", wait)

    def run(
        self, *arguments: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl; on failure the assertion shows what it said."""
        done = subprocess.run(
            [str(self.program), "--namespace", self.namespace, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done

    def apply(self, *manifests: Object) -> None:
        """`kubectl apply` of manifests given as dicts."""
        self.run(
            "apply",
            "-f",
            "-",
            stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}),
        )

    def find(self, kind: str, name: str) -> Object | None:
        """One object, or None."""
        done = self.run("get", kind, name, "-o", "json", check=False)
        if done.returncode != 0:
            assert "NotFound" in done.stderr, done.stderr
            return None
        found: Object = json.loads(done.stdout)
        return found

    def get(self, kind: str, name: str) -> Object:
        """One object that must exist."""
        found = self.find(kind, name)
        assert found is not None, f"{kind} {name} not found in {self.namespace}"
        return found

    def items(self, kind: str, selector: str = "") -> list[Object]:
        """All objects of a kind in the namespace."""
        done = self.run(
            "get", kind, "-o", "json", "--show-managed-fields", *(["-l", selector] if selector else [])
        )
        found: list[Object] = json.loads(done.stdout)["items"]
        return found

    def patch(self, kind: str, name: str, patch: Object) -> None:
        """`kubectl patch --type merge`."""
        self.run("patch", kind, name, "--type", "merge", "-p", json.dumps(patch))

    def condition(self, name: str, condition: str) -> Object:
        """A condition of a RealtimeApp; empty while there is none."""
        app = self.find("rta", name) or {}
        conditions = app.get("status", {}).get("conditions", ())
        return next((c for c in conditions if c["type"] == condition), {})

    def await_condition(  # noqa: PLR0913 - the parts of a condition, and how to wait for it
        self,
        name: str,
        condition: str,
        *,
        status: str = "True",
        reason: str | None = None,
        within: float,
        interval: float = INTERVAL,
    ) -> Object:
        """Wait until a condition of the current generation has this status (and reason)."""

        def look() -> Object | None:
            app = self.find("rta", name) or {}
            generation = app.get("metadata", {}).get("generation")
            for found in app.get("status", {}).get("conditions", ()):
                if (
                    found["type"] == condition
                    and found["status"] == status
                    and found["observedGeneration"] == generation
                ) and (reason is None or found["reason"] == reason):
                    return dict(found)
            return None

        wanted = f"{condition}={status}" + (f" ({reason})" if reason else "")
        try:
            found = eventually(look, within=within, what=f"{name}: {wanted}", interval=interval)
        except AssertionError as error:
            raise AssertionError(f"{error}\nlast: {self.condition(name, condition)}") from None
        assert found is not None
        return found

    def web_pods(self, name: str) -> list[Object]:
        """Web pods of an application that are not going away."""
        pods = self.items("pods", f"app.kubernetes.io/instance={name},app.kubernetes.io/component=web")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
