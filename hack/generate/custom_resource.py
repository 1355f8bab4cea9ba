"""The CRD as a manifest and as a template of the chart, and its schema for editors and kubeconform."""

from __future__ import annotations

import json
from typing import Any

import yaml

from realtimeapp_operator import names
from realtimeapp_operator.api import crd

HEADER = "# Generated from operator/realtimeapp_operator/api by `make generate`; edit the models instead.\n"
WIDTH = 110


def build_manifest() -> str:
    """The CRD, to be applied as it is."""
    return HEADER + _dump(crd.build_crd())


def build_chart_template() -> str:
    """The CRD for helm: behind `crds.enabled`, and kept on uninstall while `crds.keep` is set."""
    manifest = crd.build_crd()
    spec = _dump({"spec": manifest["spec"]})
    if "{{" in spec:
        raise ValueError("a description or rule has '{{', which helm would take for its own")
    return f"""{HEADER}{{{{- if .Values.crds.enabled }}}}
apiVersion: {manifest["apiVersion"]}
kind: {manifest["kind"]}
metadata:
  name: {manifest["metadata"]["name"]}
  labels:
    {{{{- include "realtimeapp-operator.labels" . | nindent 4 }}}}
  {{{{- if .Values.crds.keep }}}}
  annotations:
    helm.sh/resource-policy: keep
  {{{{- end }}}}
{spec}{{{{- end }}}}
"""


def build_editor_schema() -> str:
    """JSON schema of a whole manifest, with the patterns the CRD has as rules."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"{names.KIND} {names.API_VERSION}",
        **crd.build_editor_schema(),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _dump(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=WIDTH)
