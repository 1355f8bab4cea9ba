"""The recorder as objects of the cluster, and the Secrets that lead the notice board's boto3 to it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hack.examples.aws.certificate import issue
from hack.examples.aws.recorder import PORT, TLS

if TYPE_CHECKING:
    from hack.examples.driver import Object

NAME: Final = "aws"
REGION: Final = "eu-west-1"
"""As in examples/aws-websockets.yaml."""
GATEWAY_SECRET: Final = "notices-gateway"  # noqa: S105 - the name of a Secret
IMAGE: Final = "localhost/realtimeapp-base:dev"
_LABELS: Final = {"app.kubernetes.io/name": NAME}
_PROGRAM: Final = "/etc/recorder/program"


def build_objects() -> list[Object]:
    """Everything that plays AWS in a namespace, with credentials and certificates made for this run."""
    certificate = issue(f"*.execute-api.{REGION}.amazonaws.com")
    program = Path(__file__).with_name("recorder.py").read_text()
    return [
        _secret(GATEWAY_SECRET, {"secret": secrets.token_hex(24)}),
        _secret(
            "notices-aws",
            {
                "AWS_ACCESS_KEY_ID": f"AKIA{secrets.token_hex(8).upper()}",
                "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
                "AWS_CA_BUNDLE": "/etc/aws-ca/ca.crt",
                "HTTPS_PROXY": f"http://{NAME}:{PORT}",
            },
        ),
        _secret("notices-aws-ca", {"ca.crt": certificate.authority}),
        _secret(f"{NAME}-tls", {"tls.crt": certificate.certificate, "tls.key": certificate.key}),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{NAME}-program"},
            "data": {"recorder.py": program},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME},
            "spec": {"selector": _LABELS, "ports": [{"port": PORT, "targetPort": PORT}]},
        },
        _build_deployment(),
    ]


def _secret(name: str, values: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def _build_deployment() -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _LABELS},
            "template": {
                "metadata": {"labels": _LABELS},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 1,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 10001,
                        "runAsGroup": 10001,
                        "fsGroup": 10001,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [_build_container()],
                    "volumes": [
                        {"name": "program", "configMap": {"name": f"{NAME}-program"}},
                        {"name": "tls", "secret": {"secretName": f"{NAME}-tls", "defaultMode": 0o440}},
                    ],
                },
            },
        },
    }


def _build_container() -> Object:
    return {
        "name": "recorder",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-B", f"{_PROGRAM}/recorder.py"],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "program", "mountPath": _PROGRAM, "readOnly": True},
            {"name": "tls", "mountPath": str(TLS), "readOnly": True},
        ],
    }
