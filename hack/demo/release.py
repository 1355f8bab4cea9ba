"""How the demo and the end-to-end tests install the operator: the chart with the images `make images` built."""

from __future__ import annotations

import json

from hack.images.layout import RECORD

RELEASE = "realtimeapp-operator"
NAMESPACE = "realtimeapp-system"


def install_arguments() -> list[str]:
    """Arguments of helm: install, or upgrade to what was built last, and wait until it runs.

    The image's tag stays the same from build to build, so the pod carries what the image was made from in an
    annotation: another image makes another pod, the same one leaves it alone.
    """
    arguments = ["upgrade", "--install", RELEASE, "helm/realtimeapp-operator", "--namespace", NAMESPACE]
    arguments += ["--create-namespace", "--wait", "--timeout", "3m", "--values", "hack/demo/values.yaml"]
    if RECORD.exists():
        build = json.loads(RECORD.read_text())["operator"]["inputs"]
        arguments += ["--set-string", f"podAnnotations.realtimeapp\\.dev/build={build}"]
    return arguments
