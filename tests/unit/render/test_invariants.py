"""What holds for every object of every golden manifest."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.api.rules.pods import RESERVED_ENV, RESERVED_ENV_PREFIXES
from realtimeapp_operator.render import render
from realtimeapp_operator.render.common import template_hash
from tests.unit.render.cases import (
    FILES,
    body,
    by_name,
    containers,
    facts_for,
    pod_templates,
    render_case,
)

pytestmark = pytest.mark.parametrize("name", FILES)

DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
RESTRICTED_VOLUMES = {"configMap", "secret", "projected", "emptyDir", "persistentVolumeClaim"}


def test_rendering_is_deterministic_and_plain_json(name: str) -> None:
    first, second = render_case(name), render_case(name)
    assert json.dumps(first) == json.dumps(second)
    assert json.loads(json.dumps(first)) == first


def test_objects_are_complete_and_distinct(name: str) -> None:
    manifests = render_case(name)
    assert len(by_name(manifests)) == len(manifests)
    for manifest in manifests:
        assert manifest["apiVersion"]
        assert "status" not in manifest
        assert manifest["metadata"]["namespace"] == parse(body(name)).metadata.namespace
        assert manifest["metadata"]["labels"][names.LABEL_MANAGED_BY] == names.MANAGED_BY


def test_names_fit_what_kubernetes_derives_from_them(name: str) -> None:
    for kind, child in by_name(render_case(name)):
        assert DNS_LABEL.fullmatch(child), child
        # A CronJob's Jobs get 11 more characters, a StatefulSet's pods a revision label with 11 more.
        assert len(child) <= {"CronJob": 52, "StatefulSet": 52}.get(kind, 63), child


def test_the_application_owns_everything(name: str) -> None:
    manifest = body(name)
    manifest["metadata"]["uid"] = "the-uid"
    app = parse(manifest)
    for child in render(app, facts_for(app)):
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("RealtimeApp", app.metadata.name, "the-uid")
        assert owner["controller"]
        assert owner["blockOwnerDeletion"]


def test_nothing_is_owned_by_an_application_without_uid(name: str) -> None:
    manifest = body(name)
    manifest["metadata"].pop("uid", None)
    app = parse(manifest)
    assert all("ownerReferences" not in child["metadata"] for child in render(app, facts_for(app)))


def test_every_pod_passes_pod_security_restricted(name: str) -> None:
    for template in pod_templates(render_case(name)).values():
        pod = template["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] >= 10000
        assert pod["securityContext"]["runAsGroup"] >= 10000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        for volume in pod["volumes"]:
            assert set(volume) - {"name"} <= RESTRICTED_VOLUMES
        for container in containers(template):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert all("hostPort" not in port for port in container.get("ports", []))


def test_every_container_has_requests_a_memory_limit_and_only_the_users_cpu_limit(name: str) -> None:
    wanted = re.findall(r"'limits': {[^}]*'cpu': '(\w+)'", str(body(name)))
    for template in pod_templates(render_case(name)).values():
        for container in containers(template):
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), container["name"]
            assert "memory" in container["resources"]["limits"]
            assert container["resources"]["limits"].get("cpu") in {None, *wanted}
            assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_every_mount_has_its_volume_and_no_path_twice(name: str) -> None:
    for template in pod_templates(render_case(name)).values():
        volumes = [volume["name"] for volume in template["spec"]["volumes"]]
        volumes += ["data"] if "redis-server" in str(template) else []
        assert len(set(volumes)) == len(volumes)
        for container in containers(template):
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
            paths = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert len(set(paths)) == len(paths)


def test_mounted_objects_of_ours_are_rendered_before_the_pods(name: str) -> None:
    seen: set[str] = set()
    app = parse(body(name))
    for manifest in render_case(name):
        for template in pod_templates([manifest]).values():
            for used in used_objects(template["spec"]):
                if used.startswith(f"{app.metadata.name}-settings") or used in {
                    names.redis(app.metadata.name),
                    names.django_secret(app.metadata.name),
                    names.account(app.metadata.name),
                }:
                    assert used in seen
        seen.add(manifest["metadata"]["name"])


def used_objects(pod: dict[str, Any]) -> list[str]:
    used = [pod["serviceAccountName"]]
    for volume in pod["volumes"]:
        if "configMap" in volume:
            used.append(volume["configMap"]["name"])
        if "secret" in volume:
            used.append(volume["secret"]["secretName"])
        used += [source["secret"]["name"] for source in volume.get("projected", {}).get("sources", [])]
    return used


def test_no_selector_matches_the_pods_of_a_chart_released_under_the_same_name(name: str) -> None:
    """Charts label their pods with release and component; a Service of ours must not send them its clients."""
    for manifest in render_case(name):
        own = manifest["metadata"]["labels"]
        foreign = {
            names.LABEL_NAME: "somebody-elses",
            names.LABEL_INSTANCE: own[names.LABEL_INSTANCE],
            names.LABEL_COMPONENT: own[names.LABEL_COMPONENT],
            names.LABEL_MANAGED_BY: "Helm",
        }
        spec = manifest.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector")
        if selector is not None:
            chosen = selector.get("matchLabels", selector)
            assert not chosen.items() <= foreign.items(), manifest["metadata"]["name"]


def test_selectors_are_disjoint_and_match_their_own_pods(name: str) -> None:
    manifests = render_case(name)
    labels = {key: template["metadata"]["labels"] for key, template in pod_templates(manifests).items()}
    selectors = {
        key: manifest["spec"]["selector"]["matchLabels"]
        for key, manifest in by_name(manifests).items()
        if key[0] in {"Deployment", "StatefulSet"}
    }
    for (workload, selector), (other, pod_labels) in itertools.product(selectors.items(), labels.items()):
        assert (selector.items() <= pod_labels.items()) == (workload == other)


def test_every_pod_pulls_with_the_declared_credentials(name: str) -> None:
    """Redis and the runtime come from a registry too, and it may be a private one."""
    declared = body(name)["spec"].get("imagePullSecrets", [])
    for workload, template in pod_templates(render_case(name)).items():
        assert template["spec"].get("imagePullSecrets", []) == declared, workload


def test_services_reach_one_kind_of_pods_by_a_port_they_have(name: str) -> None:
    manifests = render_case(name)
    templates = pod_templates(manifests)
    for (kind, _service), manifest in by_name(manifests).items():
        if kind != "Service":
            continue
        (reached,) = [
            template
            for template in templates.values()
            if manifest["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        ]
        ports = {port["name"] for container in containers(reached) for port in container.get("ports", [])}
        assert {port["targetPort"] for port in manifest["spec"]["ports"]} <= ports


def test_template_hashes_are_those_of_the_templates(name: str) -> None:
    for (kind, _workload), manifest in by_name(render_case(name)).items():
        if kind in {"Deployment", "StatefulSet"}:
            assert manifest["metadata"]["annotations"][names.ANNOTATION_TEMPLATE_HASH] == template_hash(
                manifest
            )
            assert names.ANNOTATION_TEMPLATE_HASH not in str(manifest["spec"])


def test_secrets_are_rendered_without_data(name: str) -> None:
    for manifest in render_case(name):
        if manifest["kind"] == "Secret":
            assert not {"data", "stringData"} & set(manifest)


def test_the_overlay_gives_no_secret_through_the_environment(name: str) -> None:
    app = parse(body(name))
    wanted = {variable.name for variable in app.spec.env}
    for template in pod_templates(render_case(name)).values():
        for container in containers(template):
            for variable in container.get("env", []):
                if variable["name"] not in wanted and app.spec.django.overlay == "Enabled":
                    assert "secretKeyRef" not in variable.get("valueFrom", {})


def test_no_variable_is_there_twice_and_ours_cannot_be_taken(name: str) -> None:
    app = parse(body(name))
    wanted = {variable.name for variable in app.spec.env}
    for template in pod_templates(render_case(name)).values():
        for container in containers(template):
            found = [variable["name"] for variable in container.get("env", [])]
            assert len(set(found)) == len(found)
            for ours in set(found) - wanted - {"DATABASE_URL"}:  # refused with spec.database, which sets it
                assert ours in RESERVED_ENV or ours.startswith(RESERVED_ENV_PREFIXES), ours


def test_no_shell_sees_what_a_user_wrote(name: str) -> None:
    for (kind, _workload), template in pod_templates(render_case(name)).items():
        for container in containers(template):
            assert container["command"][0] in {"python3", "redis-server"}
            shells = [
                probe["exec"]["command"][2]
                for probe in container.values()
                if isinstance(probe, dict) and probe.get("exec", {}).get("command", [""])[0] == "sh"
            ]
            assert not shells or kind == "StatefulSet"
            for script in shells:
                assert parse(body(name)).metadata.name not in script


def test_only_web_pods_drain(name: str) -> None:
    for (_kind, workload), template in pod_templates(render_case(name)).items():
        drains = ["lifecycle" in container for container in containers(template)]
        assert any(drains) == workload.endswith("-web")
