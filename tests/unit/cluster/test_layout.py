from __future__ import annotations

from pathlib import Path

from hack.cluster.layout import CONTROL_PLANE, ELSEWHERE, LONGEST_STATE_PATH, NODE, default_state


def test_state_lies_inside_the_checkout() -> None:
    assert default_state(NODE, checkout=Path("/srv/operator")).root == Path(
        "/srv/operator/.cache/cluster/node"
    )


def test_a_checkout_too_deep_for_sockets_gets_a_short_folder_of_its_own() -> None:
    deep = Path("/srv") / ("a-long-name" * 6) / "operator"
    state = default_state(NODE, checkout=deep)
    assert state.root.is_relative_to(ELSEWHERE)
    assert len(str(state.root)) <= LONGEST_STATE_PATH
    assert state != default_state(NODE, checkout=deep / "another")
    assert state == default_state(NODE, checkout=deep)


def test_a_control_plane_has_no_such_sockets() -> None:
    deep = Path("/srv") / ("a-long-name" * 6)
    assert default_state(CONTROL_PLANE, checkout=deep).root.is_relative_to(deep)
