"""What somebody who watches with kubectl is shown: every state in between, which looking now and then would miss."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from hack.clients.kubectl import Kubectl


@dataclass(kw_only=True)
class Watch:
    """`kubectl get KIND --watch` in the namespace of `kubectl` while this is open; it writes to the file `shown`."""

    kubectl: Kubectl
    kind: str
    output: str
    """How an object is shown, as kubectl's `--output` takes it."""
    shown: Path
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [str(self.kubectl.program), "--kubeconfig", str(self.kubectl.kubeconfig)]
        command += [
            "--namespace",
            self.kubectl.namespace,
            "get",
            self.kind,
            "--watch",
            "--output",
            self.output,
        ]
        with self.shown.open("wb") as shown:
            self._process = subprocess.Popen(command, stdout=shown)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def read(self) -> str:
        """All that was shown so far."""
        return self.shown.read_text()
