"""The ServiceAccount of the application's pods: an identity without any permission and without a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_operator import names
from realtimeapp_operator.render.common import metadata

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render.facts import Manifest


def build_account(app: RealtimeApp) -> Manifest:
    """ServiceAccount of every pod that names no other."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(app, names.account(app.metadata.name), component=names.COMPONENT_WEB),
        "automountServiceAccountToken": False,
    }
