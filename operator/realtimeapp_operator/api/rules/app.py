"""Rules between the parts of a RealtimeApp."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from realtimeapp_operator import names
from realtimeapp_operator.api.app import RealtimeApp, Spec
from realtimeapp_operator.api.redis import ChannelLayer
from realtimeapp_operator.api.rules.base import Rule
from realtimeapp_operator.api.rules.servers import PLAIN_LAYER_CEL

if TYPE_CHECKING:
    from realtimeapp_operator.api.pods import PodTemplate

NAME: Final = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
"""A Service's name, which the names of the children begin with (RFC 1035 label)."""
_NAME: Final = re.compile(NAME)


def _is_short_name(app: RealtimeApp) -> bool:
    name = app.metadata.name
    return len(name) <= names.APP_NAME_MAX and _NAME.fullmatch(name) is not None


def _pings_in_time(spec: Spec) -> bool:
    if spec.ingress is None:
        return True
    return 2 * spec.web.ping_interval_seconds <= spec.ingress.timeouts.websocket_seconds


def _gives_no_second_database(spec: Spec) -> bool:
    return spec.database is None or all(env.name != "DATABASE_URL" for env in spec.env)


def _reaches_django(spec: Spec) -> bool:
    if spec.django.overlay == "Enabled":
        return True
    pooled = spec.database is not None and spec.database.pooling != "None"
    layered = spec.channel_layer != ChannelLayer()
    hosts, engine = spec.django.allowed_hosts, spec.session.engine
    return not (hosts or engine or layered or pooled or spec.static.collect)


def _mounts_exist(template: PodTemplate, *bases: PodTemplate) -> bool:
    known = {volume.name for part in (template, *bases) for volume in part.volumes}
    return all(mount.name in known for mount in template.volume_mounts)


def _workers_mounts_exist(spec: Spec) -> bool:
    return all(_mounts_exist(worker.pod_template, spec.pod_template) for worker in spec.workers)


def _mounts_exist_cel(template: str, *bases: str) -> str:
    known = " || ".join(
        f"(has({part}) && has({part}.volumes) && {part}.volumes.exists(volume, volume.name == mount.name))"
        for part in (template, *bases)
    )
    return (
        f"(!has({template}) || !has({template}.volumeMounts) || {template}.volumeMounts.all(mount, {known}))"
    )


_MOUNT_MESSAGE = "must name volumes of the same or the application's podTemplate"

RULES: Final = (
    Rule(
        on=RealtimeApp,
        blame="metadata.name",
        cel=f"self.metadata.name.size() <= {names.APP_NAME_MAX} && self.metadata.name.matches('{NAME}')",
        holds=_is_short_name,
        message="metadata.name must have at most 40 characters: lower-case letters, digits and '-', starting with a "
        "letter and ending with a letter or digit; the names of Services begin with it",
    ),
    Rule(
        on=Spec,
        blame="web.pingIntervalSeconds",
        cel="!has(self.ingress) || self.web.pingIntervalSeconds * 2 <= self.ingress.timeouts.websocketSeconds",
        holds=_pings_in_time,
        message="must be at most half of ingress.timeouts.websocketSeconds: idle sockets would be cut otherwise",
    ),
    Rule(
        on=Spec,
        blame="env",
        cel="!has(self.database) || !has(self.env) || self.env.all(item, item.name != 'DATABASE_URL')",
        holds=_gives_no_second_database,
        message="must not have DATABASE_URL beside spec.database, which sets it",
    ),
    Rule(
        on=Spec,
        blame="django.overlay",
        cel="self.django.overlay == 'Enabled' "
        "|| ((!has(self.django.allowedHosts) || self.django.allowedHosts.size() == 0) "
        "&& (!has(self.database) || self.database.pooling == 'None') && !self.static.collect "
        f"&& !has(self.session.engine) && {PLAIN_LAYER_CEL})",
        holds=_reaches_django,
        message="must be Enabled where django.allowedHosts, database.pooling, session.engine, channelLayer or "
        "static.collect are set: nothing else hands them to Django",
    ),
    Rule(
        on=Spec,
        blame="podTemplate.volumeMounts",
        cel=_mounts_exist_cel("self.podTemplate"),
        holds=lambda spec: _mounts_exist(spec.pod_template),
        message=_MOUNT_MESSAGE,
    ),
    Rule(
        on=Spec,
        blame="web.podTemplate.volumeMounts",
        cel=_mounts_exist_cel("self.web.podTemplate", "self.podTemplate"),
        holds=lambda spec: _mounts_exist(spec.web.pod_template, spec.pod_template),
        message=_MOUNT_MESSAGE,
    ),
    Rule(
        on=Spec,
        blame="workers",
        cel="!has(self.workers) || self.workers.all(worker, "
        + _mounts_exist_cel("worker.podTemplate", "self.podTemplate")
        + ")",
        holds=_workers_mounts_exist,
        message="must mount only volumes of the worker's or the application's podTemplate",
    ),
)
