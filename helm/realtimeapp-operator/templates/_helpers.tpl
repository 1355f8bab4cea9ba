{{- define "realtimeapp-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 52 characters: room for the longest suffix, "-namespaced", within 63. */}}
{{- define "realtimeapp-operator.fullname" -}}
{{- $name := include "realtimeapp-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "realtimeapp-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "realtimeapp-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "realtimeapp-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "realtimeapp-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: realtimeapp
{{- end -}}

{{- define "realtimeapp-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "realtimeapp-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name must name an existing ServiceAccount when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "realtimeapp-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository .Values.image.tag -}}
{{- end -}}
{{- end -}}

{{- define "realtimeapp-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "realtimeapp-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* Leads to the one replica that works; its endpoints are written by that replica. */}}
{{- define "realtimeapp-operator.leaderService" -}}
{{- printf "%s-leader" (include "realtimeapp-operator.fullname" .) -}}
{{- end -}}

{{/* Name of the Secret, and with cert-manager of the Certificate, the external metrics API is served with. */}}
{{- define "realtimeapp-operator.certificate" -}}
{{- printf "%s-external-metrics" (include "realtimeapp-operator.fullname" .) -}}
{{- end -}}
