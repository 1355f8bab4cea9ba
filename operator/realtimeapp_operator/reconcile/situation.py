"""Everything the conditions are read from, gathered in one place: what is asked for and what is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.records import Address, DeploymentState, Record, address_of
from realtimeapp_operator.reconcile.rollback import is_undone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.conditions import ConditionType
    from realtimeapp_operator.api.reasons import Reason
    from realtimeapp_operator.kube.errors import ApiError
    from realtimeapp_operator.reconcile.attempts import Attempt
    from realtimeapp_operator.reconcile.gate import Gate
    from realtimeapp_operator.reconcile.handshake import Knock, Tries
    from realtimeapp_operator.reconcile.loads import AppLoads
    from realtimeapp_operator.reconcile.observed import Family
    from realtimeapp_operator.reconcile.problems import Problem
    from realtimeapp_operator.render.facts import Edge, Manifest


class Part(NamedTuple):
    """A component of an application; `worker` is its name among the workers, else empty."""

    component: str
    worker: str = ""


WEB = Part(names.COMPONENT_WEB)
REDIS = Part(names.COMPONENT_REDIS)
MIGRATION = Part(names.COMPONENT_MIGRATE)
CHECK = Part(names.COMPONENT_CHECK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """One look at an application, after this reconcile's writes."""

    app: RealtimeApp
    desired: tuple[Manifest, ...]
    family: Family
    gate: Gate
    held: frozenset[Address]
    """What waits for the gate."""
    migration: Attempt
    check: Attempt
    before: Mapping[str, Any]
    """The status as it was: what Jobs said whose pods are gone."""
    problems: tuple[Problem, ...]
    """What stood in the way of writes."""
    failure: ApiError | None = None
    """What trying the writes again may mend."""
    missing: Mapping[Part, Problem] = field(default_factory=dict)
    """Secrets and ConfigMaps that pods wait for."""
    edge: Edge | None
    class_known: bool
    """Whether the IngressClass exists; True without an ingress."""
    now: float
    """On the monotonic clock."""
    at: datetime
    """The same moment, for what people read."""
    loads: AppLoads
    """Connections of the web pods."""
    next_step: float | None = None
    """In how many seconds the next step of a scale-in may be possible; None where none is waited for."""
    knock: Knock | None = None
    """The WebSocket that shows the way in; None where none is opened."""
    tries: Tries | None = None
    """What came of it so far; None before the first try, or where the status knows already."""

    @property
    def owner(self) -> str:
        """Uid of the application."""
        return self.app.metadata.uid

    def has_said(self, kind: ConditionType, reason: Reason) -> bool:
        """Whether a condition had this reason in the status as it was."""
        return any(
            item.get("type") == kind and item.get("reason") == reason
            for item in self.before.get("conditions") or ()
        )

    def workload(self, part: Part) -> Manifest | None:
        """Return the manifest that runs the pods of `part`."""
        return next((item for candidate, item in self.workloads() if candidate == part), None)

    def workloads(self) -> Iterator[tuple[Part, Manifest]]:
        """Yield every Deployment, StatefulSet and Job that is asked for."""
        for item in self.desired:
            if item["kind"] in {"Deployment", "StatefulSet", "Job"}:
                labels = item["metadata"]["labels"]
                yield Part(labels[names.LABEL_COMPONENT], labels.get(names.LABEL_WORKER, "")), item

    def is_held(self, manifest: Manifest) -> bool:
        """Whether a child waits for the gate."""
        return address_of(manifest) in self.held

    def is_undone(self, manifest: Manifest) -> bool:
        """Whether somebody put an older template back, which is left alone."""
        return is_undone(manifest, self.record(manifest))

    def record(self, manifest: Manifest) -> Record | None:
        """Return what is observed of a child that is asked for."""
        return self.family.get(manifest["kind"], manifest["metadata"]["name"], owner=self.owner)

    def pods(self, part: Part) -> tuple[Record, ...]:
        """Return the pods of `part`, in the order of their names."""
        return self.family.pods(part.component, part.worker)

    def old_pods_serve(self) -> bool:
        """Whether web pods of an earlier revision answer, because the new ones do not yet."""
        manifest = self.workload(WEB)
        record = self.record(manifest) if manifest is not None else None
        if manifest is None or record is None or not isinstance(record.detail, DeploymentState):
            return False
        detail = record.detail
        older = self.is_held(manifest) or detail.replicas > detail.updated
        return older and detail.ready > 0
