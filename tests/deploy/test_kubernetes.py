"""deploy/kubernetes: kustomize builds the example, and each object is checked against the published schemas."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from awbridge.app.load_settings import load_configuration
from awbridge.domain.orders.shipment import State
from tests.support.absent import absent
from tests.support.deploy_tools import tool

pytestmark = pytest.mark.heavy

DEPLOY = Path(__file__).parents[2] / "deploy" / "kubernetes"
VERSIONS = ["1.30", "1.34", "1.37"]
SECRETS = {
    "database_url": "postgresql://awbridge:x@db.example.com/awbridge",
    "clickpost_key": "the-vendors-key",
    "api_keys": "a-key-of-the-api",
    "privacy_key": "makes-pseudonyms",
    "archive_options": "region=ap-south-1",
}

Object = Mapping[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of deploy/kubernetes in which the example's secrets are written."""
    copy = tmp_path_factory.mktemp("kubernetes") / "kubernetes"
    shutil.copytree(DEPLOY, copy)
    for name, value in SECRETS.items():
        (copy / "overlays" / "example" / "secrets" / name).write_text(value)
    return copy


@pytest.fixture(scope="module")
def objects(folder: Path) -> list[Object]:
    """What `kubectl apply -k` would send."""
    command = [tool("kubectl"), "kustomize", str(folder / "overlays" / "example")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), "kustomize also warns of what is outdated"
    return list(yaml.safe_load_all(done.stdout))


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def pods(objects: list[Object]) -> dict[str, Object]:
    """The template of each pod, by the name of what makes it."""
    return {n: one["spec"]["template"] for kind in ("Deployment", "Job") for n, one in of_kind(objects, kind).items()}


def labels_match(selector: Mapping[str, str], template: Object) -> bool:
    return selector.items() <= template["metadata"]["labels"].items()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_conforms_to_the_schemas(objects: list[Object], version: str) -> None:
    try:
        import kubernetes_validate
    except ModuleNotFoundError:
        absent("the schemas of Kubernetes are not installed (make tools)")
    for one in objects:
        kubernetes_validate.validate(one, version, strict=True)


def test_the_schemas_would_notice_a_typing_error(objects: list[Object]) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    wrong = {**of_kind(objects, "Service")["awbridge"], "spce": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_each_pod_satisfies_the_restricted_standard(objects: list[Object]) -> None:
    (namespace,) = of_kind(objects, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for template in pods(objects).values():
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["runAsUser"] == 10001, "the image's"
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {volume.keys() - {"name"} == {"emptyDir"} or "secret" in volume for volume in spec["volumes"]} == {True}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {"/data", "/tmp"}
        assert "memory" in container["resources"]["limits"]
        assert not spec["automountServiceAccountToken"]
        assert not spec["enableServiceLinks"], "they would set AWBRIDGE_PORT"
        assert spec["shareProcessNamespace"], "a SIGTERM that arrives early would be lost"


def test_each_secret_is_a_file_of_the_pod(objects: list[Object], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (secret_name,) = of_kind(objects, "Secret")
    (map_name, settings), *_ = of_kind(objects, "ConfigMap").items()
    given = settings["data"]
    for name, template in pods(objects).items():
        (container,) = template["spec"]["containers"]
        assert container["envFrom"] == [{"configMapRef": {"name": map_name}}], name
        (volume,) = (volume["secret"] for volume in template["spec"]["volumes"] if "secret" in volume)
        assert (volume["secretName"], volume["defaultMode"]) == (secret_name, 0o440)
        assert "env" not in container
    files = {value.rpartition("/")[2] for variable, value in given.items() if variable.endswith("_FILE")}
    assert files == set(SECRETS) == set(of_kind(objects, "Secret")[secret_name]["data"])
    for variable, value in given.items():
        here = str(folder / "overlays" / "example" / "secrets")
        monkeypatch.setenv(variable, value.replace("/run/secrets/awbridge", here))
    settings = load_configuration(strict=True).settings
    assert settings.clickpost_key.get_secret_value() == SECRETS["clickpost_key"]
    assert settings.drain_seconds == 10


def test_the_parts_find_each_other(objects: list[Object]) -> None:
    templates = pods(objects)
    (service,) = of_kind(objects, "Service").values()
    served = [n for n, template in templates.items() if labels_match(service["spec"]["selector"], template)]
    assert served == ["awbridge-serve"]
    ports = {
        p["name"]: p["containerPort"] for t in templates.values() for p in t["spec"]["containers"][0].get("ports", ())
    }
    assert service["spec"]["ports"][0]["targetPort"] in ports
    assert ports == {"http": 8000, "metrics": 9464}, "those of the image"
    for ingress in of_kind(objects, "Ingress").values():
        (rule,) = ingress["spec"]["rules"]
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            assert (backend["name"], backend["port"]["name"]) == ("awbridge", service["spec"]["ports"][0]["name"])
        assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]] == ["ship.acme.example"]
    for name, budget in of_kind(objects, "PodDisruptionBudget").items():
        matched = [n for n, t in templates.items() if labels_match(budget["spec"]["selector"]["matchLabels"], t)]
        assert matched == [name]
    accounts = {template["spec"]["serviceAccountName"] for template in templates.values()}
    assert accounts == set(of_kind(objects, "ServiceAccount"))


@pytest.mark.parametrize(
    ("path", "ingress"),
    [
        ("/webhooks/clickpost", "awbridge-webhook"),
        ("/webhooks/clickpost/a-key", "awbridge-webhook"),
        ("/a/india/webhooks/clickpost", "awbridge-webhook"),
        ("/a/gulf-2/webhooks/clickpost/a-key", "awbridge-webhook"),
        ("/a/india/v1/shipments", "awbridge"),
        ("/a/india/track/x", "awbridge"),
        ("/v1/shipments", "awbridge"),
    ],
)
def test_webhooks_of_every_account_have_the_times_of_webhooks(objects: list[Object], path: str, ingress: str) -> None:
    """As ingress-nginx matches where one Ingress of the host has use-regex: longer paths first, each as a regex."""
    ways: dict[str, str] = {
        way["path"]: name
        for name, one in of_kind(objects, "Ingress").items()
        for way in one["spec"]["rules"][0]["http"]["paths"]
    }
    taken = next(way for way in sorted(ways, key=len, reverse=True) if re.match(way, path, re.IGNORECASE))
    assert ways[taken] == ingress


def test_the_network_is_closed_but_for_what_is_named(objects: list[Object]) -> None:
    policies = of_kind(objects, "NetworkPolicy")
    for name, template in pods(objects).items():
        selecting = {
            n: p for n, p in policies.items() if labels_match(p["spec"]["podSelector"]["matchLabels"], template)
        }
        assert set(selecting) == {name, "awbridge-out"}
    dns = policies["awbridge-out"]["spec"]["egress"][0]["to"][0]["podSelector"]
    assert dns == {"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]}, (
        "kustomize adds labels to selectors, also to those of other people's pods"
    )
    assert "ingress" not in policies["awbridge-migrate"]["spec"], "nobody calls it"


def test_probes_ask_what_the_service_answers_and_the_end_has_time(objects: list[Object]) -> None:
    for name in ("awbridge-serve", "awbridge-work"):
        spec = pods(objects)[name]["spec"]
        (container,) = spec["containers"]
        paths = {
            probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
        ready = container["readinessProbe"]
        assert spec["terminationGracePeriodSeconds"] > 10 + 5 + 20
        assert name == "awbridge-work" or ready["periodSeconds"] * ready["failureThreshold"] < 10, "the drain is longer"
        assert container["args"] == [name.removeprefix("awbridge-")]


def test_the_autoscalers_use_metrics_that_there_are(objects: list[Object]) -> None:
    scalers = of_kind(objects, "HorizontalPodAutoscaler")
    deployments = of_kind(objects, "Deployment")
    assert {name: one["spec"]["scaleTargetRef"]["name"] for name, one in scalers.items()} == {n: n for n in deployments}
    assert not [name for name, one in deployments.items() if "replicas" in one["spec"]], "each apply would undo it"
    used = {
        (metric["external"]["metric"]["name"], *metric["external"]["metric"]["selector"]["matchLabels"].items())
        for metric in scalers["awbridge-work"]["spec"]["metrics"]
    }
    assert used == {("awbridge_inbox", ("stage", "due")), ("awbridge_shipments", ("state", "ready"))}
    assert "ready" in set(State)
    documented = (DEPLOY.parents[1] / "docs" / "reference" / "metrics.md").read_text()
    assert re.search(r"^\| `awbridge_inbox` \| gauge \| `stage`: .*`due`", documented, re.MULTILINE)
    assert re.search(r"^\| `awbridge_shipments` \| gauge \| `state`: .*`ready`", documented, re.MULTILINE)


def adapter_rules() -> Iterator[Mapping[str, Any]]:
    yield from yaml.safe_load((DEPLOY / "prometheus-adapter.yaml").read_text())["rules"]["external"]


def test_the_adapter_serves_them(objects: list[Object], tmp_path: Path) -> None:
    (rule,) = adapter_rules()
    (pattern,) = re.findall('__name__=~"(.+?)"', rule["seriesQuery"])
    for metric in of_kind(objects, "HorizontalPodAutoscaler")["awbridge-work"]["spec"]["metrics"]:
        name = metric["external"]["metric"]["name"]
        assert re.fullmatch(pattern, name)
        query = rule["metricsQuery"].replace("<<.Series>>", name).replace("<<.GroupBy>>", "namespace")
        query = query.replace("<<.LabelMatchers>>", 'namespace="awbridge",stage="due"')
        rules = tmp_path / "rules.yml"
        rules.write_text(yaml.safe_dump({"groups": [{"name": "a", "rules": [{"record": "a", "expr": query}]}]}))
        done = subprocess.run(
            [tool("promtool"), "check", "rules", str(rules)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_prometheus_accepts_the_scrape_configuration(tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus-scrape.yaml").read_text()
    key, file = tmp_path / "key", tmp_path / "prometheus.yml"
    key.write_text("x")
    # Debian's Prometheus is built without the discovery of Kubernetes; what is found passes the rest.
    discovery, static = "kubernetes_sd_configs:\n      - role: pod", "static_configs:\n      - targets: [a:1]"
    assert discovery in text
    file.write_text(text.replace("/run/secrets/awbridge_metrics_key", str(key)).replace(discovery, static))
    command = [tool("promtool"), "check", "config", "--syntax-only", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
