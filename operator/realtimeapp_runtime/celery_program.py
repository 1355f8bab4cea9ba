"""What `run celery worker` and `run celery beat` get besides Celery: a heartbeat for the probe, and the log format of the settings.

Everything is attached through Celery's own signals and boot steps; no module of the user's is touched. The heartbeat begins when the
worker is ready (its pool runs and its broker answered), or when beat begins to tick.
"""

from __future__ import annotations

import logging
import logging.config
import os
from typing import TYPE_CHECKING, Any

from realtimeapp_runtime import json_log
from realtimeapp_runtime.heartbeat import PROGRAMS
from realtimeapp_runtime.pulse import INTERVAL_SECONDS, Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def prepare(arguments: Sequence[str]) -> None:
    """Attach the heartbeat to a worker or beat; other programs of Celery are left alone. Comes before the settings."""
    import celery  # noqa: PLC0415 - only in the pods that run it

    # green pools replace parts of the standard library, which must happen before anything else is imported
    celery.maybe_patch_concurrency(["celery", *arguments])
    if not PROGRAMS.isdisjoint(arguments):
        _Watch(Pulse()).attach()


def keep_log_format(settings: Any) -> None:  # noqa: ANN401 - Django ships no types
    """Let a worker log as the web pods do where the overlay decided how: Celery would otherwise set up logging its own way."""
    if getattr(settings, "LOGGING", None) != json_log.LOGGING:
        return
    from celery import signals  # noqa: PLC0415 - only in the pods that run it

    signals.setup_logging.connect(_configure_logging, weak=False)


def _configure_logging(loglevel: int | str = logging.INFO, **_: object) -> None:
    logging.config.dictConfig(json_log.LOGGING)
    logging.getLogger().setLevel(loglevel)


class _Watch:
    """Lets the main loop of a worker or of beat note its progress."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._process = os.getpid()
        self._is_worker = False

    def attach(self) -> None:
        from celery import signals  # noqa: PLC0415 - only in the pods that run it

        signals.celeryd_init.connect(self._add_step, weak=False)
        signals.worker_ready.connect(self._begin, weak=False)
        signals.worker_shutting_down.connect(self._hold, weak=False)
        signals.beat_init.connect(self._watch_beat, weak=False)

    def _add_step(self, instance: Any, **_: object) -> None:  # noqa: ANN401 - Celery ships no types
        self._is_worker = True
        instance.app.steps["worker"].add(_build_step(self._pulse.note_progress))

    def _begin(self, **_: object) -> None:
        self._pulse.start()

    def _hold(self, **_: object) -> None:
        self._pulse.hold()

    def _watch_beat(self, sender: Any, **_: object) -> None:  # noqa: ANN401 - Celery ships no types
        if self._is_worker or os.getpid() != self._process:
            return  # beat inside a worker: the worker's own loop is what is watched
        scheduler = sender.scheduler
        tick = scheduler.tick

        def tick_and_note(*arguments: object, **options: object) -> float | None:
            self._pulse.note_progress()
            pause: float | None = tick(*arguments, **options)
            self._pulse.note_progress()
            # beat may sleep for five minutes; a tick more often finds nothing due and costs next to nothing
            return pause if pause is None else min(pause, INTERVAL_SECONDS)

        scheduler.tick = tick_and_note
        self._pulse.start()


def _build_step(note_progress: Callable[[], None]) -> type:
    """Return a boot step that calls `note_progress` from the worker's loop every INTERVAL_SECONDS."""
    from celery import bootsteps  # noqa: PLC0415 - only in the pods that run it

    class NoteProgress(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
        requires = ("celery.worker.components:Timer",)

        def __init__(self, worker: Any, **options: Any) -> None:  # noqa: ANN401 - Celery ships no types
            super().__init__(worker, **options)
            self._entry: Any = None

        def start(self, worker: Any) -> None:  # noqa: ANN401 - as above
            if not worker.use_eventloop:
                worker.timer.call_repeatedly(INTERVAL_SECONDS, note_progress)

        def register_with_event_loop(self, _worker: Any, hub: Any) -> None:  # noqa: ANN401 - as above
            # once per connection to the broker: Celery drops the timers of a connection it lost
            if self._entry is not None:
                self._entry.cancel()
            note_progress()
            self._entry = hub.call_repeatedly(INTERVAL_SECONDS, note_progress)

    return NoteProgress
