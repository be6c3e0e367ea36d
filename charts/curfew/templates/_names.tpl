{{- /* Curfew is there once per cluster, so its names are fixed. */ -}}

{{- define "curfew.labels" -}}
app.kubernetes.io/name: curfew
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "curfew.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "curfew.operator" -}}
system:serviceaccount:{{ .Release.Namespace }}:curfew-operator
{{- end }}

{{- /* kube-apiserver's own identity writes RBAC when it starts: whatever stands in its way then ends
it. See docs/architecture.md, "Nothing of ours can lock a cluster". */ -}}
{{- define "curfew.notLoopback" -}}
- name: not-the-api-server-itself
  expression: >-
    !(request.userInfo.username == 'system:apiserver'
    && 'system:masters' in request.userInfo.groups)
{{- end }}

{{- /* Labels, annotations, owners and finalizers are as they were: an owner that is not there would have
the garbage collector delete the object. */ -}}
{{- define "curfew.metadataStays" -}}
- expression: >-
    {{- range $index, $field := list "labels" "annotations" "ownerReferences" "finalizers" }}
    {{ if $index }}&& {{ end }}has(object.metadata.{{ $field }}) == has(oldObject.metadata.{{ $field }})
    && (!has(object.metadata.{{ $field }}) || object.metadata.{{ $field }} == oldObject.metadata.{{ $field }})
    {{- end }}
  reason: Forbidden
  message: "labels, annotations, ownerReferences and finalizers of this object stay as they are"
{{- end }}

{{- define "curfew.requesterFrom" -}}
{{- if ne .Values.requesterFrom "auto" -}}
{{ .Values.requesterFrom }}
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
policy
{{- else -}}
webhook
{{- end -}}
{{- end }}

{{- /* Arming is the operator's; an upgrade must not undo it. */ -}}
{{- define "curfew.armed" -}}
{{- $policy := "Ignore" -}}
{{- $there := lookup "admissionregistration.k8s.io/v1" "ValidatingWebhookConfiguration" "" "curfew" -}}
{{- range $entry := ($there.webhooks | default list) -}}
{{- if eq $entry.name "rbac-guard-see-runbook.curfew.dev" -}}{{- $policy = $entry.failurePolicy -}}{{- end -}}
{{- end -}}
{{ $policy }}
{{- end }}

{{- define "curfew.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "curfew.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "curfew.volumes" -}}
- name: account
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
- name: scratch
  emptyDir: {medium: Memory, sizeLimit: 16Mi}
{{- end }}

{{- define "curfew.mounts" -}}
- {name: account, mountPath: /var/run/secrets/curfew, readOnly: true}
- {name: scratch, mountPath: /tmp}
{{- end }}

{{- define "curfew.env" -}}
- {name: TMPDIR, value: /tmp}
- {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
{{- end }}
