"""kopf's settings: an informer for RealtimeApps that writes nothing, on the cluster or a list of namespaces."""

from __future__ import annotations

from typing import Final

import kopf

from realtimeapp_operator import names
from realtimeapp_operator.wiring.storages import NoDiffBase, NoProgress

CHUNK: Final = 500
"""Objects per page of the first list; lists at once cost 1.7 times the memory with ten thousand objects."""
SILENCE_SECONDS: Final = 90.0
"""A quiet watch gets a bookmark every 60 to 75 s; kopf's own limit of 70 s takes healthy ones for dead."""
IDLE_SECONDS: Final = 0.5
"""How long kopf keeps two tasks for an object after its last event (its default is 5 s)."""


def build_settings() -> kopf.OperatorSettings:
    """Return settings under which kopf only lists and watches."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.watching.chunk_size = CHUNK
    settings.watching.inactivity_timeout = SILENCE_SECONDS
    settings.queueing.idle_timeout = IDLE_SECONDS
    # worker_limit stays unset: an idle worker holds its slot, so a limit starves objects instead of pacing them.
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.enforce_retry_after = True
    settings.persistence.finalizer = f"{names.GROUP}/unused"
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.process.ultimate_exiting_timeout = 30
    return settings
