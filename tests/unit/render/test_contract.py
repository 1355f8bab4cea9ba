"""What is rendered is what the runtime inside the pods understands, and what its own tests run."""

from __future__ import annotations

import json

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.render.pacing import grace_seconds
from realtimeapp_runtime import config
from tests.unit.render.cases import FILES, body, containers, pod_templates, render_case


@pytest.mark.parametrize("name", FILES)
def test_the_runtime_reads_the_settings_as_they_are_meant(name: str) -> None:
    app = parse(body(name))
    (content,) = [
        each["data"][names.SETTINGS_FILE]
        for each in render_case(name)
        if names.SETTINGS_FILE in each.get("data", {})
    ]
    read = config.parse(json.loads(content))
    assert read.framework == app.spec.framework
    assert read.settings_module == app.spec.django.settings_module
    assert read.asgi_application == app.spec.django.asgi_application
    assert read.hosts == defaults.hosts(app.spec)
    assert read.max_per_pod == app.spec.web.connections.max_per_pod
    assert read.drain.close_code == defaults.close_code(app.spec)
    assert read.max_age_seconds == app.spec.web.connections.max_age_seconds
    assert read.rebalance == (app.spec.web.connections.rebalance == "AfterScaleOut")
    assert read.drain.fleet_rate_per_second == app.spec.web.rollout.max_reconnects_per_second
    sticky = app.spec.ingress is not None and defaults.affinity_type(app.spec) == "Cookie"
    assert (read.affinity_cookie is not None) == sticky
    assert read.websocket_paths == defaults.websocket_paths(app.spec)
    assert read.drain.timeout_seconds == app.spec.web.rollout.drain_timeout_seconds
    layer = None if read.channel_layer is None else read.channel_layer.type
    assert layer == defaults.channel_layer_type(app.spec)
    assert (read.server.name, read.server.processes) == (
        defaults.server(app.spec),
        defaults.processes(app.spec),
    )
    assert read.server.compression == (defaults.compression(app.spec) == "Enabled")
    assert read.server.ping_interval_seconds == app.spec.web.ping_interval_seconds
    assert read.wsgi_application == app.spec.django.wsgi_application
    assert read.pooling == (app.spec.database.pooling if app.spec.database else "None")
    assert (read.static_root is None) == (not app.spec.static.collect)
    assert read.session.engine == defaults.session_engine(app.spec)
    assert read.redis is not None
    assert read.redis.key_prefix == f"{app.metadata.namespace}:{app.metadata.name}:"
    assert set(read.redis.databases) == {"state", "cache", "channels", "celery"}
    assert (read.database_url_file is None) == (app.spec.database is None)
    # A full pod is empty in time, and the hook that waits for it ends before the pod is killed.
    if defaults.holds_sockets(app.spec):
        assert read.max_per_pod / read.drain.rate_per_second <= read.drain.timeout_seconds
    assert read.drain.lag_seconds + read.drain.timeout_seconds + 10 < grace_seconds(app.spec)


@pytest.mark.parametrize("name", FILES)
def test_every_secret_file_the_settings_name_is_mounted(name: str) -> None:
    manifests = render_case(name)
    (content,) = [
        json.loads(each["data"][names.SETTINGS_FILE])
        for each in manifests
        if names.SETTINGS_FILE in each.get("data", {})
    ]
    named = ("secretKeyFile", "databaseUrlFile", "directDatabaseUrlFile")
    files = {content["redis"]["passwordFile"], *(content[key] for key in named)} - {None}
    for (kind, _workload), template in pod_templates(manifests).items():
        if kind == "StatefulSet":
            continue
        (projected,) = [
            volume["projected"] for volume in template["spec"]["volumes"] if volume["name"] == "secrets"
        ]
        mounted = {
            f"{names.SECRETS_DIR}/{item['path']}"
            for source in projected["sources"]
            for item in source["secret"]["items"]
        }
        assert files == mounted


@pytest.mark.parametrize("name", FILES)
def test_every_container_starts_with_a_verb_of_the_launcher(name: str) -> None:
    for (kind, _workload), template in pod_templates(render_case(name)).items():
        for container in containers(template):
            if container["name"] == "runtime":
                assert container["command"][2:] == [
                    "realtimeapp_runtime.launch",
                    "install",
                    names.RUNTIME_DIR,
                ]
            elif kind != "StatefulSet":
                assert container["command"] == ["python3", names.LAUNCHER]
                assert container["args"][0] in {"run", "manage", "exec", "check"}
