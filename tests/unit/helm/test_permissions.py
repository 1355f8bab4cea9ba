"""The chart grants exactly the table below: one verb more or less fails here before anybody reviews it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube import kinds
from tests.unit.helm.chart import NAMESPACE, RELEASE, Objects, of_kind, one, render

if TYPE_CHECKING:
    from collections.abc import Iterable

Grant = tuple[str, str, str, str]
"""API group, resource, resource name or "" for any, verb."""

CHILD: Final = "create delete get list patch watch"
APPLICATIONS: Final = {
    ("realtimeapp.dev", "realtimeapps"): "get list watch",
    ("realtimeapp.dev", "realtimeapps/status"): "patch",
    ("realtimeapp.dev", "realtimeapps/finalizers"): "update",
    ("", "configmaps"): CHILD,
    ("", "serviceaccounts"): CHILD,
    ("", "services"): CHILD,
    ("apps", "deployments"): CHILD,
    ("apps", "statefulsets"): CHILD,
    ("autoscaling", "horizontalpodautoscalers"): CHILD,
    ("batch", "cronjobs"): CHILD,
    ("batch", "jobs"): CHILD,
    ("keda.sh", "scaledobjects"): CHILD,
    ("networking.k8s.io", "ingresses"): CHILD,
    ("networking.k8s.io", "networkpolicies"): CHILD,
    ("policy", "poddisruptionbudgets"): CHILD,
    ("", "secrets"): "create get",
    ("", "pods"): "list patch watch",
    ("apps", "replicasets"): "list watch",
    ("", "events"): "create get patch",
}
CLUSTER: Final = {
    ("networking.k8s.io", "ingressclasses", ""): "list watch",
}
LEASE: Final = {
    ("coordination.k8s.io", "leases", ""): "create",
    ("coordination.k8s.io", "leases", names.LEASE): "get patch",
}
LEADER: Final = {
    ("", "services", f"{RELEASE}-leader"): "get",
    ("", "endpoints", ""): "create",
    ("", "endpoints", f"{RELEASE}-leader"): "patch",
    ("discovery.k8s.io", "endpointslices", ""): "create",
    ("discovery.k8s.io", "endpointslices", f"{RELEASE}-leader-ipv4"): "patch",
    ("discovery.k8s.io", "endpointslices", f"{RELEASE}-leader-ipv6"): "patch",
}
LISTED: Final = {"watchNamespaces": ["shop", "chat"]}


def table(rows: dict[tuple[str, str, str], str]) -> set[Grant]:
    return {(*row, verb) for row, verbs in rows.items() for verb in verbs.split()}


IN_APPLICATIONS: Final = table({(*row, ""): verbs for row, verbs in APPLICATIONS.items()})
IN_CLUSTER: Final = table(CLUSTER)
IN_RELEASE: Final = table({**LEASE, **LEADER})


def grants(role: dict[str, Any]) -> set[Grant]:
    return {
        (group, resource, name, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }


def bound(objects: Objects) -> dict[str, set[Grant]]:
    """What the operator's ServiceAccount may do, by namespace; "" is the whole cluster."""
    allowed: dict[str, set[Grant]] = {}
    for binding in [*of_kind(objects, "ClusterRoleBinding"), *of_kind(objects, "RoleBinding")]:
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": RELEASE, "namespace": NAMESPACE}], (
            binding
        )
        namespace = binding["metadata"].get("namespace", "")
        role = next(
            role
            for role in of_kind(objects, binding["roleRef"]["kind"])
            if role["metadata"]["name"] == binding["roleRef"]["name"]
            and role["metadata"].get("namespace", "") == namespace
        )
        allowed.setdefault(namespace, set()).update(grants(role))
    return allowed


def test_external_metrics_add_one_role_of_the_clusters_own_and_nothing_else() -> None:
    objects = render({"externalMetrics": {"enabled": True}})
    [added] = [
        item for item in of_kind(objects, "RoleBinding") if item["metadata"]["namespace"] == "kube-system"
    ]
    assert added["roleRef"]["kind"] == "Role"
    assert added["roleRef"]["name"] == "extension-apiserver-authentication-reader"
    assert added["subjects"] == [{"kind": "ServiceAccount", "name": RELEASE, "namespace": NAMESPACE}]
    objects.remove(added)
    assert bound(objects) == bound(render())


def every_grant(objects: Objects) -> Iterable[Grant]:
    for role in [*of_kind(objects, "ClusterRole"), *of_kind(objects, "Role")]:
        yield from grants(role)


def test_the_whole_cluster_mode_grants_exactly_the_table() -> None:
    assert bound(render()) == {"": IN_APPLICATIONS | IN_CLUSTER, NAMESPACE: IN_RELEASE}


def test_listed_namespaces_get_the_table_and_the_cluster_only_one_read_rule() -> None:
    assert bound(render(LISTED)) == {
        "": IN_CLUSTER,
        NAMESPACE: IN_RELEASE,
        "shop": IN_APPLICATIONS,
        "chat": IN_APPLICATIONS,
    }


def test_the_release_namespace_may_be_one_of_the_listed() -> None:
    allowed = bound(render({"watchNamespaces": [NAMESPACE]}))
    assert allowed == {"": IN_CLUSTER, NAMESPACE: IN_RELEASE | IN_APPLICATIONS}


@pytest.mark.parametrize("values", [{}, LISTED], ids=["cluster", "namespaces"])
def test_no_role_of_the_chart_holds_a_dangerous_permission(values: dict[str, Any]) -> None:
    forbidden_resources = {
        "*",
        "customresourcedefinitions",
        "nodes",
        "pods/attach",
        "pods/exec",
        "pods/portforward",
        "serviceaccounts/token",
        "roles",
        "rolebindings",
        "clusterroles",
        "clusterrolebindings",
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
    }
    for group, resource, _name, verb in every_grant(render(values)):
        assert group != "*"
        assert resource not in forbidden_resources
        assert verb not in {"*", "bind", "escalate", "impersonate"}
        if resource == "secrets":
            assert verb in {"get", "create"}, "reading all Secrets or changing one is never needed"


def test_every_watched_kind_may_be_listed_and_watched() -> None:
    allowed = bound(render())[""]
    for kind in (*kinds.OWNED, kinds.REALTIME_APP, kinds.INGRESS_CLASS):
        group = kind.api_version.rpartition("/")[0]
        assert {(group, kind.plural, "", "list"), (group, kind.plural, "", "watch")} <= allowed, kind
    assert kinds.SECRET not in kinds.OWNED


def test_rbac_can_be_left_to_somebody_else() -> None:
    objects = render({"rbac": {"create": False, "userRoles": False}})
    for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"):
        assert of_kind(objects, kind) == []


def test_users_get_realtimeapps_through_the_clusters_own_roles() -> None:
    objects = render()
    reached: dict[str, set[tuple[str, str]]] = {"view": set(), "edit": set(), "admin": set()}
    for part in ("view", "edit", "admin"):
        role = one(objects, "ClusterRole", f"{RELEASE}-{part}")
        for target, collected in reached.items():
            if role["metadata"]["labels"].get(f"rbac.authorization.k8s.io/aggregate-to-{target}") == "true":
                collected |= {(resource, verb) for _, resource, _, verb in grants(role)}
    app = names.PLURAL
    view = {(app, "get"), (app, "list"), (app, "watch"), (f"{app}/scale", "get"), (f"{app}/status", "get")}
    edit = view | {(app, verb) for verb in ("create", "update", "patch", "delete")}
    edit |= {(f"{app}/scale", "update"), (f"{app}/scale", "patch")}
    assert reached == {"view": view, "edit": edit, "admin": edit | {(app, "deletecollection")}}


def test_the_users_roles_do_not_reach_the_operator() -> None:
    bindings = of_kind(render(), "ClusterRoleBinding")
    assert [binding["roleRef"]["name"] for binding in bindings] == [RELEASE]
