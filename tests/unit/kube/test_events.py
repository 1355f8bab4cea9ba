from __future__ import annotations

from typing import Any

from realtimeapp_operator.kube.errors import AlreadyExists, Forbidden, NotFound
from realtimeapp_operator.kube.events import EventWriter, event_name
from realtimeapp_operator.kube.kinds import Ref

APP = Ref("realtimeapp.dev/v1alpha1", "RealtimeApp", "ns", "counter")


class Events:
    """Keeps events by name."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.writes = 0
        self.refuse: Exception | None = None

    async def create_event(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.writes += 1
        if self.refuse:
            raise self.refuse
        name = manifest["metadata"]["name"]
        if name in self.kept:
            raise AlreadyExists(status=409)
        self.kept[name] = dict(manifest)
        return manifest

    async def get(self, ref: Ref) -> dict[str, Any] | None:
        return self.kept.get(ref.name)

    async def patch(self, ref: Ref, changes: dict[str, Any]) -> dict[str, Any]:
        self.writes += 1
        if ref.name not in self.kept:
            raise NotFound(status=404)
        self.kept[ref.name].update(changes)
        return self.kept[ref.name]


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def writer(events: Events, clock: Clock) -> EventWriter:
    return EventWriter(events, instance="pod-0", monotonic=clock)  # type: ignore[arg-type]  # three verbs are enough


async def emit(to: EventWriter, message: str = "the image cannot be pulled") -> None:
    await to.emit(app=APP, uid="u1", kind="Warning", reason="ImagePullFailed", message=message)


async def test_an_event_tells_a_person_what_happened_to_which_object() -> None:
    events = Events()
    await emit(writer(events, Clock()))
    [event] = events.kept.values()
    assert event["involvedObject"] == {
        "apiVersion": "realtimeapp.dev/v1alpha1",
        "kind": "RealtimeApp",
        "namespace": "ns",
        "name": "counter",
        "uid": "u1",
    }
    assert (event["type"], event["reason"]) == ("Warning", "ImagePullFailed")
    assert event["message"] == "the image cannot be pulled"
    assert event["source"] == {"component": "realtimeapp-operator"}


async def test_a_repeated_event_is_one_event_with_a_count() -> None:
    events, clock = Events(), Clock()
    to = writer(events, clock)
    for _ in range(5):
        await emit(to)
    assert events.writes == 1
    clock.seconds += 61
    await emit(to)
    [event] = events.kept.values()
    assert event["count"] == 6
    assert events.writes == 2


async def test_a_new_process_goes_on_counting() -> None:
    events = Events()
    await emit(writer(events, Clock()))
    await emit(writer(events, Clock()))
    [event] = events.kept.values()
    assert event["count"] == 2


async def test_another_message_is_another_event_and_a_long_one_is_cut() -> None:
    events = Events()
    to = writer(events, Clock())
    await emit(to)
    await emit(to, "x" * 3000)
    assert len(events.kept) == 2
    assert max(len(event["message"]) for event in events.kept.values()) == 1024


async def test_an_expired_event_is_written_anew() -> None:
    events, clock = Events(), Clock()
    to = writer(events, clock)
    await emit(to)
    events.kept.clear()
    clock.seconds += 3600
    await emit(to)
    assert [event["count"] for event in events.kept.values()] == [1]


async def test_a_refused_event_is_no_failure() -> None:
    events = Events()
    events.refuse = Forbidden(status=403, message="the namespace is being terminated")
    await emit(writer(events, Clock()))
    assert not events.kept


def test_the_name_is_the_same_in_every_process_and_fits() -> None:
    assert event_name("counter", uid="u", reason="R", message="m") == event_name(
        "counter", uid="u", reason="R", message="m"
    )
    assert len(event_name("a" * 253, uid="u", reason="R", message="m")) <= 253
