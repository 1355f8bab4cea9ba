"""What a user may say about pods: environment, resources, scheduling, volumes, probes.

Deliberately not a raw PodSpec: security settings stay the operator's, so nothing here can weaken them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from realtimeapp_operator.api.base import (
    EnvName,
    Label,
    LabelKey,
    Labels,
    LabelValue,
    Model,
    ObjectName,
    Quantity,
    SecretKey,
    Unique,
    grammar,
)

Text = Annotated[str, Field(max_length=4096)]
MountPath = Annotated[
    str,
    grammar(r"^/[^:\x00]*$", "must be an absolute path without ':'", shortest=1, longest=512),
]
RelativePath = Annotated[
    str,
    grammar(r"^[^/:\x00][^:\x00]*$", "must be a relative path without ':'", shortest=1, longest=253),
]
ResourceName = Annotated[
    str,
    grammar(r"^[a-z0-9./-]+$", "must be a resource such as cpu or memory", shortest=1, longest=128),
]
FieldPath = Annotated[
    str,
    grammar(
        r"^(metadata\.(name|namespace|uid)|metadata\.(labels|annotations)\['[A-Za-z0-9._/-]+'\]"
        r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs))$",
        "must be a field of the pod: metadata.name, .namespace, .uid, .labels['KEY'] or .annotations['KEY'], "
        "spec.nodeName or .serviceAccountName, status.hostIP or .podIP",
        shortest=1,
        longest=345,
    ),
]
EnvPrefix = Annotated[
    str,
    grammar(
        r"^([A-Za-z_][A-Za-z0-9_]*)?$", "must begin like a variable name: letters, digits and '_'", longest=64
    ),
]


class OptionalKeyRef(Model):
    """One key of a Secret or ConfigMap in the application's namespace."""

    name: ObjectName = Field(description="Name of the object.")
    key: SecretKey = Field(description="Key inside the object.")
    optional: bool = Field(default=False, description="Start even when the object or key is missing.")


class FieldRef(Model):
    """A field of the pod itself."""

    field_path: FieldPath = Field(description="Path of the field, for example `metadata.name`.")


class EnvSource(Model):
    """Where the value of an environment variable comes from: exactly one of the three."""

    secret_key_ref: OptionalKeyRef | None = Field(default=None, description="A key of a Secret.")
    config_map_key_ref: OptionalKeyRef | None = Field(default=None, description="A key of a ConfigMap.")
    field_ref: FieldRef | None = Field(default=None, description="A field of the pod.")


class EnvVar(Model):
    """One environment variable of the application's containers."""

    name: EnvName = Field(description="Name of the variable.")
    value: Text | None = Field(default=None, description="Literal value; `$(NAME)` is not expanded.")
    value_from: EnvSource | None = Field(
        default=None, description="Source of the value instead of a literal."
    )


class ObjectRef(Model):
    """A Secret or ConfigMap by name."""

    name: ObjectName = Field(description="Name of the object.")
    optional: bool = Field(default=False, description="Start even when the object is missing.")


class EnvFrom(Model):
    """All keys of one ConfigMap or Secret as environment variables: exactly one of the two."""

    prefix: EnvPrefix | None = Field(default=None, description="Put before every key.")
    config_map_ref: ObjectRef | None = Field(default=None, description="A ConfigMap.")
    secret_ref: ObjectRef | None = Field(default=None, description="A Secret.")


class Resources(Model):
    """Compute resources of a container."""

    requests: Annotated[dict[ResourceName, Quantity], Field(max_length=8)] = Field(
        default_factory=dict, description="What the scheduler reserves."
    )
    limits: Annotated[dict[ResourceName, Quantity], Field(max_length=8)] = Field(
        default_factory=dict, description="What the container may use at most."
    )


class Toleration(Model):
    """Kubernetes toleration."""

    key: LabelKey | None = Field(
        default=None, description="Taint key; empty with `Exists` matches every taint."
    )
    operator: Literal["Equal", "Exists"] = Field(default="Equal", description="How the value is compared.")
    value: LabelValue | None = Field(default=None, description="Taint value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Taint effect; empty matches all."
    )
    toleration_seconds: Annotated[int, Field(ge=0, le=86400)] | None = Field(
        default=None, description="How long a NoExecute taint is tolerated."
    )


class TopologySpreadConstraint(Model):
    """How pods are spread; the label selector is the operator's."""

    max_skew: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Largest allowed difference."
    )
    topology_key: LabelKey = Field(description="Node label, for example `topology.kubernetes.io/zone`.")
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        default="ScheduleAnyway", description="What happens when the spread cannot be kept."
    )


class KeyToPath(Model):
    """One key of a ConfigMap or Secret as a file."""

    key: SecretKey = Field(description="Key to project.")
    path: RelativePath = Field(description="File name relative to the mount.")


class ConfigMapVolume(Model):
    """Files from a ConfigMap."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    items: Annotated[tuple[KeyToPath, ...], Field(max_length=32)] = Field(
        default=(), description="Only these keys."
    )
    optional: bool = Field(default=False, description="Start even when it is missing.")


class SecretVolume(Model):
    """Files from a Secret."""

    secret_name: ObjectName = Field(description="Name of the Secret.")
    items: Annotated[tuple[KeyToPath, ...], Field(max_length=32)] = Field(
        default=(), description="Only these keys."
    )
    optional: bool = Field(default=False, description="Start even when it is missing.")


class ClaimVolume(Model):
    """An existing PersistentVolumeClaim."""

    claim_name: ObjectName = Field(description="Name of the claim.")
    read_only: bool = Field(default=False, description="Mount read-only.")


class EmptyDirVolume(Model):
    """Scratch space that lives as long as the pod."""

    medium: Literal["", "Memory"] = Field(default="", description="`Memory` keeps it in RAM.")
    size_limit: Quantity | None = Field(default=None, description="Largest size.")


class Volume(Model):
    """One volume of the application's pods: exactly one source."""

    name: Label = Field(description="Name, referred to by `volumeMounts`.")
    config_map: ConfigMapVolume | None = Field(default=None, description="Files from a ConfigMap.")
    secret: SecretVolume | None = Field(default=None, description="Files from a Secret.")
    persistent_volume_claim: ClaimVolume | None = Field(default=None, description="An existing claim.")
    empty_dir: EmptyDirVolume | None = Field(default=None, description="Scratch space.")


class VolumeMount(Model):
    """Where a volume appears in the application's containers."""

    name: Label = Field(description="Name of the volume.")
    mount_path: MountPath = Field(description="Absolute path in the container.")
    sub_path: RelativePath | None = Field(default=None, description="Path inside the volume.")
    read_only: bool = Field(default=False, description="Mount read-only.")


class PodTemplate(Model):
    """Deviations from the operator's pod template, for every pod that runs the application's image."""

    resources: Resources | None = Field(
        default=None, description="Requests and limits of the application container."
    )
    node_selector: Labels = Field(default_factory=dict, description="Node labels the pods need.")
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] = Field(
        default=(), description="Taints the pods tolerate."
    )
    topology_spread_constraints: Annotated[tuple[TopologySpreadConstraint, ...], Field(max_length=8)] = Field(
        default=(), description="How pods are spread; empty spreads over nodes and zones as well as possible."
    )
    priority_class_name: ObjectName | None = Field(default=None, description="PriorityClass of the pods.")
    service_account_name: ObjectName | None = Field(
        default=None, description="An existing ServiceAccount instead of the generated one."
    )
    annotations: Annotated[dict[LabelKey, Text], Field(max_length=32)] = Field(
        default_factory=dict, description="Annotations added to the pods."
    )
    labels: Labels = Field(default_factory=dict, description="Labels added to the pods.")
    volumes: Annotated[tuple[Volume, ...], Field(max_length=16), Unique(("name",))] = Field(
        default=(), description="Extra volumes."
    )
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(max_length=32), Unique(("mount_path",))] = Field(
        default=(), description="Where the extra volumes are mounted."
    )


class ProbeTiming(Model):
    """Timing of one probe; what is probed is the operator's."""

    period_seconds: Annotated[int, Field(ge=1, le=300)] | None = Field(
        default=None, description="Seconds between probes."
    )
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] | None = Field(
        default=None, description="Seconds to wait for the answer."
    )
    failure_threshold: Annotated[int, Field(ge=1, le=600)] | None = Field(
        default=None, description="Failures in a row that count."
    )


class Probes(Model):
    """Overrides of the web probes' timing."""

    startup: ProbeTiming = Field(default_factory=ProbeTiming, description="Default: every 1 s, 60 failures.")
    readiness: ProbeTiming = Field(
        default_factory=ProbeTiming, description="Default: every 1 s, 1 failure; under Gunicorn 3."
    )
    liveness: ProbeTiming = Field(
        default_factory=ProbeTiming,
        description="Default: every 10 s, 3 failures, 5 s timeout; under Gunicorn 9 failures.",
    )
