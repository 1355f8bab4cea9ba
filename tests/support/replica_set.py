"""The order in which Kubernetes takes pods away, written down apart from what the operator believes of it.

After ActivePodsWithRanks.Less in pkg/controller/controller_utils.go and getPodsToDelete in pkg/controller/replicaset
(1.34). `tests/api/test_scale_in.py` holds the part that matters against the real controller.
"""

from __future__ import annotations

import math
from functools import cmp_to_key
from typing import Any

from realtimeapp_operator import names

Object = dict[str, Any]

PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def victims(pods: list[Object], number: int, *, now: float) -> list[Object]:
    """The pods that go when `number` of `pods` have to; each has `readySince` and `createdAt` in seconds, as on `now`."""
    together: dict[str, int] = {}
    for pod in pods:
        node = pod["spec"].get("nodeName", "")
        together[node] = together.get(node, 0) + 1

    def compare(one: Object, other: Object) -> int:
        for first, second in zip(_traits(one, together, now), _traits(other, together, now), strict=True):
            if first != second:
                return -1 if first < second else 1
        return 0

    return sorted(pods, key=cmp_to_key(compare))[:number]


def _traits(pod: Object, together: dict[str, int], now: float) -> tuple[Any, ...]:
    """What is compared, in this order; the smaller goes first."""
    node = pod["spec"].get("nodeName", "")
    conditions = {item["type"]: item["status"] for item in pod["status"].get("conditions", ())}
    annotations = pod["metadata"].get("annotations", {})
    restarts = max((item["restartCount"] for item in pod["status"].get("containerStatuses", ())), default=0)
    return (
        bool(node),
        PHASES[pod["status"]["phase"]],
        conditions.get("Ready") == "True",
        int(annotations.get(names.ANNOTATION_DELETION_COST, 0)),
        -together[node],
        _logarithm(now - pod.get("readySince", now)),
        -restarts,
        _logarithm(now - pod.get("createdAt", now)),
        pod["metadata"]["uid"],
    )


def _logarithm(seconds: float) -> int:
    """Ages of the same magnitude are equal, so that the choice between them is by uid (LogarithmicScaleDown)."""
    return int(math.log2(seconds)) if seconds >= 1 else 0
