{{- define "spark-eci-webhook.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Names of objects. With 40 characters there is room for the longest suffix, "-certificate-controller", in a DNS label. */}}
{{- define "spark-eci-webhook.fullname" -}}
{{- $name := include "spark-eci-webhook.name" . }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- /* The namespace of all objects but those that belong in others. */}}
{{- define "spark-eci-webhook.namespace" -}}
{{ default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "spark-eci-webhook.controllerName" -}}
{{ include "spark-eci-webhook.fullname" . }}-certificate-controller
{{- end }}

{{- /* The name of the overflow controller's objects, and of its Lease. */}}
{{- define "spark-eci-webhook.overflowName" -}}
{{ include "spark-eci-webhook.fullname" . }}-overflow
{{- end }}

{{- define "spark-eci-webhook.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "spark-eci-webhook.instanceLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The annotations of an object, with the key before them; empty if there are none. Takes a list: the root, the object's own. */}}
{{- define "spark-eci-webhook.annotations" -}}
{{- with merge (dict) (default dict (last .)) (default dict (first .).Values.commonAnnotations) -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "spark-eci-webhook.instanceLabels" -}}
app.kubernetes.io/name: {{ include "spark-eci-webhook.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "spark-eci-webhook.selectorLabels" -}}
{{ include "spark-eci-webhook.instanceLabels" . }}
app.kubernetes.io/component: webhook
{{- end }}

{{- define "spark-eci-webhook.controllerSelectorLabels" -}}
{{ include "spark-eci-webhook.instanceLabels" . }}
app.kubernetes.io/component: certificate-controller
{{- end }}

{{- define "spark-eci-webhook.overflowSelectorLabels" -}}
{{ include "spark-eci-webhook.instanceLabels" . }}
app.kubernetes.io/component: overflow
{{- end }}

{{- define "spark-eci-webhook.podLabels" -}}
{{ merge (dict) (include "spark-eci-webhook.selectorLabels" . | fromYaml) (default dict .Values.podLabels) (default dict .Values.commonLabels) | toYaml }}
{{- end }}

{{- define "spark-eci-webhook.controllerPodLabels" -}}
{{ merge (dict) (include "spark-eci-webhook.controllerSelectorLabels" . | fromYaml) (default dict .Values.certificates.controller.podLabels) (default dict .Values.commonLabels) | toYaml }}
{{- end }}

{{- define "spark-eci-webhook.overflowPodLabels" -}}
{{ merge (dict) (include "spark-eci-webhook.overflowSelectorLabels" . | fromYaml) (default dict .Values.overflow.podLabels) (default dict .Values.commonLabels) | toYaml }}
{{- end }}

{{- define "spark-eci-webhook.serviceAccountName" -}}
{{- default (include "spark-eci-webhook.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "spark-eci-webhook.controllerServiceAccountName" -}}
{{- default (include "spark-eci-webhook.controllerName" .) .Values.certificates.controller.serviceAccount.name }}
{{- end }}

{{- define "spark-eci-webhook.overflowServiceAccountName" -}}
{{- default (include "spark-eci-webhook.overflowName" .) .Values.overflow.serviceAccount.name }}
{{- end }}

{{- define "spark-eci-webhook.caSecretName" -}}
{{ include "spark-eci-webhook.fullname" . }}-ca
{{- end }}

{{- define "spark-eci-webhook.servingSecretName" -}}
{{- if eq .Values.certificates.source "provided" }}
{{- .Values.certificates.provided.secretName }}
{{- else }}
{{- include "spark-eci-webhook.fullname" . }}-tls
{{- end }}
{{- end }}

{{- define "spark-eci-webhook.dnsName" -}}
{{ include "spark-eci-webhook.fullname" . }}.{{ include "spark-eci-webhook.namespace" . }}.svc
{{- end }}

{{- /* Not empty if a repository names a registry: as in image references, that has a dot or a colon, or is localhost. */}}
{{- define "spark-eci-webhook.namesRegistry" -}}
{{- if regexMatch `^([^/]*[.:][^/]*|localhost)/` . }}yes{{ end }}
{{- end }}

{{- /* The repository of the image. The registry of all charts is put before one that names none. */}}
{{- define "spark-eci-webhook.repository" -}}
{{- $registry := (default dict .Values.global).imageRegistry }}
{{- if and $registry (not (include "spark-eci-webhook.namesRegistry" .Values.image.repository)) }}{{ trimSuffix "/" $registry }}/{{ end }}{{ .Values.image.repository }}
{{- end }}

{{- define "spark-eci-webhook.image" -}}
{{- $repository := include "spark-eci-webhook.repository" . }}
{{- with .Values.image }}
{{- if .digest }}{{ $repository }}@{{ .digest }}{{ else }}{{ $repository }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}

{{- define "spark-eci-webhook.kubeVersion" -}}
{{- default .Capabilities.KubeVersion.Version .Values.kubeVersion }}
{{- end }}

{{- /* The mode whose pods wait for the overflow controller. */}}
{{- define "spark-eci-webhook.waitingMode" -}}
ecs-then-eci
{{- end }}

{{- /* The profiles by name, without those that are null. With the overflow controller they include the profile of its mode, merged with the values as Helm merges the others. */}}
{{- define "spark-eci-webhook.profiles" -}}
{{- $mode := include "spark-eci-webhook.waitingMode" . }}
{{- $profiles := dict }}
{{- range $name, $profile := .Values.policy.profiles }}
{{- if not (kindIs "invalid" $profile) }}{{ $profiles = set $profiles $name $profile }}{{ end }}
{{- end }}
{{- $removed := and (hasKey .Values.policy.profiles $mode) (not (hasKey $profiles $mode)) }}
{{- if and .Values.overflow.enabled (not $removed) }}
{{- $built := dict $mode (dict "driver" (dict "mode" $mode) "executor" (dict "mode" $mode)) }}
{{- $profiles = merge (deepCopy $profiles) $built }}
{{- end }}
{{- toYaml $profiles }}
{{- end }}

{{- /* Whether pods of the default profile may wait for the overflow controller: "true", or nothing. */}}
{{- define "spark-eci-webhook.defaultProfileWaits" -}}
{{- $waits := false }}
{{- $profile := get (include "spark-eci-webhook.profiles" . | fromYaml) (default "" .Values.webhook.defaultProfile) | default dict }}
{{- range $role := list "driver" "executor" }}
{{- $rule := default dict (get $profile $role) }}
{{- range concat (list $rule (default dict $rule.first)) (default list $rule.mix) }}
{{- if eq (default "" .mode) (include "spark-eci-webhook.waitingMode" $) }}{{ $waits = true }}{{ end }}
{{- end }}
{{- end }}
{{- if $waits }}true{{ end }}
{{- end }}

{{- /* The policy file. A change of its checksum restarts the pods. */}}
{{- define "spark-eci-webhook.policy" -}}
{{- $selector := pick .Values.policy.selector (ternary "anyOf" "matchLabels" (not (empty .Values.policy.selector.anyOf))) }}
{{- $policy := merge (dict "selector" $selector "profiles" (include "spark-eci-webhook.profiles" . | fromYaml)) (omit .Values.policy "selector" "profiles") }}
{{- if .Values.overflow.enabled }}{{ $policy = set $policy "overflow" dict }}{{ end }}
{{- toYaml $policy }}
{{- end }}

{{- /* The tolerations by which a pod is opened, below the key `tolerations`: one for each taint of the virtual node. */}}
{{- define "spark-eci-webhook.opening" -}}
{{- $found := list }}
{{- range default (list (dict "key" "virtual-kubelet.io/provider" "value" "alibabacloud")) (default dict .Values.policy.virtualNode).taints }}
{{- $toleration := dict "key" .key "operator" (ternary "Equal" "Exists" (hasKey . "value")) "effect" (default "NoSchedule" .effect) }}
{{- with .value }}{{ $toleration = set $toleration "value" . }}{{ end }}
{{- $found = append $found $toleration }}
{{- end }}
{{- dict "tolerations" $found | toYaml }}
{{- end }}

{{- /* The alternatives of the selector, below the key `alternatives`: for each the labels with their values, the labels with any value, and the roles. */}}
{{- define "spark-eci-webhook.alternatives" -}}
{{- $known := .Files.Get "files/selectors.yaml" | fromYaml }}
{{- $found := list }}
{{- range .Values.policy.selector.anyOf }}
{{- $found = append $found (ternary (dict "matchLabels" (get (default dict (ternary . dict (kindIs "map" .))) "matchLabels") "exists" list "roles" $known.allRoles) (get $known.alternatives (toString .)) (kindIs "map" .)) }}
{{- end }}
{{- if not $found }}
{{- $found = list (dict "matchLabels" (default dict .Values.policy.selector.matchLabels) "exists" list "roles" $known.roles) }}
{{- end }}
{{- dict "alternatives" $found | toYaml }}
{{- end }}

{{- /* The objectSelector: exact for one alternative. Of several, which labels cannot express, it requires what all of them require. */}}
{{- define "spark-eci-webhook.objectSelector" -}}
{{- $alternatives := (include "spark-eci-webhook.alternatives" . | fromYaml).alternatives }}
{{- $one := eq (len $alternatives) 1 }}
{{- $first := first $alternatives }}
{{- $roles := list }}
{{- range $alternatives }}{{ $roles = concat $roles .roles | uniq }}{{ end }}
{{- $expressions := list }}
{{- range $key := concat (keys $first.matchLabels) $first.exists | sortAlpha }}
{{- $all := true }}
{{- $any := false }}
{{- $values := list }}
{{- range $alternatives }}
{{- if has $key .exists }}{{ $any = true }}
{{- else if hasKey .matchLabels $key }}{{ $values = append $values (get .matchLabels $key) | uniq }}
{{- else }}{{ $all = false }}{{ end }}
{{- end }}
{{- if and $all $any }}
{{- $expressions = append $expressions (dict "key" $key "operator" "Exists") }}
{{- else if and $all (not $one) }}
{{- $expressions = append $expressions (dict "key" $key "operator" "In" "values" $values) }}
{{- end }}
{{- end }}
{{- $expressions = append $expressions (dict "key" "spark-role" "operator" "In" "values" $roles) }}
{{- $labels := ternary (dict "matchLabels" $first.matchLabels) dict (and $one (not (empty $first.matchLabels))) }}
{{- merge $labels (dict "matchExpressions" $expressions) | toYaml }}
{{- end }}

{{- /* A CEL expression for several alternatives; empty for one, which the objectSelector expresses. It is short, because each profile has it. */}}
{{- define "spark-eci-webhook.matchCondition" -}}
{{- $alternatives := (include "spark-eci-webhook.alternatives" . | fromYaml).alternatives }}
{{- if gt (len $alternatives) 1 }}
{{- $all := list }}
{{- range $alternatives }}
{{- $parts := list }}
{{- range $key, $value := .matchLabels }}
{{- $parts = append $parts (printf "'%s' in l && l['%s'] == '%s'" $key $key $value) }}
{{- end }}
{{- range .exists }}{{ $parts = append $parts (printf "'%s' in l" .) }}{{ end }}
{{- $parts = append $parts (printf "l['spark-role'] in ['%s']" (join "', '" .roles)) }}
{{- $all = append $all (printf "(%s)" (join " && " $parts)) }}
{{- end }}
{{- printf "has(object.metadata.labels) && [object.metadata.labels].exists(l, 'spark-role' in l && (%s))" (join " || " $all) }}
{{- end }}
{{- end }}

{{- /* Takes PEM or base64 of PEM, in one line or many. Gives base64 of PEM. */}}
{{- define "spark-eci-webhook.caBundle" -}}
{{- $given := default "" .Values.certificates.provided.caBundle | trim }}
{{- ternary (b64enc $given) (regexReplaceAll `\s` $given "") (contains "-----BEGIN CERTIFICATE-----" $given) }}
{{- end }}

{{- /* The fields that all pods of the chart share. */}}
{{- define "spark-eci-webhook.podDefaults" -}}
enableServiceLinks: false
{{- $secrets := list }}
{{- /* Other charts of an umbrella may want names in place of objects there. */}}
{{- range concat (default list (default dict .Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) }}
{{- $secrets = append $secrets (ternary . (dict "name" .) (kindIs "map" .)) }}
{{- end }}
{{- with uniq $secrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "spark-eci-webhook.containerDefaults" -}}
image: {{ include "spark-eci-webhook.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Requests and limits, with each quantity as the string that the API server makes of a number. Server-side apply to 1.20 refuses numbers. */}}
{{- define "spark-eci-webhook.resources" -}}
{{- $found := dict }}
{{- range $kind, $quantities := . }}
{{- $texts := dict }}
{{- range $name, $quantity := $quantities }}
{{- $texts = set $texts $name (ternary $quantity (toJson $quantity) (kindIs "string" $quantity)) }}
{{- end }}
{{- $found = set $found $kind $texts }}
{{- end }}
{{- toYaml $found }}
{{- end }}

{{- /* The resources of the service's container: with the page, each entry of its own takes the place of the same one. */}}
{{- define "spark-eci-webhook.serviceResources" -}}
{{- $found := deepCopy (default dict .Values.resources) }}
{{- if .Values.page.enabled }}{{ $found = mergeOverwrite $found (deepCopy (default dict .Values.page.resources)) }}{{ end }}
{{- toYaml $found }}
{{- end }}

{{- /* Whether ResourcePolicies are rendered: the cluster serves them, or the values say so. */}}
{{- define "spark-eci-webhook.rendersResourcePolicies" -}}
{{- $served := .Capabilities.APIVersions.Has "scheduling.alibabacloud.com/v1alpha1/ResourcePolicy" }}
{{- if or (eq .Values.resourcePolicies.render "always") (and (eq .Values.resourcePolicies.render "auto") $served) }}true{{ end }}
{{- end }}

{{- /* Where the pods of a component run. Takes a list: the root, the values of the component. */}}
{{- define "spark-eci-webhook.scheduling" -}}
{{- $global := default dict (first .).Values.global }}
{{- $values := last . }}
{{- with default $global.nodeSelector $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat (default list $global.tolerations) (default list $values.tolerations) | uniq }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $global.priorityClassName $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}

{{- /* How the replicas of a component are spread. Takes a list: the root, the values of the component, the name of the template of its selector labels. */}}
{{- define "spark-eci-webhook.spread" -}}
{{- $root := index . 0 }}
{{- $values := index . 1 }}
{{- $labels := include (index . 2) $root | fromYaml }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- else }}
{{- if $root.Values.antiAffinity.enabled }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- toYaml $labels | nindent 14 }}
{{- end }}
{{- end }}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- else }}
{{- if $root.Values.topologySpread.enabled }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- toYaml $labels | nindent 8 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The annotations of pods that read the policy: a change of it restarts them. Takes a list: the root, the pods' own annotations. */}}
{{- define "spark-eci-webhook.policyAnnotations" -}}
{{- merge (dict "checksum/policy" (include "spark-eci-webhook.policy" (first .) | sha256sum)) (default dict (last .)) | toYaml }}
{{- end }}

{{- /* The address families of a Service. */}}
{{- define "spark-eci-webhook.families" -}}
{{- with .Values.service.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .Values.service.ipFamilies }}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
