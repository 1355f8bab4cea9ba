"""What the reasons of the way in mean, and those of the autoscaler in front of the pods; merged in `explanations`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api.conditions import ConditionType
from realtimeapp_operator.api.explanation import APPLY, NOTHING, SUMMARY, explain
from realtimeapp_operator.api.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_operator.api.explanation import Explanation

_C = ConditionType
_HANDSHAKE: Final = (_C.WEBSOCKET_READY, *SUMMARY)

EDGE: Final[Mapping[Reason, Explanation]] = {
    Reason.INGRESS_CLASS_NOT_FOUND: explain(
        "The cluster has no IngressClass of the name in `ingress.className`.",
        "Correct the name (`kubectl get ingressclass`), or install the ingress controller.",
        _C.EDGE_READY,
        *SUMMARY,
    ),
    Reason.CONTROLLER_LIMITED: explain(
        "The ingress is there, but its controller is not one whose cookie affinity and timeouts the "
        "operator can set; `status.edge.unmet` lists what is not guaranteed.",
        "Set what is listed at the controller itself, or use a controller the operator knows (Traefik).",
        _C.EDGE_READY,
    ),
    Reason.HANDSHAKE_PENDING: explain(
        "The WebSocket through the ingress has not been tried yet since the last rollout.",
        "Wait: it is tried as soon as a web pod serves and the ingress has an address.",
        _C.WEBSOCKET_READY,
        _C.READY,
    ),
    Reason.HANDSHAKE_SUCCEEDED: explain(
        "A WebSocket was opened through the ingress, with its host and origin.", NOTHING, _C.WEBSOCKET_READY
    ),
    Reason.HOST_NOT_RESOLVED: explain(
        "The ingress has published no address the operator can use, and the first host does not resolve where it runs. "
        "Clients may well reach it.",
        "If they do not, create the DNS record of the host in the message. It is tried again by itself.",
        _C.WEBSOCKET_READY,
    ),
    Reason.EDGE_UNREACHABLE: explain(
        "The operator gets no connection to the ingress controller from where it runs. Clients may well get one.",
        "If they do not, look at the load balancer and the controller's Service. If they do, a firewall or "
        "NetworkPolicy keeps the operator from it, or set `ingress.websocketProbe.mode` to `Disabled`.",
        _C.WEBSOCKET_READY,
    ),
    Reason.TLS_FAILED: explain(
        "The operator does not trust the certificate of the first host, there is none for it, or whoever comes without TLS is "
        "redirected to https while no TLS is declared.",
        "Look at the Secret in `ingress.tls.secretName`: whether it has a certificate for the host that has not expired. "
        "A certificate of an authority of your own is not known to the operator. Where TLS ends before the ingress, "
        "`ingress.websocketProbe.mode: Disabled` ends the tries.",
        _C.WEBSOCKET_READY,
    ),
    Reason.ORIGIN_REFUSED: explain(
        "The handshake with the application's own origin is answered 403: the application takes it for foreign, or wants "
        "a signed-in user.",
        "Add the host to the list the application gives its OriginValidator, or use "
        "`AllowedHostsOriginValidator`; where an endpoint wants a user, name one that does not in "
        "`ingress.websocketProbe.path`.",
        *_HANDSHAKE,
    ),
    Reason.HOST_REFUSED: explain(
        "The handshake with the first host of the ingress is answered 400: the application does not accept the host.",
        "Add the host to `django.allowedHosts`, or leave that field out to accept the hosts of the ingress.",
        *_HANDSHAKE,
    ),
    Reason.PATH_NOT_FOUND: explain(
        "The path of the WebSocket is answered 404: the edge does not route it here, or the application has no such route.",
        "Correct `ingress.websocketPaths` (or `ingress.websocketProbe.path`) and the application's URLRouter until they "
        "agree, slashes included.",
        *_HANDSHAKE,
    ),
    Reason.NO_UPGRADE: explain(
        "The handshake is answered with a page or a redirect instead of a WebSocket.",
        "Look what stands between: a proxy that drops the Upgrade header, a redirect to a login or to https, "
        "or a path that the application serves over HTTP.",
        *_HANDSHAKE,
    ),
    Reason.EDGE_ERROR: explain(
        "The handshake is answered with an error of the edge or of the application (5xx).",
        "Look at the log of the ingress controller for the status in the message, then at that of the web pods.",
        *_HANDSHAKE,
    ),
    Reason.PODS_FULL: explain(
        "The handshake is answered 503 by a web pod that holds `web.connections.maxPerPod` connections.",
        "Raise `web.replicas` or `web.autoscaling.maxReplicas`, or `web.connections.maxPerPod` with the memory for it.",
        _C.WEBSOCKET_READY,
        _C.READY,
    ),
    Reason.KEDA_NOT_INSTALLED: explain(
        "`web.autoscaling.engine` is `KEDA` and the cluster does not know its ScaledObject; the number of web pods stays.",
        "Install KEDA, or set `web.autoscaling.engine` to `HorizontalPodAutoscaler`.",
        *APPLY,
    ),
    Reason.AUTOSCALER_REMAINS: explain(
        "An autoscaler that is being deleted does not go, because a finalizer keeps it. Nobody else writes the number of "
        "web pods before it is gone: a suspend waits, and so does `web.replicas`.",
        "Look whether the operator that takes the finalizer off runs: KEDA's, for a ScaledObject. If it is gone for good, "
        'take it off by hand: `kubectl patch scaledobject NAME --type=merge -p \'{"metadata":{"finalizers":null}}\'`.',
        *APPLY,
    ),
    Reason.METRIC_UNAVAILABLE: explain(
        "The autoscaler cannot read one of its metrics. The number of web pods is not lowered meanwhile.",
        "For connections look at the APIService v1beta1.external.metrics.k8s.io (the chart's "
        "`externalMetrics.enabled`), for CPU at v1beta1.metrics.k8s.io (metrics-server); the message has the "
        "autoscaler's words.",
        _C.DEGRADED,
    ),
}
"""Reasons of the edge, of the WebSocket that is opened through it, and of autoscaling."""
