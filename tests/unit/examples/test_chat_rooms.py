"""The rooms of the chat example: a message is stored once, and nobody misses one, whatever the channel layer does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCENE = Path(__file__).with_name("chat_scene.py")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What everybody in the scene got."""
    database = tmp_path_factory.mktemp("chat") / "db.sqlite3"
    done = subprocess.run(
        [sys.executable, str(SCENE), str(database)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def texts(frames: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Numbers and texts of the messages among frames."""
    return [(frame["number"], frame["text"]) for frame in frames if frame["type"] == "message"]


def test_who_has_no_name_is_not_let_in(told: dict[str, Any]) -> None:
    assert told["stranger"] is False


def test_a_message_that_is_said_twice_is_stored_and_heard_once(told: dict[str, Any]) -> None:
    ann, ben = told["repeated"]["ann"], told["repeated"]["ben"]
    assert [frame["number"] for frame in ann if frame["type"] == "stored"] == [1, 1]
    assert texts(ann) == texts(ben) == [(1, "hello")]


def test_who_was_away_gets_what_they_missed_in_order(told: dict[str, Any]) -> None:
    assert told["caught up"][0]["type"] == "welcome"
    assert texts(told["caught up"]) == [(2, "missed 0"), (3, "missed 1"), (4, "missed 2")]


def test_a_newcomer_gets_the_latest_few(told: dict[str, Any]) -> None:
    assert texts(told["newcomer"]) == [(3, "missed 1"), (4, "missed 2")]


def test_what_did_not_come_through_the_layer_is_fetched_before_what_did(told: dict[str, Any]) -> None:
    assert texts(told["gap"]) == [(5, "gap 5"), (6, "gap 6")]


def test_what_nobody_understands_is_refused_with_a_sentence_and_the_socket_stays(
    told: dict[str, Any],
) -> None:
    assert [frame["type"] for frame in told["nonsense"]] == ["refused"] * 4
    reasons = [frame["reason"] for frame in told["nonsense"]]
    assert "Accepted is" in reasons[0]
    assert "UUID" in reasons[2]
    assert "500 characters" in reasons[3]
