"""The chart lints, refuses wrong values with a sentence, and runs the operator as docs/security.md says."""

from __future__ import annotations

import base64
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509

from realtimeapp_operator import names
from realtimeapp_operator.settings import read_settings
from tests.unit.helm.chart import (
    CHART,
    NAMESPACE,
    RELEASE,
    Refused,
    container,
    notes,
    of_kind,
    one,
    render,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path

LISTED = {"watchNamespaces": ["shop", "chat"]}


@pytest.mark.parametrize(
    "values",
    [{}, LISTED, {"replicas": 3}, {"crds": {"enabled": False}}],
    ids=["defaults", "namespaces", "replicas", "no-crds"],
)
def test_the_chart_passes_helms_strict_lint(values: dict[str, Any]) -> None:
    run("lint", "--strict", str(CHART), "--values", "-", values=yaml.safe_dump(values))


def test_the_chart_and_the_operator_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((CHART.parents[1] / "pyproject.toml").read_text())["project"]
    assert chart["version"] == chart["appVersion"] == project["version"]


def test_the_operator_runs_restricted_and_a_little_tighter() -> None:
    pod = one(render(), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(render())["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert [set(volume) for volume in pod["volumes"]] == [{"name", "emptyDir"}]


def test_only_the_pod_itself_asks_for_the_token() -> None:
    objects = render()
    assert one(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    assert one(objects, "Deployment")["spec"]["template"]["spec"]["automountServiceAccountToken"] is True


def test_no_secret_is_rendered_read_or_passed_on() -> None:
    objects = render({"imagePullSecrets": ["registry"]})
    assert of_kind(objects, "Secret") == []
    # The schema in the CRD only describes what a user may refer to.
    rendered = str([item for item in objects if item["kind"] != "CustomResourceDefinition"])
    assert "secretKeyRef" not in rendered
    assert "secretName" not in rendered


def test_the_default_image_serves_the_runtime_too() -> None:
    digest = f"sha256:{'0' * 64}"
    operator = container(render({"image": {"repository": "registry.example.com/operator", "digest": digest}}))
    environment = {entry["name"]: entry.get("value") for entry in operator["env"]}
    assert operator["image"] == f"registry.example.com/operator@{digest}"
    assert environment["REALTIMEAPP_RUNTIME_IMAGE"] == operator["image"]


def test_the_operator_serves_what_the_roles_allow() -> None:
    for values, expected in (({}, ""), (LISTED, "shop,chat")):
        environment = {entry["name"]: entry.get("value") for entry in container(render(values))["env"]}
        assert environment["REALTIMEAPP_NAMESPACES"] == expected


def test_services_and_policies_select_the_operators_pods() -> None:
    objects = render({"replicas": 2, "podLabels": {"team": "shop"}, "monitoring": {"enabled": True}})
    labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        one(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        one(objects, "Service", f"{RELEASE}-metrics")["spec"]["selector"],
        one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
    monitor = one(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert monitor.items() <= one(objects, "Service", f"{RELEASE}-metrics")["metadata"]["labels"].items()


def test_no_object_of_the_chart_looks_like_a_child_of_an_application() -> None:
    for item in render({"replicas": 2}):
        assert item["metadata"]["labels"][names.LABEL_MANAGED_BY] != names.MANAGED_BY


def test_uninstalling_keeps_the_crd_unless_told_otherwise() -> None:
    crd = f"{names.PLURAL}.{names.GROUP}"
    kept = one(render(), "CustomResourceDefinition", crd)["metadata"]["annotations"]
    assert kept["helm.sh/resource-policy"] == "keep"
    dropped = one(render({"crds": {"keep": False}}), "CustomResourceDefinition", crd)["metadata"]
    assert "helm.sh/resource-policy" not in (dropped.get("annotations") or {})
    assert of_kind(render({"crds": {"enabled": False}}), "CustomResourceDefinition") == []


def test_monitoring_without_its_api_is_refused_with_a_sentence() -> None:
    with pytest.raises(Refused, match="install the Prometheus operator first"):
        render({"monitoring": {"enabled": True}}, apis="")


def test_a_missing_service_account_name_is_refused_with_a_sentence() -> None:
    with pytest.raises(Refused, match="must name an existing ServiceAccount"):
        render({"serviceAccount": {"create": False}})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 2}, "replica"),
        ({"image": {"tga": "1"}}, "tga"),
        ({"replicas": "2"}, "replicas"),
        ({"replicas": 11}, "replicas"),
        ({"image": {"digest": "sha256:short"}}, "digest"),
        ({"image": {"repository": "UPPER/case"}}, "repository"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"watchNamespaces": ["Shop"]}, "watchNamespaces"),
        ({"watchNamespaces": ["shop", "shop"]}, "watchNamespaces"),
        ({"watchNamespaces": "shop"}, "watchNamespaces"),
        ({"redis": {"image": ""}}, "redis"),
        ({"logLevel": "loud"}, "logLevel"),
        ({"sampleSeconds": 3}, "sampleSeconds"),
        ({"sampleSeconds": 301}, "sampleSeconds"),
        ({"monitoring": {"interval": "often"}}, "interval"),
        ({"podLabels": {"app.kubernetes.io/name": "else"}}, "podLabels"),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, "maxUnavailable"),
        ({"externalMetrics": {"enabled": "yes"}}, "enabled"),
        ({"externalMetrics": {"certificate": {"source": "Mine"}}}, "source"),
    ],
)
def test_a_wrong_value_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused, match=named):
        render(values)


def test_the_notes_name_what_was_installed() -> None:
    whole, listed = notes(), notes(LISTED)
    assert "serves the whole cluster" in whole
    assert "rollout status deployment/realtimeapp-operator" in whole
    assert "Uninstalling leaves the applications serving" in whole
    assert "serves the namespaces shop, chat" in listed
    assert "kubectl apply --namespace shop" in listed
    assert "WARNING" in notes({"crds": {"keep": False}})


@pytest.mark.parametrize(
    "values",
    [
        {},
        LISTED,
        {"logLevel": "debug", "workers": 64, "sampleSeconds": 0, "image": {"digest": f"sha256:{'0' * 64}"}},
    ],
    ids=["defaults", "namespaces", "tuned"],
)
def test_the_operator_understands_its_command_line_and_environment(values: dict[str, Any]) -> None:
    operator = container(render(values))
    environment = {entry["name"]: entry.get("value", "from-the-pod") for entry in operator["env"]}
    settings = read_settings(operator["args"], {**environment, "POD_IP": "10.0.0.7"})
    assert settings.namespaces == tuple(values.get("watchNamespaces", ()))
    assert settings.runtime_image == operator["image"]
    assert settings.redis_image == "localhost/realtimeapp-redis:dev"
    assert settings.image_pull_policy == "IfNotPresent"
    assert settings.workers == values.get("workers", 8)
    assert settings.sample_seconds == values.get("sampleSeconds", 30)
    assert settings.log_level == values.get("logLevel", "info").upper()
    assert (settings.lease_namespace, settings.identity) == ("from-the-pod", "from-the-pod")
    assert settings.port == operator["ports"][0]["containerPort"]
    assert settings.metrics_url == "http://realtimeapp-operator-leader.from-the-pod.svc:8080"
    assert settings.external_metrics is None


def test_the_metrics_api_is_served_where_the_cluster_looks_for_it(tmp_path: Path) -> None:
    objects = render({"externalMetrics": {"enabled": True}})
    operator, service = container(objects), one(objects, "Service", f"{RELEASE}-leader")
    target = one(objects, "APIService", "v1beta1.external.metrics.k8s.io")["spec"]["service"]
    assert (target["name"], target["namespace"]) == (service["metadata"]["name"], NAMESPACE)
    [port] = [item for item in service["spec"]["ports"] if item["port"] == target["port"]]
    [container_port] = [item for item in operator["ports"] if item["name"] == port["name"]]
    assert port["targetPort"] == container_port["containerPort"]
    secret = one(objects, "Secret", f"{RELEASE}-external-metrics")
    for file in ("tls.crt", "tls.key"):
        (tmp_path / file).write_bytes(base64.b64decode(secret["data"][file]))
    environment = {entry["name"]: entry.get("value", "from-the-pod") for entry in operator["env"]}
    environment |= {"POD_IP": "10.0.0.7"}
    arguments = [*operator["args"], "--certificate-dir", str(tmp_path)]
    settings = read_settings(arguments, environment)
    assert settings.external_metrics is not None
    assert settings.external_metrics[1] == container_port["containerPort"]
    assert settings.leader_service == target["name"]


def test_the_serving_certificate_is_for_the_name_the_api_server_asks_by() -> None:
    objects = render({"externalMetrics": {"enabled": True}})
    secret = one(objects, "Secret", f"{RELEASE}-external-metrics")
    leaf, authority = (
        x509.load_pem_x509_certificate(base64.b64decode(secret["data"][file]))
        for file in ("tls.crt", "ca.crt")
    )
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert f"{RELEASE}-leader.{NAMESPACE}.svc" in names.get_values_for_type(x509.DNSName)
    leaf.verify_directly_issued_by(authority)
    bundle = one(objects, "APIService", "v1beta1.external.metrics.k8s.io")["spec"]["caBundle"]
    assert bundle == secret["data"]["ca.crt"]


def test_a_service_monitor_does_not_find_the_leaders_service() -> None:
    objects = render({"monitoring": {"enabled": True}})
    selector = one(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    labels = one(objects, "Service", f"{RELEASE}-leader")["metadata"]["labels"]
    assert not selector.items() <= labels.items(), "/metrics would be read twice"
