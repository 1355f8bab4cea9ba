"""docs/frameworks.md says what the tables in the code say."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtimeapp_operator.api.frameworks import FRAMEWORKS, Framework
from realtimeapp_operator.api.servers import SERVERS, Server
from realtimeapp_operator.render.sizing import DJUST_BYTES, SERVER_SOCKET_BYTES, SOCKET_BYTES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "frameworks.md"
Table = dict[str, dict[str, str]]


def tables() -> list[Table]:
    """Every table of the page as column -> row -> cell."""
    found: list[Table] = []
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows: list[list[str]] = []
    for line in (*lines, ""):
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            head, _rule, *body = rows
            found.append(
                {column: {row[0]: row[at] for row in body} for at, column in enumerate(head) if at > 0}
            )
            rows = []
    return found


BY_FRAMEWORK, BY_SERVER = tables()[:2]


def test_every_framework_and_server_has_a_column() -> None:
    assert list(BY_FRAMEWORK) == list(FRAMEWORKS)
    assert list(BY_SERVER) == list(SERVERS)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_has_its_defaults(framework: Framework) -> None:
    column, profile = BY_FRAMEWORK[framework], FRAMEWORKS[framework]
    assert column["server"] == profile.server
    assert column["servers accepted"] == ("all but Gunicorn" if profile.needs_websockets else "all")
    assert column["WebSocket paths at the edge"].strip("`") == (", ".join(profile.websocket_paths) or "none")
    assert column["affinity"] == profile.affinity
    assert column["channel layer"] == (profile.channel_layer or "none")
    assert column["channel layers accepted"] == (", ".join(profile.channel_layers) or "none")


def test_memory_is_what_the_pods_ask_for() -> None:
    def kibibytes(size: int) -> str:
        return f"{size // 1024} KiB"

    plain = SOCKET_BYTES["Disabled"]
    for framework, profile in FRAMEWORKS.items():
        size = plain + (DJUST_BYTES["Disabled"] if framework == "Djust" else 0)
        wanted = kibibytes(size) if profile.needs_websockets else "none"
        assert BY_FRAMEWORK[framework]["memory for each socket"] == wanted
    for server, can in SERVERS.items():
        size = SERVER_SOCKET_BYTES.get(server, plain)
        wanted = kibibytes(size) if can.websockets else "no sockets"
        assert BY_SERVER[server]["memory for each socket of Channels"] == wanted


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_has_its_abilities(server: Server) -> None:
    column, can = BY_SERVER[server], SERVERS[server]
    assert column["interface"] == ("ASGI" if can.websockets else "WSGI")
    assert column["`processesPerPod`"] == ("1 to 32" if can.processes else "1")
    if not can.websockets:
        assert {column["`connections.compression`"], column["close code of a drain"]} == {"no sockets"}
        return
    assert column["`connections.compression`"] == ", ".join(can.compression)
    assert column["`pingIntervalSeconds`"] == ("yes" if can.pings else "no")
    assert column["close code of a drain"] == ("1012" if can.restart_codes else "4012")
    codes = "1001, 1012, 4000-4999" if can.restart_codes else "4000-4999"
    assert column["close codes accepted"] == codes
