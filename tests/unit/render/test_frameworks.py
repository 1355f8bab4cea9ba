"""What a framework and its server become: sockets where there are any, plain requests where there are none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.frameworks import FRAMEWORKS, WITH_WEBSOCKETS, WITHOUT_WEBSOCKETS
from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.api.servers import SERVERS, Server
from realtimeapp_operator.render import Facts, render, unmet
from tests.support.refusals import manifest
from tests.unit.render.cases import by_name

if TYPE_CHECKING:
    from tests.support.refusals.table import Object

FACTS = Facts(runtime_image="operator:1", redis_image="redis:1", edge="Traefik")
Objects = dict[tuple[str, str], dict[str, Any]]


def objects(framework: str, **change: Any) -> Objects:  # noqa: ANN401 - fields as a manifest has them
    fields = {f"spec.{path.replace('__', '.')}": value for path, value in change.items()}
    return by_name(render(parse(manifest({"spec.framework": framework, **fields})), FACTS))


def web(found: Objects) -> dict[str, Any]:
    rendered: dict[str, Any] = found["Deployment", "counter-web"]["spec"]
    return rendered


def container(found: Objects, workload: str = "counter-web") -> dict[str, Any]:
    (only,) = found["Deployment", workload]["spec"]["template"]["spec"]["containers"]
    rendered: dict[str, Any] = only
    return rendered


def settings(found: Objects) -> dict[str, Any]:
    (content,) = [
        each["data"]["settings.json"] for each in found.values() if "settings.json" in each.get("data", {})
    ]
    loaded: dict[str, Any] = json.loads(content)
    return loaded


def cpu(limit: str) -> Object:
    return {"resources": {"limits": {"cpu": limit}}}


@pytest.mark.parametrize("framework", WITHOUT_WEBSOCKETS)
class TestRequestsOnly:
    def test_nothing_about_sockets_is_rendered(self, framework: str) -> None:
        found = objects(framework)
        assert "annotations" not in found["Service", "counter-web"]["metadata"]
        (rule,) = found["Ingress", "counter-web"]["spec"]["rules"]
        assert [path["path"] for path in rule["http"]["paths"]] == ["/"]
        assert settings(found)["channelLayer"] is None
        assert not any("ping" in argument for argument in container(found)["args"])

    def test_a_rollout_is_kubernetes_own_and_an_old_pod_ends_its_requests(self, framework: str) -> None:
        found = objects(framework)
        assert web(found)["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": 0}
        assert web(found)["minReadySeconds"] == 5
        assert container(found)["lifecycle"]["preStop"]["exec"]["command"][-1] == "drain"
        drain = settings(found)["drain"]
        assert drain["lagSeconds"] == 3
        grace = web(found)["template"]["spec"]["terminationGracePeriodSeconds"]
        assert grace > drain["lagSeconds"] + drain["timeoutSeconds"] + 10

    def test_the_longest_request_is_the_users_to_say(self, framework: str) -> None:
        found = objects(framework, web__rollout={"drainTimeoutSeconds": 300})
        assert settings(found)["drain"]["timeoutSeconds"] == 300
        assert web(found)["template"]["spec"]["terminationGracePeriodSeconds"] == 3 + 300 + 10 + 7

    def test_one_slow_answer_of_busy_workers_decides_nothing(self, framework: str) -> None:
        probes = container(objects(framework))
        assert probes["readinessProbe"]["failureThreshold"] == 3
        liveness = probes["livenessProbe"]
        # Longer than Gunicorn takes to end a worker that is stuck.
        assert liveness["failureThreshold"] * liveness["periodSeconds"] > 60

    def test_memory_is_that_of_the_workers(self, framework: str) -> None:
        requests = container(objects(framework))["resources"]["requests"]
        assert requests == {"cpu": "100m", "memory": f"{3 * 110}Mi"}

    def test_an_unknown_edge_is_told_nothing_of_sockets(self, framework: str) -> None:
        told = " ".join(unmet(parse(manifest({"spec.framework": framework})), "Generic"))
        assert "WebSocket" not in told
        assert "affinity" not in told
        assert ("X-Real-IP" in told) == (framework == "ApiGatewayWebSockets")

    def test_on_an_asgi_server_it_is_drained_and_paced_like_the_others(self, framework: str) -> None:
        found = objects(framework, web__server="Uvicorn", ingress__websocketPaths=["/events/"])
        assert web(found)["strategy"]["rollingUpdate"]["maxSurge"] == 1
        assert web(found)["minReadySeconds"] == 21
        assert container(found)["readinessProbe"]["failureThreshold"] == 1
        assert settings(found)["channelLayer"] is None
        (rule,) = found["Ingress", "counter-web"]["spec"]["rules"]
        assert [path["path"] for path in rule["http"]["paths"]] == ["/events/", "/"]


@pytest.mark.parametrize("framework", WITH_WEBSOCKETS)
def test_sockets_have_their_path_a_cookie_and_a_channel_layer(framework: str) -> None:
    found = objects(framework)
    (rule,) = found["Ingress", "counter-web"]["spec"]["rules"]
    path = {"Djust": "/ws/live/", "Channels": "/ws/", "RealtimeChat": "/messaging/"}[framework]
    assert [each["path"] for each in rule["http"]["paths"]] == [path, "/"]
    assert found["Service", "counter-web"]["metadata"]["annotations"]
    layer = settings(found)["channelLayer"]["type"]
    assert layer == {"Djust": "PubSub", "Channels": "Core", "RealtimeChat": "Core"}[framework]


class TestProcesses:
    @pytest.mark.parametrize(
        ("limits", "processes"),
        [
            ({}, 3),
            ({"podTemplate": cpu("2")}, 5),
            ({"podTemplate": cpu("1500m")}, 5),
            ({"podTemplate": cpu("100m")}, 3),
            ({"podTemplate": cpu("8"), "web__podTemplate": cpu("1")}, 3),
            ({"web__processesPerPod": 2, "podTemplate": cpu("8")}, 2),
        ],
    )
    def test_gunicorn_has_two_for_each_processor_of_the_limit_and_one(
        self, limits: dict[str, Any], processes: int
    ) -> None:
        found = objects("Django", **limits)
        arguments = container(found)["args"]
        assert arguments[arguments.index("--workers") + 1] == str(processes)
        assert settings(found)["server"]["processes"] == processes

    @pytest.mark.parametrize("server", [name for name, can in SERVERS.items() if can.websockets])
    def test_an_event_loop_is_one_whatever_the_limit(self, server: str) -> None:
        found = objects("Channels", web__server=server, podTemplate=cpu("4"))
        assert settings(found)["server"]["processes"] == 1


class TestServers:
    @pytest.mark.parametrize("server", SERVERS)
    def test_none_logs_requests_or_takes_a_number_of_processes_from_the_environment(
        self, server: Server
    ) -> None:
        framework = "Channels" if SERVERS[server].websockets else "Django"
        arguments = container(objects(framework, web__server=server, web__port=8100))["args"]
        assert arguments[0] == "run"
        assert any("8100" in argument for argument in arguments)
        assert "info" not in arguments
        assert "--workers" in arguments or not SERVERS[server].processes

    @pytest.mark.parametrize("server", [name for name, can in SERVERS.items() if can.websockets])
    def test_a_drain_closes_with_a_code_the_server_can_send(self, server: str) -> None:
        code = settings(objects("Channels", web__server=server))["drain"]["closeCode"]
        assert code == (4012 if server == "Daphne" else 1012)

    @pytest.mark.parametrize(
        ("server", "compressed"),
        [("Uvicorn", False), ("Daphne", False), ("Granian", False), ("Hypercorn", True)],
    )
    def test_what_is_said_of_compression_is_what_the_server_does(
        self, server: str, *, compressed: bool
    ) -> None:
        assert settings(objects("Channels", web__server=server))["server"]["compression"] is compressed

    def test_sockets_that_take_more_memory_get_it(self) -> None:
        def memory(server: str) -> int:
            request = container(objects("Channels", web__server=server))["resources"]["requests"]["memory"]
            return int(request.removesuffix("Mi"))

        assert memory("Daphne") == memory("Uvicorn") == 110 + 102
        assert memory("Uvicorn") < memory("Hypercorn") < memory("Granian")

    @pytest.mark.parametrize(("wanted", "rendered"), [(20, "8"), (5, "5")])
    def test_hypercorn_pings_within_its_graceful_timeout(self, wanted: int, rendered: str) -> None:
        arguments = container(objects("Channels", web__server="Hypercorn", web__pingIntervalSeconds=wanted))[
            "args"
        ]
        assert arguments[arguments.index("--websocket-ping-interval") + 1] == rendered

    def test_granian_serves_requests_beside_a_full_load_of_sockets(self) -> None:
        arguments = container(
            objects("Channels", web__server="Granian", web__connections={"maxPerPod": 500})
        )["args"]
        assert int(arguments[arguments.index("--backpressure") + 1]) > 500

    def test_an_unknown_edge_is_told_that_granian_sends_no_pings(self) -> None:
        told = " ".join(unmet(parse(manifest({"spec.web.server": "Granian"})), "Generic"))
        assert "Granian sends no pings" in told


class TestStatic:
    def test_files_are_collected_before_the_server_starts_and_only_read_by_it(self) -> None:
        found = objects("Django", static={"collect": True})
        pod = web(found)["template"]["spec"]
        (collect,) = [each for each in pod["initContainers"] if each["name"] == "static"]
        assert collect["image"] == container(found)["image"]
        assert collect["args"] == ["manage", "collectstatic", "--noinput"]
        assert {"name": "static", "mountPath": names.STATIC_DIR} in collect["volumeMounts"]
        assert {"name": "static", "mountPath": names.STATIC_DIR, "readOnly": True} in container(found)[
            "volumeMounts"
        ]
        assert settings(found)["static"] == {"root": names.STATIC_DIR}
        # A pod asks for the larger of the two, which are the same.
        assert collect["resources"] == container(found)["resources"]
        assert not {"ports", "lifecycle", "readinessProbe"} & set(collect)

    def test_by_default_there_are_none(self) -> None:
        found = objects("Django")
        assert len(web(found)["template"]["spec"]["initContainers"]) == 1
        assert settings(found)["static"] == {"root": None}
        assert names.STATIC_DIR not in str(web(found))


class TestDatabase:
    def test_the_direct_url_is_a_file_and_nothing_else(self) -> None:
        url, direct = {"name": "db", "key": "url"}, {"name": "owner", "key": "direct"}
        found = objects(
            "Django",
            database={"urlSecretRef": url, "directUrlSecretRef": direct, "pooling": "TransactionPooler"},
        )
        told = settings(found)
        assert told["database"] == {"pooling": "TransactionPooler"}
        assert told["directDatabaseUrlFile"] == "/etc/realtimeapp/secrets/database/direct-url"
        volumes = web(found)["template"]["spec"]["volumes"]
        (projected,) = [volume["projected"]["sources"] for volume in volumes if volume["name"] == "secrets"]
        assert {
            "secret": {"name": "owner", "items": [{"key": "direct", "path": "database/direct-url"}]}
        } in projected

    def test_without_one_there_is_none(self) -> None:
        told = settings(objects("Django", database={"urlSecretRef": {"name": "db", "key": "url"}}))
        assert told["directDatabaseUrlFile"] is None
        assert told["database"] == {"pooling": "None"}


class TestCleanups:
    @pytest.mark.parametrize(
        ("framework", "schedules"),
        [
            ("Djust", {"clearsessions": "17 3 * * *"}),
            ("Channels", {"clearsessions": "17 3 * * *"}),
            ("RealtimeChat", {"clearsessions": "17 3 * * *", "chat-sessions": "37 3 * * *"}),
            (
                "ApiGatewayWebSockets",
                {
                    "clearsessions": "17 3 * * *",
                    "websocket-tokens": "*/5 * * * *",
                    "websocket-sessions": "23 * * * *",
                },
            ),
            ("Django", {"clearsessions": "17 3 * * *"}),
        ],
    )
    def test_each_framework_has_what_it_leaves_behind_cleaned_up(
        self, framework: str, schedules: dict[str, str]
    ) -> None:
        jobs = {
            name.removeprefix("counter-"): each["spec"]["schedule"]
            for (kind, name), each in objects(framework).items()
            if kind == "CronJob"
        }
        assert jobs == schedules

    @pytest.mark.parametrize(("ttl", "age"), [(7200, 86_400), (172_800, 172_800)])
    def test_a_chat_session_outlives_a_day_and_the_session_of_its_user(self, ttl: int, age: int) -> None:
        found = objects("RealtimeChat", session={"ttlSeconds": ttl})
        job = found["CronJob", "counter-chat-sessions"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        assert job["containers"][0]["args"] == ["manage", "clearchatsessions", f"--max-age-seconds={age}"]


class TestCelery:
    @pytest.mark.parametrize("kind", ["CeleryWorker", "CeleryBeat"])
    def test_its_heartbeat_is_what_is_probed(self, kind: str) -> None:
        worker = container(
            objects("Django", workers=[{"name": "w", "type": kind, "app": "shop"}]), "counter-worker-w"
        )
        command = worker["livenessProbe"]["exec"]["command"]
        assert command == ["python3", names.LAUNCHER, "alive", "--within", "60"]
        startup = worker["startupProbe"]
        assert startup["exec"]["command"] == command
        # A broker that is away for some minutes makes no crash loop.
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 600
        assert "readinessProbe" not in worker

    def test_nothing_else_is_probed(self) -> None:
        found = objects("Django", workers=[{"name": "w", "type": "Custom", "command": ["consume"]}])
        assert not {"livenessProbe", "startupProbe"} & set(container(found, "counter-worker-w"))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_smallest_manifest_of_each_framework_has_its_defaults(framework: str) -> None:
    spec = parse(manifest({"spec.framework": framework})).spec
    profile = FRAMEWORKS[spec.framework]
    assert defaults.server(spec) == profile.server
    assert defaults.websocket_paths(spec) == profile.websocket_paths
    assert defaults.affinity_type(spec) == profile.affinity
    assert defaults.channel_layer_type(spec) == profile.channel_layer
