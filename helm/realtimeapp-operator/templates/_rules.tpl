{{/*
What the operator may do where it serves applications: the rules of the one ClusterRole, or of the Role in each listed
namespace. The reason of every verb is in docs/security.md.
*/}}
{{- define "realtimeapp-operator.rules.applications" -}}
- apiGroups: [realtimeapp.dev]
  resources: [realtimeapps]
  verbs: [get, list, watch]
- apiGroups: [realtimeapp.dev]
  resources: [realtimeapps/status]
  verbs: [patch]
- apiGroups: [realtimeapp.dev]
  resources: [realtimeapps/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, get, patch]
{{- end -}}

{{/* What exists once per cluster, in both modes. */}}
{{- define "realtimeapp-operator.rules.cluster" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list, watch]
{{- end -}}
