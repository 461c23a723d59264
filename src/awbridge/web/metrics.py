"""The metrics of the tables, the loops and this process, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.steps.polling.watch import Coverage, coverage
from awbridge.store.audit import figures, samples
from awbridge.store.audit.figures import Figures
from awbridge.store.backup.backups import backup_state
from awbridge.store.engine.shared_time import SHARED_TIME
from awbridge.web.counted import Counted
from awbridge.web.dependencies import ApiContext, ProcessContext
from awbridge.web.http.limits import ConnectionState


@dataclass(frozen=True, kw_only=True, eq=False)
class _Metrics(Collector):
    figures: Figures
    now: datetime
    age: float  # seconds since the figures were counted
    covered: Coverage
    backup_age: timedelta | None
    process: ProcessContext

    def collect(self) -> Iterable[Metric]:
        """All metrics, with their current values."""
        yield from _shipments(self.figures)
        yield from _accounts(self.figures)
        yield from _backlog(self.figures)
        text = "Seconds since the shipments and the backlog were counted; 0 if in this request."
        yield GaugeMetricFamily("awbridge_figures_age_seconds", text, self.age)
        text = "Seconds that the longest due work of a step has waited; 0 if none is due."
        since = {step: at or self.now for step, at in self.figures.waiting_since.items()}
        waited = {step: max((self.now - at).total_seconds(), 0.0) for step, at in since.items()}
        yield _by("awbridge_oldest_due_seconds", text, "step", waited)
        if self.backup_age is not None:
            text = "Seconds since the newest backup was taken, or since the first one was due."
            yield GaugeMetricFamily("awbridge_backup_age_seconds", text, self.backup_age.total_seconds())
        yield from _process(self.process)
        yield from _coverage(self.covered)


def _shipments(figures: Figures) -> Iterable[Metric]:
    needs = {need.value: number for need, number in figures.needs.items()}
    yield _by("awbridge_needs_attention", "What needs a person or is worth watching, by kind.", "kind", needs)
    text = "Share of refusals among the orders that ClickPost recently decided."
    yield GaugeMetricFamily("awbridge_refused_share", text, figures.refusals.share)
    text = "Shipments by state, except placed and cancelled ones."
    yield _by("awbridge_shipments", text, "state", figures.shipments)
    text = "Placed shipments without a final status."
    yield GaugeMetricFamily("awbridge_shipments_on_their_way", text, figures.on_their_way)
    text = "Placed shipments without a final status whose expected date cannot be read."
    yield GaugeMetricFamily("awbridge_shipments_unreadable_edd", text, figures.unreadable_dates)
    yield _by("awbridge_cancels", "Cancellations at ClickPost by state.", "stage", figures.cancels)
    yield _by("awbridge_actions", "Actions by state, except completed ones.", "state", figures.actions)


def _accounts(figures: Figures) -> Iterable[Metric]:
    held = figures.held
    reasons = {r: sum(h.kind == r for h in held.values()) for r in ("account", "breaker", "downtime")}
    text = "Courier accounts whose shipments are held, by reason."
    yield _by("awbridge_accounts_held", text, "reason", reasons)
    waiting = {account: figures.waiting.get(account, 0) for account in held}
    text = "Shipments that wait in a held courier account."
    yield _by("awbridge_account_shipments_held", text, "account", waiting)
    warnings = {k: figures.courier_warnings.get(k, 0) for k in ("inactive", "vanished", "renamed")}
    text = "Courier accounts in use for which orders would fail."
    yield _by("awbridge_courier_warnings", text, "kind", warnings)


def _backlog(figures: Figures) -> Iterable[Metric]:
    yield _by("awbridge_inbox", "Deliveries in the inbox by stage, except applied ones.", "stage", figures.inbox)
    text = "Scans of the last day whose time was in the future; they count as of their arrival."
    yield GaugeMetricFamily("awbridge_scans_ahead", text, figures.scans_ahead)
    text = "Messages to customers by state, except sent and suppressed ones."
    yield _by("awbridge_notices", text, "state", figures.notices)
    text = "Events to endpoints by state, except delivered ones."
    yield _by("awbridge_event_deliveries", text, "state", figures.events_by_state)
    yield GaugeMetricFamily("awbridge_alarms", "Raised alarms.", figures.alarms)
    filed = {"open": figures.archive_open}
    yield _by("awbridge_archive_files", "Files of failed calls that are not archived yet.", "state", filed)
    text = "Approximate rows of the large tables, from the database's statistics."
    yield _by("awbridge_rows", text, "table", figures.sizes)


def _process(process: ProcessContext) -> Iterable[Metric]:
    dropped = CounterMetricFamily("awbridge_calls_dropped", "Failed calls that could not be recorded.")
    dropped.add_metric([], process.recorder.dropped if process.recorder else 0)
    yield dropped
    yield from _served(process)
    text = "Seconds by which this machine's clock is ahead of the database's, which is authoritative."
    yield GaugeMetricFamily("awbridge_clock_skew_seconds", text, SHARED_TIME.skew)
    silent = {loop.name: loop.silent_for for loop in process.loops}
    yield _by("awbridge_step_silent_seconds", "Seconds since a step last finished a round.", "step", silent)
    text = "Rounds of a step that failed in a row; 0 after one that succeeded."
    yield _by("awbridge_step_failures", text, "step", {loop.name: loop.failures for loop in process.loops})
    text = "Calls to ClickPost that a step of this process may have in flight now; it adapts to the answers."
    limits = {loop.name: loop.concurrency() for loop in process.loops if loop.concurrency}
    yield _by("awbridge_step_concurrency", text, "step", limits)


def _served(process: ProcessContext) -> Iterable[Metric]:
    """What a process with the web server answered, and its connections."""
    if process.webhook is None or process.connections is None:
        return
    answered = CounterMetricFamily("awbridge_webhooks", "Webhooks answered by this process.", labels=["status"])
    for status, count in process.webhook.counts.items():
        answered.add_metric([str(status)], count)
    yield answered
    by_state = {state.name.lower(): process.connections.count(state) for state in ConnectionState}
    yield _by("awbridge_http_connections", "Connections of clients to this process.", "state", by_state)
    text = "Requests refused and connections closed early by this process."
    refused = CounterMetricFamily("awbridge_http_refused", text, labels=["reason"])
    for reason, count in process.connections.refused.items():
        refused.add_metric([reason], count)
    yield refused


def _coverage(covered: Coverage) -> Iterable[Metric]:
    """Coverage of updated-order, silence of webhooks, and the share of each courier's scans that come by webhook."""
    if covered.lag is not None:
        text = "Seconds by which complete coverage of updated-order lags behind now."
        yield GaugeMetricFamily("awbridge_catch_up_lag_seconds", text, covered.lag.total_seconds())
    if covered.webhook_silence is not None:
        text = "Seconds since the last webhook that could be parsed."
        yield GaugeMetricFamily("awbridge_webhook_silence_seconds", text, covered.webhook_silence.total_seconds())
    text = "1 while no webhooks arrive although polling finds scans."
    yield GaugeMetricFamily("awbridge_webhooks_silent", text, AlarmCause.WEBHOOKS_SILENT in covered.alarms)
    shares = {str(courier): counts.share for courier, counts in covered.day.items() if counts.share is not None}
    text = "Share of a courier's new scans of the last day that came by webhook."
    yield _by("awbridge_webhook_share", text, "courier", shares)
    text = "Shipments that are no longer polled, for lack of updates."
    yield GaugeMetricFamily("awbridge_shipments_silent", text, covered.silent_shipments)


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """A gauge with one label."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


async def metrics_text(api: ApiContext, process: ProcessContext) -> bytes:
    """The response of GET /metrics. A large backlog is counted in the background."""
    now = api.clock()
    async with api.store.read() as session:
        sample = await samples.large(session, now=now)
        backup_age = (await backup_state(session)).age(now)
        current = sample.figures if sample else await figures.read(session, now=now, stuck_after=api.stuck_after)
    age = (now - sample.sampled_at).total_seconds() if sample else 0.0
    covered = await coverage(store=api.store, clock=api.clock, back=timedelta(0))
    registry = CollectorRegistry()
    registry.register(Counted())
    ProcessCollector(registry=registry)
    registry.register(
        _Metrics(figures=current, now=now, age=age, covered=covered, backup_age=backup_age, process=process)
    )
    return generate_latest(registry)
