"""Who may reach and who may evict: NetworkPolicies and the PodDisruptionBudget.

Egress of the application is not restricted: where its database is stands in a Secret, which the operator does not
read. Redis, which needs nobody, gets no egress at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtimeapp_operator import names
from realtimeapp_operator.api.edge import PodSelector
from realtimeapp_operator.render.common import instance_selector, metadata, selector
from realtimeapp_operator.render.redis_config import PORT

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.edge import NetworkPolicyPeer
    from realtimeapp_operator.render.facts import Facts, Manifest

BACKGROUND: tuple[str, ...] = (
    names.COMPONENT_WORKER,
    names.COMPONENT_MIGRATE,
    names.COMPONENT_CHECK,
    names.COMPONENT_CLEANUP,
)
"""Components of the application that nobody connects to."""


def build_network_policies(app: RealtimeApp, facts: Facts) -> list[Manifest]:
    """Policies of the three kinds of pods; none when the mode is Disabled."""
    if app.spec.network_policy.mode == "Disabled":
        return []
    name = app.metadata.name
    return [
        _policy(
            app,
            names.redis(name),
            component=names.COMPONENT_REDIS,
            pods={"matchLabels": selector(app, names.COMPONENT_REDIS)},
            rules={
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [
                    {
                        "from": [{"podSelector": _components(app, (names.COMPONENT_WEB, *BACKGROUND))}],
                        "ports": [{"port": PORT, "protocol": "TCP"}],
                    }
                ],
            },
        ),
        _policy(
            app,
            names.web(name),
            component=names.COMPONENT_WEB,
            pods={"matchLabels": selector(app, names.COMPONENT_WEB)},
            rules={"policyTypes": ["Ingress"], "ingress": [_web_rule(app, facts)]},
        ),
        _policy(
            app,
            names.workers(name),
            component=names.COMPONENT_WORKER,
            pods=_components(app, BACKGROUND),
            rules={"policyTypes": ["Ingress"]},
        ),
    ]


def build_disruption_budget(app: RealtimeApp) -> Manifest:
    """Budget of the web pods; a pod that is not ready never holds up a node drain."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(app, names.web(app.metadata.name), component=names.COMPONENT_WEB),
        "spec": {
            "maxUnavailable": app.spec.web.disruption_budget.max_unavailable,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(app, names.COMPONENT_WEB)},
        },
    }


def _web_rule(app: RealtimeApp, facts: Facts) -> dict[str, Any]:
    """Only the peers somebody named, and the operator, which counts connections; with none named, everybody.

    The edge's pods are not known then.
    """
    peers = [_peer(peer) for peer in app.spec.network_policy.extra_ingress]
    trusted = app.spec.trusted_proxies
    if trusted is not None and trusted.from_pods is not None:
        peers.insert(0, _pods(trusted.from_pods))
    if peers and facts.operator_namespace is not None:
        peers.append(_pods(PodSelector(namespace=facts.operator_namespace)))
    rule: dict[str, Any] = {"ports": [{"port": app.spec.web.port, "protocol": "TCP"}]}
    return {"from": peers, **rule} if peers else rule


def _peer(peer: NetworkPolicyPeer) -> dict[str, Any]:
    if peer.from_pods is not None:
        return _pods(peer.from_pods)
    return {"ipBlock": {"cidr": peer.cidr}}


def _pods(pods: PodSelector) -> dict[str, Any]:
    chosen: dict[str, Any] = {"matchLabels": dict(pods.match_labels)} if pods.match_labels else {}
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": pods.namespace}},
        "podSelector": chosen,
    }


def _components(app: RealtimeApp, components: tuple[str, ...]) -> dict[str, Any]:
    return {
        "matchLabels": instance_selector(app),
        "matchExpressions": [
            {"key": names.LABEL_COMPONENT, "operator": "In", "values": list(components)},
        ],
    }


def _policy(
    app: RealtimeApp, name: str, *, component: str, pods: dict[str, Any], rules: dict[str, Any]
) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(app, name, component=component),
        "spec": {"podSelector": pods, **rules},
    }
