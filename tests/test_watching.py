"""deploy/prometheus, deploy/grafana and docs/runbooks agree with each other and with what /metrics shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.orders.attention import Need
from awbridge.steps.runtime import meters
from awbridge.web.monitoring.metric_list import METRICS, OF_ACCOUNTS, Count, Gauge
from tests.support.absent import absent
from tests.support.app import Web, web_on
from tests.support.stores import sqlite_only

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ["What it means", "What to look at", "What to do"]

_NAME = re.compile(r"\b(?:awbridge_\w+|process_\w+|up)\b")
_SELECTOR = re.compile(r"\b(awbridge_\w+)\{([^}]*)\}")


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    file = yaml.safe_load((PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in file["groups"] for rule in group["rules"]]


def queries(dashboard: Path) -> list[str]:
    """Every expression of a dashboard, with those of its variables."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            fields = cast("dict[str, object]", node)
            found.extend(str(fields[name]) for name in ("expr", "query") if isinstance(fields.get(name), str))
            for child in fields.values():
                walk(child)
        elif isinstance(node, list):
            for child in cast("list[object]", node):
                walk(child)

    walk(json.loads(dashboard.read_text(encoding="utf-8")))
    return found


def names_in(expressions: Iterable[str]) -> set[str]:
    return {name for text in expressions for name in _NAME.findall(re.sub(r'"[^"]*"', '""', text))}


@sqlite_only
async def test_dashboards_and_alerts_use_only_metrics_that_exist(store: Any) -> None:
    async with web_on(store) as web:
        shown = await everything_shown(web)
    assert DASHBOARDS
    used = names_in([rule["expr"] for rule in rules()] + [q for file in DASHBOARDS for q in queries(file)])
    assert len(used) > 30
    assert used - shown == {"up"}, "Prometheus itself makes `up`"


@sqlite_only
async def test_a_scrape_has_the_metrics_that_are_listed_with_their_labels(store: Any) -> None:
    async with web_on(store) as web:
        text = (await web.http.get("/metrics")).text
    kinds = {Gauge: "gauge", Count: "counter"}
    listed = {one.name: (kinds[type(one)], {one.label: one.values} if one.label else {}) for one in METRICS}
    listed |= {meter.name: ("counter", meter.label_values) for meter in meters.METERS}
    listed |= {one.name: ("histogram", dict.fromkeys(one.labels, ())) for one in meters.DURATIONS}
    shown = [f for f in text_string_to_metric_families(text) if f.name.startswith("awbridge_")]
    assert len(shown) > 40
    for family in shown:
        kind, labels = listed[family.name]
        assert family.type == kind
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(labels), family.name
            for label, values in labels.items():
                assert not values or sample.labels[label] in values, family.name


async def everything_shown(web: Web) -> set[str]:
    """The names of all samples that a process can show, also of those that have none yet."""
    text = (await web.http.get("/metrics")).text
    shown: set[str] = set()
    for family in text_string_to_metric_families(text):
        shown |= {family.name, *(sample.name for sample in family.samples)}
        shown |= {f"{family.name}_total"} if family.type == "counter" else set()
    for histogram in meters.DURATIONS:
        shown |= {f"{histogram.name}_{part}" for part in ("bucket", "count", "sum")}
    shown |= {metric.name for metric in OF_ACCOUNTS}  # absent without accounts beside the home
    # Absent until polling has covered a window, a webhook came, and a backup was due.
    return shown | {"awbridge_catch_up_lag_seconds", "awbridge_webhook_silence_seconds", "awbridge_backup_age_seconds"}


def test_alerts_select_by_labels_and_values_that_exist() -> None:
    labels = {meter.name: set(meter.labels) for meter in meters.METERS}
    for rule in rules():
        for name, selector in _SELECTOR.findall(rule["expr"]):
            chosen = dict(re.findall(r'(\w+)=~?"([^"]*)"', selector))
            if meter := labels.get(name.removesuffix("_total")):
                assert set(chosen) <= meter, rule["alert"]
            if name == "awbridge_needs_attention":
                assert chosen["kind"] in list(Need), rule["alert"]


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    alerts = {rule["alert"]: rule["annotations"]["runbook"] for rule in rules()}
    causes = {cause.value for cause in AlarmCause}
    named: dict[str, str] = {}
    for page in sorted(RUNBOOKS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        about = set(re.findall(r"`([\w.]+)`", text.splitlines()[2]))
        assert about, f"{page.name} names no alarm"
        assert about <= causes | set(alerts), page.name
        assert not about & set(named), f"{page.name} is about the same as {named}"
        named |= dict.fromkeys(about, f"docs/runbooks/{page.name}")
    assert set(named) == causes | set(alerts)
    assert {alert: named[alert] for alert in alerts} == alerts


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_every_runbook_has_the_same_form_and_a_command(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert "\n```sh\nawbridge " in text


def test_the_page_of_alarms_lists_every_runbook() -> None:
    page = (ROOT / "docs/how-to/operate/alarms.md").read_text("utf-8")
    listed = dict(re.findall(r"\| \[`([\w.]+)`\]\(../../runbooks/(\w+)\.md\)", page))
    assert {rule["alert"] for rule in rules()} <= set(listed)
    kinds = {name: name.removesuffix(".ID").removesuffix(".KEY").removesuffix(".NAME") for name in listed}
    assert {cause.value for cause in AlarmCause} <= set(kinds.values())
    assert set(listed.values()) == {page.stem for page in RUNBOOKS.glob("*.md")}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which("promtool")
    if found is None:
        missing = "promtool is not installed (apt-get install prometheus)"
        absent(missing)
    return subprocess.run([found, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)


def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    checked = promtool("check", "rules", "rules.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout
    checked = promtool("check", "config", "--syntax-only", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_promtool_understands_every_query_of_the_dashboards(tmp_path: Path) -> None:
    found = [q for file in DASHBOARDS for q in queries(file) if names_in([q]) and not q.startswith("label_values(")]
    texts = [q.replace("$__rate_interval", "5m").replace("$instance", ".*") for q in found]
    records = [{"record": f"query:{n}", "expr": text} for n, text in enumerate(texts)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": records}]}), encoding="utf-8")
    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(found)} rules found" in checked.stdout


def test_every_alert_fires_when_it_should_and_none_in_good_health() -> None:
    tested = yaml.safe_load((PROMETHEUS / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tested for case in test["alert_rule_test"]]
    alerts = {rule["alert"] for rule in rules()}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == alerts
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == alerts
    done = promtool("test", "rules", "rules_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
