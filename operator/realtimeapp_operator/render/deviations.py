"""What a user says about pods, merged: the part's own `podTemplate` over the application's.

Maps merge by key, volumes by name and mounts by path; a list without such a key is replaced as a whole by a non-empty
one; of single values the part's own wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtimeapp_operator.api.pods import PodTemplate, Resources
from realtimeapp_operator.render.common import dump

if TYPE_CHECKING:
    from collections.abc import Mapping


def merge(base: PodTemplate, over: PodTemplate | None) -> PodTemplate:
    """The deviations that hold for one part of the application."""
    if over is None:
        return base
    return PodTemplate(
        resources=_merge_resources(base.resources, over.resources),
        node_selector={**base.node_selector, **over.node_selector},
        tolerations=over.tolerations or base.tolerations,
        topology_spread_constraints=over.topology_spread_constraints or base.topology_spread_constraints,
        priority_class_name=over.priority_class_name or base.priority_class_name,
        service_account_name=over.service_account_name or base.service_account_name,
        annotations={**base.annotations, **over.annotations},
        labels={**base.labels, **over.labels},
        volumes=tuple({volume.name: volume for volume in (*base.volumes, *over.volumes)}.values()),
        volume_mounts=tuple(
            {mount.mount_path: mount for mount in (*base.volume_mounts, *over.volume_mounts)}.values()
        ),
    )


def _merge_resources(base: Resources | None, over: Resources | None) -> Resources | None:
    if base is None or over is None:
        return over or base
    return Resources(
        requests={**base.requests, **over.requests},
        limits={**base.limits, **over.limits},
    )


def scheduling(template: PodTemplate) -> dict[str, Any]:
    """The pod spec's fields about where pods run, except their spread."""
    rendered: dict[str, Any] = {}
    if template.node_selector:
        rendered["nodeSelector"] = dict(template.node_selector)
    if template.tolerations:
        rendered["tolerations"] = [dump(toleration) for toleration in template.tolerations]
    if template.priority_class_name:
        rendered["priorityClassName"] = template.priority_class_name
    return rendered


def spread(template: PodTemplate, selector: Mapping[str, str]) -> list[dict[str, Any]]:
    """Topology spread of a Deployment's pods: the user's, or over nodes and zones as well as possible.

    The pods of one revision are spread among themselves: during a rollout the old ones would distort the count.
    """
    wanted = [
        (constraint.topology_key, constraint.max_skew, constraint.when_unsatisfiable)
        for constraint in template.topology_spread_constraints
    ] or [
        ("kubernetes.io/hostname", 1, "ScheduleAnyway"),
        ("topology.kubernetes.io/zone", 1, "ScheduleAnyway"),
    ]
    return [
        {
            "maxSkew": max_skew,
            "topologyKey": key,
            "whenUnsatisfiable": when_unsatisfiable,
            "labelSelector": {"matchLabels": dict(selector)},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key, max_skew, when_unsatisfiable in wanted
    ]
