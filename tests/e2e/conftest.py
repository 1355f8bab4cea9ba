"""The e2e ring's surroundings: the node cluster, the operator installed by Helm, a restricted namespace per test.

KUBECONFIG=... runs the ring against another cluster that has the images and Traefik on 127.0.0.1:80, and publishes an
address of it that pods reach: Ready means that the operator came in there.
A test that fails shows what the cluster saw: conditions, events, pods, the operator's log.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hack.clients.kubectl import Kubectl
from hack.clients.scene import describe_scene
from hack.clients.waiting import eventually
from hack.cluster import binaries
from hack.cluster.layout import NODE, default_state
from hack.demo.release import NAMESPACE, RELEASE, install_arguments
from hack.examples.row import Row, align, render_table

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "e2e-"

failed = pytest.StashKey[bool]()
rows = pytest.StashKey[list[Row]]()
"""What the examples did, for the table at the end."""
server_lines = pytest.StashKey[list[tuple[str, ...]]]()
"""What the servers did, for theirs."""
SERVER_HEADER = (
    "server",
    "processes",
    "sockets",
    "closes",
    "peak/s",
    "in flight finished",
    "visitors' errors",
    "exit",
    "settled",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        item.stash[failed] = report.failed
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table of the examples, as `make examples` does, and that of the servers."""
    if shown := config.stash.get(rows, []):
        terminalreporter.section("examples")
        terminalreporter.write_line(render_table(shown))
    if lines := config.stash.get(server_lines, []):
        terminalreporter.section("servers: a rollout away from each")
        terminalreporter.write_line(align(SERVER_HEADER, lines, right=SERVER_HEADER[1:]))


@pytest.fixture
def keep_row(pytestconfig: pytest.Config) -> Callable[[Row], None]:
    """Takes what an example did for the table at the end of the ring."""
    return pytestconfig.stash.setdefault(rows, []).append


@pytest.fixture
def keep_line(pytestconfig: pytest.Config) -> Callable[[tuple[str, ...]], None]:
    """Takes what a server did, in the columns of SERVER_HEADER."""
    return pytestconfig.stash.setdefault(server_lines, []).append


@pytest.fixture(scope="session")
def cluster() -> Iterator[Kubectl]:
    """kubectl for the node cluster."""
    kubeconfig = Path(os.environ.get("KUBECONFIG", default_state(NODE).kubeconfig))
    assert kubeconfig.exists(), "no cluster: run `make cluster images`, or set KUBECONFIG"
    kubectl = Kubectl(program=binaries.path("kubectl"), kubeconfig=kubeconfig)
    yield kubectl
    # A test does not wait for the end of its namespace, the next one can begin meanwhile; the ring does.
    eventually(lambda: not left_behind(kubectl), within=120, what="every namespace of the ring gone")


def left_behind(kubectl: Kubectl) -> list[str]:
    """Namespaces of the ring that still exist."""
    names = [item["metadata"]["name"] for item in kubectl.items("namespaces")]
    return [name for name in names if name.startswith(PREFIX)]


def helm(cluster: Kubectl, *arguments: str) -> None:
    """Run helm against the cluster; the assertion shows what it said."""
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    command = [str(binaries.path("helm")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


@pytest.fixture(scope="session")
def operator(cluster: Kubectl) -> Kubectl:
    """kubectl in the operator's namespace, the operator running the images built last."""
    helm(cluster, *install_arguments())
    return cluster.within(NAMESPACE)


@pytest.fixture
def kubectl(cluster: Kubectl, operator: Kubectl, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl in a new namespace that enforces Pod Security `restricted`; the namespace is gone afterwards."""
    with new_namespace(cluster) as inside:
        yield inside
        if request.node.stash.get(failed, False):
            print_scene(inside, operator)


@contextmanager
def new_namespace(cluster: Kubectl) -> Iterator[Kubectl]:
    """kubectl in a namespace of its own, which is removed at the end; nobody waits for that."""
    name = f"{PREFIX}{uuid.uuid4().hex[:8]}"
    try:
        yield cluster.create_namespace(name)
    finally:
        cluster.remove_namespace(name)


def print_scene(kubectl: Kubectl, operator: Kubectl) -> None:
    """What the cluster saw, for the report of a failed test."""
    print(describe_scene(kubectl))
    log = operator.run("logs", f"deployment/{RELEASE}", "--tail=80", check=False).stdout
    print(f"--- operator log\n{log}")


@pytest.fixture
def host(kubectl: Kubectl) -> str:
    """A host name of the test's own."""
    return f"{kubectl.namespace}.localhost"


@pytest.fixture
def counter(host: str) -> dict[str, Any]:
    """The demo's manifest on the test's own host."""
    manifest: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "djust-counter.yaml").read_text())
    manifest["spec"]["ingress"]["hosts"] = [host]
    return manifest
