"""What single fields become: edge, network policy, proxies, secrets, workers, the merge of pod templates."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import secrets
from typing import Any

import pytest

from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.render import Edge, Facts, fill, render, resolve_edge, unmet
from realtimeapp_operator.render.edge.ingress import TRAEFIK_CONTROLLER
from tests.unit.render.cases import by_name, render_case

MINIMAL: dict[str, Any] = {
    "apiVersion": "realtimeapp.dev/v1alpha1",
    "kind": "RealtimeApp",
    "metadata": {"name": "shop", "namespace": "store"},
    "spec": {
        "image": "shop:1",
        "framework": "Djust",
        "django": {"settingsModule": "shop.settings"},
        "ingress": {"className": "edge", "hosts": ["shop.example.com", "www.example.com"]},
    },
}
Objects = dict[tuple[str, str], dict[str, Any]]


def objects(edge: Edge = "Traefik", **spec: Any) -> Objects:  # noqa: ANN401 - fields as a manifest has them
    manifest = copy.deepcopy(MINIMAL)
    ingress = {**manifest["spec"]["ingress"], **spec.pop("ingress", {})}
    manifest["spec"] = {**manifest["spec"], **spec, "ingress": ingress}
    facts = Facts(runtime_image="operator:1", redis_image="redis:1", edge=edge)
    return by_name(render(parse(manifest), facts))


def settings(found: Objects) -> dict[str, Any]:
    (content,) = [
        each["data"]["settings.json"] for each in found.values() if "settings.json" in each.get("data", {})
    ]
    loaded: dict[str, Any] = json.loads(content)
    return loaded


def web_container(found: Objects) -> dict[str, Any]:
    (container,) = found["Deployment", "shop-web"]["spec"]["template"]["spec"]["containers"]
    rendered: dict[str, Any] = container
    return rendered


class TestEdge:
    def test_traefik_is_recognised_by_its_class_and_the_user_has_the_last_word(self) -> None:
        app = parse(MINIMAL)
        assert resolve_edge(app, controller=TRAEFIK_CONTROLLER) == "Traefik"
        assert resolve_edge(app, controller="example.com/other") == "Generic"
        assert resolve_edge(app, controller=None) == "Generic"
        manifest = copy.deepcopy(MINIMAL)
        manifest["spec"]["ingress"]["provider"] = "Generic"
        assert resolve_edge(parse(manifest), controller=TRAEFIK_CONTROLLER) == "Generic"
        del manifest["spec"]["ingress"]
        assert resolve_edge(parse(manifest), controller=TRAEFIK_CONTROLLER) is None
        assert unmet(parse(manifest), None) == ()

    def test_traefik_gets_a_cookie_on_the_service_that_scripts_and_other_sites_do_not_see(self) -> None:
        found = objects(session={"ttlSeconds": 600}, ingress={"affinity": {"cookieName": "pod"}})
        prefix = "traefik.ingress.kubernetes.io/service.sticky.cookie"
        assert found["Service", "shop-web"]["metadata"]["annotations"] == {
            prefix: "true",
            f"{prefix}.name": "pod",
            f"{prefix}.maxage": "600",
            f"{prefix}.path": "/",
            f"{prefix}.httponly": "true",
            f"{prefix}.samesite": "lax",
            f"{prefix}.secure": "false",
        }
        assert "annotations" not in found["Ingress", "shop-web"]["metadata"]
        assert unmet(parse(MINIMAL), "Traefik") == ()

    def test_tls_is_asked_of_traefik_and_of_cert_manager(self) -> None:
        found = objects(ingress={"tls": {"secretName": "cert", "issuerRef": {"name": "ca"}}})
        ingress = found["Ingress", "shop-web"]
        assert ingress["metadata"]["annotations"] == {
            "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
            "traefik.ingress.kubernetes.io/router.tls": "true",
            "cert-manager.io/issuer": "ca",
        }
        assert ingress["spec"]["tls"] == [
            {"hosts": ["shop.example.com", "www.example.com"], "secretName": "cert"}
        ]
        cookie = "traefik.ingress.kubernetes.io/service.sticky.cookie.secure"
        assert found["Service", "shop-web"]["metadata"]["annotations"][cookie] == "true"
        assert settings(found)["tls"] is True
        assert settings(found)["csrfTrustedOrigins"] == [
            "https://shop.example.com",
            "https://www.example.com",
        ]

    def test_no_affinity_means_no_cookie(self) -> None:
        found = objects(ingress={"affinity": {"type": "None"}})
        assert "annotations" not in found["Service", "shop-web"]["metadata"]

    def test_websocket_paths_come_before_the_rest_on_every_host(self) -> None:
        rules = objects(ingress={"websocketPaths": ["/ws/live/", "/ws/other/"]})["Ingress", "shop-web"][
            "spec"
        ]["rules"]
        assert [rule["host"] for rule in rules] == ["shop.example.com", "www.example.com"]
        for rule in rules:
            paths = rule["http"]["paths"]
            assert [path["path"] for path in paths] == ["/ws/live/", "/ws/other/", "/"]
            assert {path["backend"]["service"]["name"] for path in paths} == {"shop-web"}

    def test_an_unknown_controller_gets_a_plain_ingress_and_the_user_the_truth(self) -> None:
        found = objects(edge="Generic")
        assert "annotations" not in found["Ingress", "shop-web"]["metadata"]
        assert "annotations" not in found["Service", "shop-web"]["metadata"]
        told = " ".join(unmet(parse(MINIMAL), "Generic"))
        assert "spec.ingress.affinity.type" in told
        assert "3600 seconds" in told
        assert "spec.trustedProxies" in told

    @pytest.mark.parametrize(
        ("trusted", "told"),
        [
            ({"fromPods": {"namespace": "edge"}}, True),
            ({"hops": 1}, False),
            ({"cidrs": ["192.0.2.7/32"]}, False),
        ],
    )
    def test_it_is_told_that_no_proxy_is_trusted_exactly_while_none_is(
        self, trusted: dict[str, Any], *, told: bool
    ) -> None:
        manifest = {**MINIMAL, "spec": {**MINIMAL["spec"], "trustedProxies": trusted}}
        said = " ".join(unmet(parse(manifest), "Generic"))
        assert ("No proxy is trusted" in said) is told


class TestTrust:
    def test_traefik_is_one_hop_and_an_unknown_edge_is_nobody(self) -> None:
        assert settings(objects())["trustedProxies"] == {"cidrs": [], "hops": 1}
        assert settings(objects(edge="Generic"))["trustedProxies"] == {"cidrs": [], "hops": None}

    def test_the_users_word_replaces_the_default(self) -> None:
        cidrs = settings(objects(trustedProxies={"cidrs": ["192.0.2.7/32"]}))
        assert cidrs["trustedProxies"] == {"cidrs": ["192.0.2.7/32"], "hops": None}
        assert settings(objects(trustedProxies={"hops": 2}))["trustedProxies"] == {"cidrs": [], "hops": 2}

    def test_naming_the_edges_pods_alone_keeps_the_default(self) -> None:
        found = objects(trustedProxies={"fromPods": {"namespace": "traefik"}})
        assert settings(found)["trustedProxies"]["hops"] == 1


class TestNetworkPolicy:
    def test_only_the_applications_pods_reach_redis_and_redis_reaches_nobody(self) -> None:
        policy = objects()["NetworkPolicy", "shop-redis"]["spec"]
        (rule,) = policy["ingress"]
        (peer,) = rule["from"]
        assert set(peer) == {"podSelector"}, "without a namespace selector: this namespace only"
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert "egress" not in policy

    def test_everybody_reaches_the_web_port_until_somebody_is_named(self) -> None:
        (rule,) = objects()["NetworkPolicy", "shop-web"]["spec"]["ingress"]
        assert rule == {"ports": [{"port": 8000, "protocol": "TCP"}]}
        edge = {"namespace": "traefik", "matchLabels": {"app": "traefik"}}
        (rule,) = objects(
            trustedProxies={"fromPods": edge},
            networkPolicy={"extraIngress": [{"cidr": "192.0.2.0/24"}]},
        )["NetworkPolicy", "shop-web"]["spec"]["ingress"]
        assert rule["from"] == [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}},
                "podSelector": {"matchLabels": {"app": "traefik"}},
            },
            {"ipBlock": {"cidr": "192.0.2.0/24"}},
        ]

    def test_the_operator_is_let_in_beside_those_who_are_named(self) -> None:
        (rule,) = by_name(render_case("production"))["NetworkPolicy", "desk-web"]["spec"]["ingress"]
        system = {"matchLabels": {"kubernetes.io/metadata.name": "realtimeapp-system"}}
        assert rule["from"][-1] == {"namespaceSelector": system, "podSelector": {}}

    def test_nobody_reaches_workers_and_jobs(self) -> None:
        policy = objects()["NetworkPolicy", "shop-workers"]["spec"]
        assert policy["policyTypes"] == ["Ingress"]
        assert "ingress" not in policy

    def test_disabled_means_none(self) -> None:
        assert all(kind != "NetworkPolicy" for kind, _ in objects(networkPolicy={"mode": "Disabled"}))


class TestSecrets:
    def test_each_is_filled_with_what_its_readers_expect(self) -> None:
        found = objects()
        filled = fill(found["Secret", "shop-redis"], lambda: secrets.token_urlsafe(32))
        data = {key: base64.b64decode(value).decode() for key, value in filled["data"].items()}
        assert set(data) == {"password", "probe-password", "users.acl"}
        assert data["password"] != data["probe-password"]
        for key in ("password", "probe-password"):
            assert data[key] not in data["users.acl"]
            assert hashlib.sha256(data[key].encode()).hexdigest() in data["users.acl"]
        django = fill(found["Secret", "shop-django"], lambda: secrets.token_urlsafe(32))
        assert len(base64.b64decode(django["data"]["secret-key"])) >= 50
        assert "data" not in found["Secret", "shop-django"], "filling leaves the rendered manifest alone"

    def test_a_key_the_user_brings_is_mounted_and_none_is_generated(self) -> None:
        found = objects(django={"settingsModule": "a.b", "secretKeySecretRef": {"name": "mine", "key": "k"}})
        assert ("Secret", "shop-django") not in found
        volumes = found["Deployment", "shop-web"]["spec"]["template"]["spec"]["volumes"]
        (projected,) = [volume["projected"] for volume in volumes if volume["name"] == "secrets"]
        assert projected["sources"][0]["secret"] == {
            "name": "mine",
            "items": [{"key": "k", "path": "django/secret-key"}],
        }


class TestOverlay:
    def test_enabled_names_the_runtimes_settings_and_hands_over_the_users(self) -> None:
        found = objects()
        env = {each["name"]: each.get("value") for each in web_container(found)["env"]}
        assert env["DJANGO_SETTINGS_MODULE"] == "realtimeapp_runtime.settings"
        assert settings(found)["settingsModule"] == "shop.settings"

    def test_disabled_gives_the_conventional_variables_by_reference(self) -> None:
        found = objects(
            django={"settingsModule": "shop.settings", "overlay": "Disabled"},
            database={"urlSecretRef": {"name": "db", "key": "url"}},
        )
        env = {each["name"]: each for each in web_container(found)["env"]}
        assert env["DJANGO_SETTINGS_MODULE"]["value"] == "shop.settings"
        assert env["DATABASE_URL"]["valueFrom"]["secretKeyRef"] == {"name": "db", "key": "url"}
        assert env["SECRET_KEY"]["valueFrom"]["secretKeyRef"] == {"name": "shop-django", "key": "secret-key"}
        names = list(env)
        # The kubelet expands a reference to an earlier variable only.
        assert names.index("REALTIMEAPP_REDIS_PASSWORD") < names.index("REDIS_URL")


class TestServers:
    def test_both_servers_get_what_keeps_sockets_alive_and_secrets_out_of_logs(self) -> None:
        uvicorn = " ".join(
            web_container(objects(web={"pingIntervalSeconds": 7, "processesPerPod": 3}))["args"]
        )
        assert "--ws-ping-interval 7 --ws-ping-timeout 7" in uvicorn
        assert "--workers 3" in uvicorn
        assert "--no-access-log" in uvicorn
        assert "--no-proxy-headers" in uvicorn
        found = objects(web={"server": "Daphne", "pingIntervalSeconds": 7})
        daphne = " ".join(web_container(found)["args"])
        assert "--ping-interval 7 --ping-timeout 7 --websocket_timeout -1" in daphne
        assert "-v 0" in daphne
        assert "--proxy-headers" not in daphne
        assert settings(found)["drain"]["closeCode"] == 4012


class TestWorkers:
    def test_each_type_runs_what_its_fields_say(self) -> None:
        found = by_name(render_case("workers"))
        args = {
            name.removeprefix("board-worker-"): " ".join(
                each["spec"]["template"]["spec"]["containers"][0]["args"]
            )
            for (kind, name), each in found.items()
            if kind == "Deployment" and name != "board-web"
        }
        assert args == {
            "celery": "run celery --app board worker --concurrency 4 --loglevel INFO "
            "--without-gossip --without-mingle --queues default,mail",
            "beat": "run celery --app board beat --loglevel INFO --schedule /tmp/celerybeat-schedule",
            "events": "manage runworker imports exports",
            "consumer": "manage run_consumer --verbosity=2",
            "mirror": "exec python3 -m board.mirror --to s3://board-$$(REGION)/",
        }

    def test_there_are_never_two_beats(self) -> None:
        workers = [{"name": "beat", "type": "CeleryBeat", "app": "shop"}]
        beat = objects(workers=workers)["Deployment", "shop-worker-beat"]["spec"]
        assert beat["replicas"] == 1
        assert beat["strategy"] == {"type": "Recreate"}


class TestPodTemplates:
    def test_the_parts_own_wins_over_the_applications(self) -> None:
        found = objects(
            podTemplate={
                "nodeSelector": {"disk": "ssd", "zone": "a"},
                "tolerations": [{"key": "shared", "operator": "Exists"}],
                "labels": {"team": "x", "tier": "y"},
                "volumes": [{"name": "data", "emptyDir": {}}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "resources": {"requests": {"cpu": "2", "memory": "300Mi"}},
            },
            web={
                "podTemplate": {
                    "nodeSelector": {"zone": "b"},
                    "tolerations": [{"key": "own", "value": "yes", "effect": "NoSchedule"}],
                    "labels": {"tier": "web"},
                    "annotations": {"note": "a"},
                    "volumes": [{"name": "data", "configMap": {"name": "files"}}],
                    "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
                    "resources": {"requests": {"cpu": "1"}},
                    "serviceAccountName": "cloud",
                    "priorityClassName": "high",
                }
            },
        )
        template = found["Deployment", "shop-web"]["spec"]["template"]
        pod, container = template["spec"], web_container(found)
        assert pod["nodeSelector"] == {"disk": "ssd", "zone": "b"}
        assert pod["tolerations"] == [{"key": "own", "value": "yes", "effect": "NoSchedule"}]
        assert pod["serviceAccountName"] == "cloud"
        assert pod["priorityClassName"] == "high"
        assert template["metadata"]["annotations"] == {"note": "a"}
        assert template["metadata"]["labels"].items() >= {"team": "x", "tier": "web"}.items()
        assert {"name": "data", "configMap": {"name": "files"}} in pod["volumes"]
        assert {"name": "data", "mountPath": "/data", "readOnly": True} in container["volumeMounts"]
        assert container["resources"]["requests"] == {"cpu": "1", "memory": "300Mi"}
        job = next(each for (kind, _), each in found.items() if kind == "Job")["spec"]["template"]
        assert job["spec"]["nodeSelector"] == {"disk": "ssd", "zone": "a"}
        assert job["metadata"]["labels"]["tier"] == "y"


class TestRedis:
    def test_the_volume_stays_unless_it_is_to_go(self) -> None:
        kept = objects()["StatefulSet", "shop-redis"]["spec"]
        assert kept["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
        assert "storageClassName" not in kept["volumeClaimTemplates"][0]["spec"]
        storage = {"size": "5Gi", "className": "fast", "reclaim": "Delete"}
        other = objects(redis={"standalone": {"storage": storage}})["StatefulSet", "shop-redis"]["spec"]
        assert other["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
        claim = other["volumeClaimTemplates"][0]["spec"]
        assert claim["storageClassName"] == "fast"
        assert claim["resources"] == {"requests": {"storage": "5Gi"}}

    def test_nothing_a_user_writes_gets_into_its_configuration_file(self) -> None:
        first = objects()["ConfigMap", "shop-redis"]["data"]
        other = objects(
            redis={"standalone": {"maxMemory": "100M"}}, image="other:1", session={"ttlSeconds": 30}
        )
        assert other["ConfigMap", "shop-redis"]["data"] == first
        args = other["StatefulSet", "shop-redis"]["spec"]["template"]["spec"]["containers"][0]["args"]
        assert args == ["--maxmemory", "100000000"]
