"""Builds the programs of the cluster once per user, and says where they are.

Everything comes from the `tool` lines of the pinned go.mod files beside this module. A binary is kept in
`${XDG_CACHE_HOME:-~/.cache}/realtimeapp-operator/bin/<module>-<key>/<name>`; the key covers go.mod, go.sum and the
flags, so a fresh clone finds what an older one has built and a changed pin never meets an old binary.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.errors import ClusterError, UnsuitableMachineError
from hack.cluster.report import say, ticking

SOURCES = Path(__file__).parent / "go"
KUBERNETES_VERSION = "1.34.4"
LAST_LINES = 20


def _version_flags() -> str:
    """Linker flags that a release build sets and `kubectl version` reads."""
    major, minor, _ = KUBERNETES_VERSION.split(".")
    base = "k8s.io/component-base/version"
    return (
        f"-X {base}.gitVersion=v{KUBERNETES_VERSION} -X {base}.gitMajor={major} -X {base}.gitMinor={minor}"
        f" -X k8s.io/client-go/pkg/version.gitVersion=v{KUBERNETES_VERSION}"
    )


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program: the folder of its go.mod, its package, and its linker flags beside `-s -w`."""

    module: str
    package: str
    link: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of `go build`; part of the cache key."""
        return ("-trimpath", "-ldflags", f"-s -w {self.link}".rstrip())


def _kubernetes(name: str) -> Tool:
    return Tool(module="kubernetes", package=f"k8s.io/kubernetes/cmd/{name}", link=_version_flags())


TOOLS: dict[str, Tool] = {
    "etcd": Tool(module="kubernetes", package="go.etcd.io/etcd/server/v3"),
    "kube-apiserver": _kubernetes("kube-apiserver"),
    "kube-controller-manager": _kubernetes("kube-controller-manager"),
    "kube-scheduler": _kubernetes("kube-scheduler"),
    "kubelet": _kubernetes("kubelet"),
    "kube-proxy": _kubernetes("kube-proxy"),
    "kubectl": _kubernetes("kubectl"),
    "coredns": Tool(module="coredns", package="github.com/coredns/coredns"),
    "local-path-provisioner": Tool(module="local-path", package="github.com/rancher/local-path-provisioner"),
    "traefik": Tool(module="traefik", package="github.com/traefik/traefik/v3/cmd/traefik"),
    "pause": Tool(module="pause", package="."),
    "metrics-server": Tool(module="metrics-server", package="sigs.k8s.io/metrics-server/cmd/metrics-server"),
    "keda-operator": Tool(module="keda", package="github.com/kedacore/keda/v2/cmd/operator"),
    "keda-adapter": Tool(module="keda", package="github.com/kedacore/keda/v2/cmd/adapter"),
    "helm": Tool(module="tools", package="helm.sh/helm/v4/cmd/helm"),
    "kubeconform": Tool(module="tools", package="github.com/yannh/kubeconform/cmd/kubeconform"),
    "helm-unittest": Tool(
        module="helm-unittest", package="github.com/helm-unittest/helm-unittest/cmd/helm-unittest"
    ),
}


def module_folder(name: str, module: str) -> Path:
    """Return where the sources of `module`, which the program is built from, are on this machine."""
    folder = SOURCES / TOOLS[name].module
    environment = {**os.environ, "GOWORK": "off"}
    for command in (("go", "mod", "download", module), ("go", "list", "-m", "-f", "{{.Dir}}", module)):
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ClusterError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return Path(done.stdout.strip())


def cache_root() -> Path:
    """Return the per-user folder of all binaries."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "realtimeapp-operator" / "bin"


def cache_key(*, sources: Sequence[bytes], flags: Sequence[str], machine: str) -> str:
    """Return 12 hex digits that change with any source file, flag or processor architecture."""
    digest = hashlib.sha256()
    for part in (*sources, *(flag.encode() for flag in flags), machine.encode()):
        # The length keeps two neighbours from trading bytes without changing the key.
        digest.update(f"{len(part)}:".encode())
        digest.update(part)
    return digest.hexdigest()[:12]


def location(name: str) -> Path:
    """Return where the program is or would be, without building it."""
    tool = TOOLS.get(name)
    if tool is None:
        raise ClusterError(f"There is no program {name!r}; there are {', '.join(sorted(TOOLS))}.")
    folder = SOURCES / tool.module
    files = sorted(
        path for path in folder.iterdir() if path.name in ("go.mod", "go.sum") or path.suffix == ".go"
    )
    key = cache_key(
        sources=[path.read_bytes() for path in files], flags=tool.flags, machine=platform.machine()
    )
    return cache_root() / f"{tool.module}-{key}" / name


def path(name: str) -> Path:
    """Return the program's path; builds it first where it is missing."""
    return build([name])[name]


def build(names: Sequence[str]) -> dict[str, Path]:
    """Build what is missing of `names`, one by one with visible progress, and return all their paths."""
    found = {name: location(name) for name in names}
    missing = [name for name in names if not found[name].exists()]
    if not missing:
        return found
    _require_go(missing)
    for number, name in enumerate(missing, start=1):
        with _locked(found[name]):
            if not found[name].exists():
                _build(name, found[name], label=f"[{number} of {len(missing)}] building {name}")
    return found


def _build(name: str, target: Path, *, label: str) -> None:
    """Compile to a neighbour of the target, then rename: an interrupted build leaves nothing half."""
    tool = TOOLS[name]
    unfinished = target.with_name(f".{name}.{os.getpid()}")
    log = target.with_name(f"{name}.log")
    command = ["go", "build", *tool.flags, "-o", str(unfinished), tool.package]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    try:
        with ticking(label) as ticker, log.open("wb") as output:
            compiler = subprocess.Popen(
                command, cwd=SOURCES / tool.module, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                while True:
                    try:
                        status = compiler.wait(timeout=1)
                        break
                    except subprocess.TimeoutExpired:
                        ticker.tick()
            finally:
                if compiler.poll() is None:
                    compiler.kill()
                    compiler.wait()
            if status != 0:
                last = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
                raise ClusterError(f"Building {name} failed; the last lines of {log}:\n{last}")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the program's lock, so that two commands at once build it once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another command is building {target.name}; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _require_go(missing: Sequence[str]) -> None:
    """Refuse, before anything is started, a machine without a Go that can build the modules."""
    needed = required_go((SOURCES / "kubernetes" / "go.mod").read_text())
    wanted = f"Go {needed} or newer is needed on PATH to build {', '.join(missing)} (once)"
    if shutil.which("go") is None:
        raise UnsuitableMachineError(f"{wanted}, and there is none.")
    # `go list` is the cheapest command that applies the go line, including a toolchain that go fetches itself.
    asked = subprocess.run(
        ["go", "list", "-m"],
        cwd=SOURCES / "kubernetes",
        env={**os.environ, "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode != 0:
        raise UnsuitableMachineError(f"{wanted}; go says: {asked.stderr.strip().splitlines()[-1:]}.")


def required_go(go_mod: str) -> str:
    """Return the version in the `go` line of a go.mod."""
    for line in go_mod.splitlines():
        if line.startswith("go "):
            return line.split()[1]
    raise ValueError("a go.mod without a go line")
