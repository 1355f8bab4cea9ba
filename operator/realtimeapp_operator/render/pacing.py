"""The arithmetic of a rollout that nobody notices: two numbers a user knows become the Deployment's fields.

The user says how many connections a pod holds at most (`maxPerPod`) and how many may be moved per second
(`maxReconnectsPerSecond`). The engine stays the Deployment: nothing here runs during a rollout.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.web import DRAIN_LAG_SECONDS

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import Spec

LAG_SECONDS: Final = DRAIN_LAG_SECONDS
GRACEFUL_SECONDS: Final = 10
"""What the server gets to finish requests after SIGTERM; its own graceful timeout."""
SLACK_SECONDS: Final = 7
"""Grace period left for the hook's start, the server's exit and a slow node."""
UNPACED_READY_SECONDS: Final = 5
"""A new pod serves this long before old ones go, where no drain has to be waited for: long enough to see it crash."""
START_MARGIN_SECONDS: Final = 120
"""Time for scheduling and for pulling the image, on top of the startup probe's."""
STARTUP_PERIOD_SECONDS: Final = 1
STARTUP_FAILURES: Final = 60


def rate_per_second(spec: Spec) -> float:
    """Connections one draining pod closes per second.

    Paced: drains do not overlap, so a pod may use the whole rate. SurgeAll: all pods drain together, so each spreads
    a full pod over the drain timeout; `replicas * maxPerPod <= maxReconnectsPerSecond * drainTimeoutSeconds`
    keeps their sum within the rate. The number of replicas is left out on purpose: scaling must not replace pods.
    """
    rollout = spec.web.rollout
    if rollout.strategy == "Paced":
        return float(rollout.max_reconnects_per_second)
    return round(spec.web.connections.max_per_pod / rollout.drain_timeout_seconds, 3)


def min_ready_seconds(spec: Spec) -> int:
    """How long a new pod is ready before the next old one goes.

    Paced: as long as the closes of a full pod take, and one second, so that those of two pods do not overlap. Each
    of them waits the same lag before its first close, so the lag does not count; the second is for what else differs.
    """
    rollout = spec.web.rollout
    if rollout.strategy == "SurgeAll" or not defaults.holds_sockets(spec):
        return UNPACED_READY_SECONDS
    return empty_seconds(spec) + 1


def empty_seconds(spec: Spec) -> int:
    """How long the closes of a full pod take when it has the whole rate for itself."""
    return math.ceil(spec.web.connections.max_per_pod / spec.web.rollout.max_reconnects_per_second)


def max_surge(spec: Spec) -> int | str:
    """Pods above the wanted number during a rollout; without sockets Kubernetes' own default."""
    if not defaults.holds_sockets(spec):
        return "25%"
    return 1 if spec.web.rollout.strategy == "Paced" else "100%"


def grace_seconds(spec: Spec) -> int:
    """Termination grace period of a web pod; the preStop hook counts into it.

    It is the longest a pod may take. The hook returns as soon as nothing is open or asked, so an idle pod is gone after
    the lag.
    """
    return LAG_SECONDS + spec.web.rollout.drain_timeout_seconds + GRACEFUL_SECONDS + SLACK_SECONDS


def progress_deadline_seconds(spec: Spec) -> int:
    """Time without progress after which a rollout counts as stuck.

    The clock starts again with each pod that becomes available, so one pod's time is enough.
    """
    startup = spec.web.probes.startup
    period = startup.period_seconds or STARTUP_PERIOD_SECONDS
    failures = startup.failure_threshold or STARTUP_FAILURES
    return min_ready_seconds(spec) + period * failures + START_MARGIN_SECONDS
