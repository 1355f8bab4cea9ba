"""A reconciler on a cluster in memory: declare an application, let things happen, look at what a user would see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from realtimeapp_operator import names
from realtimeapp_operator.api.conditions import format_time
from realtimeapp_operator.api.explanations import EXPLANATIONS
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.api.status import Status
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.apps import Apps
from realtimeapp_operator.reconcile.loads import Loads
from realtimeapp_operator.reconcile.observed import Observed
from realtimeapp_operator.reconcile.openings import Openings
from realtimeapp_operator.reconcile.ports import Images, Key, Outcome, Surroundings
from realtimeapp_operator.reconcile.reconciler import Reconciler
from realtimeapp_operator.reconcile.sampler import REST_SECONDS, Sampler
from tests.support.fake_clock import FakeClock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_doorbell import FakeDoorbell
from tests.support.fake_probe import FakeProbe
from tests.support.silent_meter import SilentMeter
from tests.support.wire import copied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY = Key("shop", "counter")
SPEC: dict[str, Any] = {
    "image": "registry.example.com/counter:1",
    "framework": "Djust",
    "django": {"settingsModule": "counter.settings"},
    "ingress": {"className": "traefik", "hosts": ["counter.example.com"]},
}
TRAEFIK = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "traefik"},
    "spec": {"controller": "traefik.io/ingress-controller"},
}
ROUNDS = 50
JOBS = {names.COMPONENT_MIGRATE, names.COMPONENT_CHECK, names.COMPONENT_CLEANUP}


class Told:
    """Collects Events as (kind, reason, message)."""

    def __init__(self) -> None:
        self.stories: list[tuple[str, str, str]] = []

    async def emit(self, *, app: Ref, uid: str, kind: str, reason: str, message: str) -> None:
        """Remember one."""
        assert app.name
        assert uid
        self.stories.append((kind, reason, message))

    def reasons(self) -> list[str]:
        """Reasons in the order they were told."""
        return [reason for _, reason, _ in self.stories]


class World:
    """One cluster, one operator process at a time."""

    def __init__(self, *, traefik: bool = True, surroundings: Surroundings | None = None) -> None:
        self.surroundings = surroundings or Surroundings()
        self.cluster = FakeCluster()
        self.clock = FakeClock()
        self.told = Told()
        self.doorbell = FakeDoorbell()
        self.probe = FakeProbe()
        self.images = Images(runtime="registry.example.com/operator:1", redis="registry.example.com/redis:7")
        self.errors: dict[Key, BaseException] = {}
        self.outcomes: dict[Key, Outcome] = {}
        if traefik:
            self.cluster.put(TRAEFIK)
        self.start()

    def start(self) -> None:
        """Begin a new operator process: nothing is known, everything is listed."""
        self.apps = Apps()
        self.due: dict[Key, None] = {}
        self.observed = Observed(clock=self.clock, announce=lambda key: self.due.update({key: None}))
        self.loads = Loads(observed=self.observed, clock=self.clock)
        self.openings = Openings(
            doorbell=self.doorbell, clock=self.clock, announce=lambda key: self.due.update({key: None})
        )
        self.sampler = Sampler(
            loads=self.loads,
            apps=self.apps,
            probe=self.probe,
            clock=self.clock,
            meter=SilentMeter(),
            announce=lambda key: self.due.update({key: None}),
            rest_seconds=REST_SECONDS,
            phase=lambda: 0.0,
        )
        self.reconciler = Reconciler(
            api=self.cluster,
            events=self.told,
            apps=self.apps,
            observed=self.observed,
            images=self.images,
            surroundings=self.surroundings,
            loads=self.loads,
            sampler=self.sampler,
            openings=self.openings,
            clock=self.clock,
            meter=SilentMeter(),
        )
        self.cluster.take_events()
        labelled = [
            obj
            for obj in self.cluster.objects.values()
            if obj["kind"] == "IngressClass"
            or (
                obj["kind"] not in {"Secret", names.KIND}
                and (obj["metadata"].get("labels") or {}).get(names.LABEL_MANAGED_BY) == names.MANAGED_BY
            )
        ]
        apps = [obj for obj in self.cluster.objects.values() if obj["kind"] == names.KIND]
        for obj in (*labelled, *apps):
            self._see(None, copied(obj))

    def declare(self, key: Key = KEY, **changes: Any) -> None:  # noqa: ANN401 - fields of the spec
        """Create an application, or replace its spec, with `changes` over the smallest useful one."""
        spec = {**copied(SPEC), **changes}
        self.cluster.put(
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "metadata": {"name": key.name, "namespace": key.namespace},
                "spec": {name: value for name, value in spec.items() if value is not None},
            }
        )

    def undeclare(self, key: Key = KEY) -> None:
        """Delete an application."""
        self.cluster.remove(Ref(names.API_VERSION, names.KIND, key.namespace, key.name))

    async def settle(self) -> None:
        """Deliver events and reconcile until nothing is due; what failed waits for the next call."""
        retry = dict.fromkeys(self.errors)
        self.due |= retry
        self.errors = {}
        for _ in range(ROUNDS):
            self.deliver()
            if not self.due and self.openings.busy:
                await self.clock.run_ready()
            if not self.due:
                return
            key = next(iter(self.due))
            del self.due[key]
            try:
                self.outcomes[key] = await self.reconciler.reconcile(key)
            except Exception as error:  # noqa: BLE001 - what the queue would back off from
                self.errors[key] = error
        raise AssertionError(f"it does not come to rest: {self.cluster.log[-10:]}")

    async def reconcile(self, key: Key = KEY) -> Outcome:
        """Reconcile once, as when a timer fires."""
        self.deliver()
        return await self.reconciler.reconcile(key)

    def deliver(self) -> None:
        """Take in all watch events."""
        for event, obj in self.cluster.take_events():
            self._see(event, obj)

    def _see(self, event: str | None, obj: dict[str, Any]) -> None:
        if obj["kind"] == names.KIND:
            check_status(obj)
            key = self.apps.take(event, obj)
            if key is not None:
                self.due[key] = None
        else:
            self.due |= dict.fromkeys(self.observed.observe(event, obj))

    # What controllers do.

    def finish_migration(self, key: Key = KEY) -> None:
        """The newest migration Job completes."""
        self.complete_job(self.migration(key))

    def fail_migration(
        self,
        key: Key = KEY,
        *,
        message: str = "django.db.utils.OperationalError: no",
        code: int = 1,
        reason: str = "BackoffLimitExceeded",
    ) -> None:
        """The newest migration Job fails for good, after its pod said `message`."""
        job = self.migration(key)
        self.end_pod(job, component=names.COMPONENT_MIGRATE, message=message, code=code, key=key)
        self.fail_job(job, reason=reason)

    def finish_check(self, key: Key = KEY, *, warnings: Sequence[str] = ()) -> None:
        """The newest Job of checks completes, having found `warnings`."""
        job = self.check(key)
        sentence = f"{len(warnings)} warnings: {', '.join(warnings)}." if warnings else "No finding."
        said = {"reason": "ChecksPassed", "message": sentence, "findings": list(warnings)}
        self.end_pod(job, component=names.COMPONENT_CHECK, message=json.dumps(said), code=0, key=key)
        self.complete_job(job)

    def fail_check(self, key: Key = KEY, *, findings: Sequence[str] = ("security.E001",)) -> None:
        """The newest Job of checks fails, having found `findings`."""
        job = self.check(key)
        sentence = f"{len(findings)} findings to mend: {', '.join(findings)}."
        said = {"reason": "ChecksFailed", "message": sentence, "findings": list(findings)}
        self.end_pod(job, component=names.COMPONENT_CHECK, message=json.dumps(said), code=1, key=key)
        self.fail_job(job)

    def migration(self, key: Key = KEY) -> str:
        """Name of the newest migration Job."""
        return self.jobs(names.COMPONENT_MIGRATE, key)[-1]

    def check(self, key: Key = KEY) -> str:
        """Name of the newest Job of checks."""
        return self.jobs(names.COMPONENT_CHECK, key)[-1]

    def jobs(self, component: str, key: Key = KEY) -> list[str]:
        """Names of the Jobs of a component, the oldest first."""
        return [
            obj["metadata"]["name"]
            for obj in self.cluster.children(key)
            if obj["kind"] == "Job" and obj["metadata"]["labels"][names.LABEL_COMPONENT] == component
        ]

    def end_pod(
        self, job: str, *, component: str, message: str, code: int, name: str = "x", key: Key = KEY
    ) -> Ref:
        """A pod of `job` ends with exit code `code`, its last line being `message`."""
        end = {
            "exitCode": code,
            "reason": "Error" if code else "Completed",
            "message": f"a line of log\n{message}",
            "finishedAt": self.time(),
        }
        status = {"name": component, "state": {"terminated": end}}
        return self.pod(
            f"{job}-{name}",
            component=component,
            revision=job,
            key=key,
            status={"phase": "Failed" if code else "Succeeded", "containerStatuses": [status]},
        )

    def fail_job(self, job: str, *, reason: str = "BackoffLimitExceeded") -> None:
        """A Job fails for good."""
        self._end(job, {"type": "Failed", "status": "True", "reason": reason})

    def complete_job(self, job: str) -> None:
        """A Job completes."""
        self._end(job, {"type": "Complete", "status": "True", "reason": "CompletionsReached"})

    def time(self) -> str:
        """The time as Kubernetes writes it."""
        return format_time(self.clock.now())

    def _end(self, job: str, condition: dict[str, str]) -> None:
        status: dict[str, Any] = {"conditions": [{**condition, "lastTransitionTime": self.time()}]}
        if condition["type"] == "Complete":
            status["completionTime"] = self.time()
        self.cluster.set_status(self.cluster.ref("Job", job), status)

    def roll_out(self, key: Key = KEY) -> None:
        """Every Deployment and StatefulSet gets all the pods it wants, of the newest template, ready."""
        for obj in self.cluster.children(key):
            wanted = obj.get("spec", {}).get("replicas", 1)
            generation = obj["metadata"].get("generation")
            ref = Ref.of(obj)
            if obj["kind"] == "Deployment":
                self.cluster.set_status(ref, deployment_status(generation, wanted))
            elif obj["kind"] == "StatefulSet":
                status = {
                    "observedGeneration": generation,
                    "readyReplicas": wanted,
                    "currentRevision": "a",
                    "updateRevision": "a",
                }
                self.cluster.set_status(ref, status)
            elif obj["kind"] == "Ingress":
                self.cluster.set_status(ref, {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}})

    async def bring_up(self, key: Key = KEY) -> None:
        """From the declaration to Ready, the checks passed."""
        await self.settle()
        if self.jobs(names.COMPONENT_CHECK, key):
            self.finish_check(key)
        await self.bring_up_unchecked(key)

    async def bring_up_unchecked(self, key: Key = KEY) -> None:
        """From the declaration to Ready, whatever the checks say."""
        await self.settle()
        self.finish_migration(key)
        await self.settle()
        self.roll_out(key)
        await self.settle()
        assert self.condition("Ready", key)["status"] == "True", self.condition("Ready", key)

    def pod(
        self,
        name: str,
        *,
        status: Mapping[str, Any],
        component: str = names.COMPONENT_WEB,
        worker: str | None = None,
        revision: str = "r1",
        key: Key = KEY,
    ) -> Ref:
        """A pod with that status, created or changed by the kubelet."""
        labels = {
            names.LABEL_MANAGED_BY: names.MANAGED_BY,
            names.LABEL_INSTANCE: key.name,
            names.LABEL_COMPONENT: component,
            ("batch.kubernetes.io/job-name" if component in JOBS else "pod-template-hash"): revision,
        }
        if worker is not None:
            labels[names.LABEL_WORKER] = worker
        ref = Ref("v1", "Pod", key.namespace, name)
        if ref not in self.cluster.objects:
            metadata: dict[str, Any] = {"name": name, "namespace": key.namespace, "labels": labels}
            if component in JOBS and (job := self.cluster.get("Job", revision)) is not None:
                owner = {"apiVersion": "batch/v1", "kind": "Job", "name": revision, "controller": True}
                metadata["ownerReferences"] = [{**owner, "uid": job["metadata"]["uid"]}]
            containers: list[dict[str, Any]] = [{"name": component}]
            if component in {names.COMPONENT_WEB, names.COMPONENT_REDIS}:
                containers[0]["livenessProbe"] = {}
            spec = {"nodeName": "node", "containers": containers}
            self.cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        self.cluster.edit(ref, lambda live: live.update(status=copied(dict(status))))
        return ref

    # What a user sees.

    def status(self, key: Key = KEY) -> dict[str, Any]:
        """The application's status."""
        obj = self.cluster.objects[Ref(names.API_VERSION, names.KIND, key.namespace, key.name)]
        status: dict[str, Any] = obj.get("status") or {}
        return status

    def condition(self, kind: str, key: Key = KEY) -> dict[str, Any]:
        """One of its conditions."""
        return next(item for item in self.status(key)["conditions"] if item["type"] == kind)

    def child(self, kind: str, name: str) -> dict[str, Any]:
        """A child that must exist."""
        found = self.cluster.get(kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found


def check_status(obj: dict[str, Any]) -> None:
    """What is written fits the schema, and every reason is documented for its condition."""
    status = Status.model_validate_json(orjson.dumps(obj.get("status") or {}), strict=True)
    for condition in status.conditions:
        assert condition.type in EXPLANATIONS[Reason(condition.reason)].on, (condition.type, condition.reason)
        assert not condition.message or condition.message.endswith((".", "…")), condition.message


def deployment_status(generation: int, wanted: int) -> dict[str, Any]:
    """Status of a Deployment that has all its pods."""
    return {
        "observedGeneration": generation,
        "replicas": wanted,
        "updatedReplicas": wanted,
        "readyReplicas": wanted,
        "availableReplicas": wanted,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
    }
