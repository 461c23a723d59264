"""The metrics of the tables, the loops and this process, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.polling.watch import Coverage, coverage
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.store.audit import figures
from awbridge.store.audit.figures import Figures
from awbridge.store.engine.shared_time import SHARED_TIME
from awbridge.web.http.limits import Connections, ConnectionState
from awbridge.web.webhook.endpoint import WebhookEndpoint


class _Metrics(Collector):
    def __init__(
        self,
        figures: Figures,
        covered: Coverage,
        answers: Mapping[int, int],
        loops: Sequence[Loop],
        recorder: CallRecorder | None,
        connections: Connections,
    ) -> None:
        self._figures = figures
        self._covered = covered
        self._answers = answers
        self._loops = loops
        self._recorder = recorder
        self._connections = connections

    def collect(self) -> Iterable[Metric]:
        """All metrics, with their current values."""
        yield from self._attention()
        yield from self._shipments()
        yield from self._accounts()
        yield from self._tracking()
        yield from self._notify()
        yield from self._calls()
        yield from self._process()
        yield from _coverage(self._covered)
        sizes = "Approximate rows of the large tables, from the database's statistics."
        yield _by("awbridge_rows", sizes, "table", self._figures.sizes)

    def _attention(self) -> Iterable[Metric]:
        text = "What needs a person or is worth watching, by kind."
        yield _by("awbridge_needs_attention", text, "kind", {need.value: n for need, n in self._figures.needs.items()})
        text = "Share of refusals among the orders that ClickPost recently decided."
        yield GaugeMetricFamily("awbridge_refused_share", text, self._figures.refusals.share)

    def _shipments(self) -> Iterable[Metric]:
        figures = self._figures
        text = "Shipments by state, except placed and cancelled ones."
        yield _by("awbridge_shipments", text, "state", figures.shipments)
        text = "Placed shipments without a final status."
        yield GaugeMetricFamily("awbridge_shipments_on_their_way", text, figures.on_their_way)
        text = "Placed shipments without a final status whose expected date cannot be read."
        yield GaugeMetricFamily("awbridge_shipments_unreadable_edd", text, figures.unreadable_dates)
        yield _by("awbridge_cancels", "Cancellations at ClickPost by state.", "stage", figures.cancels)
        yield _by("awbridge_actions", "Actions by state, except completed ones.", "state", figures.actions)

    def _accounts(self) -> Iterable[Metric]:
        held = self._figures.held
        reasons = {r: sum(h.kind == r for h in held.values()) for r in ("account", "breaker", "downtime")}
        text = "Courier accounts whose shipments are held, by reason."
        yield _by("awbridge_accounts_held", text, "reason", reasons)
        waiting = {account: self._figures.waiting.get(account, 0) for account in held}
        text = "Shipments that wait in a held courier account."
        yield _by("awbridge_account_shipments_held", text, "account", waiting)
        warnings = {k: self._figures.courier_warnings.get(k, 0) for k in ("inactive", "vanished", "renamed")}
        text = "Courier accounts in use for which orders would fail."
        yield _by("awbridge_courier_warnings", text, "kind", warnings)

    def _tracking(self) -> Iterable[Metric]:
        text = "Deliveries in the inbox by stage, except applied ones."
        yield _by("awbridge_inbox", text, "stage", self._figures.inbox)
        text = "Scans of the last day whose time was in the future; they count as of their arrival."
        yield GaugeMetricFamily("awbridge_scans_ahead", text, self._figures.scans_ahead)

    def _notify(self) -> Iterable[Metric]:
        text = "Messages to customers by state, except sent and suppressed ones."
        yield _by("awbridge_notices", text, "state", self._figures.notices)
        text = "Events to endpoints by state, except delivered ones."
        yield _by("awbridge_event_deliveries", text, "state", self._figures.event_deliveries)
        yield GaugeMetricFamily("awbridge_alarms", "Raised alarms.", self._figures.alarms)

    def _calls(self) -> Iterable[Metric]:
        filed = {"open": self._figures.archive_open}
        yield _by("awbridge_archive_files", "Files of failed calls that are not archived yet.", "state", filed)
        dropped = CounterMetricFamily("awbridge_calls_dropped", "Failed calls that could not be recorded.")
        dropped.add_metric([], self._recorder.dropped if self._recorder else 0)
        yield dropped

    def _process(self) -> Iterable[Metric]:
        answered = CounterMetricFamily("awbridge_webhooks", "Webhooks answered by this process.", labels=["status"])
        for status, count in self._answers.items():
            answered.add_metric([str(status)], count)
        yield answered
        by_state = {state.name.lower(): self._connections.count(state) for state in ConnectionState}
        yield _by("awbridge_http_connections", "Connections of clients to this process.", "state", by_state)
        text = "Requests refused and connections closed early by this process."
        refused = CounterMetricFamily("awbridge_http_refused", text, labels=["reason"])
        for reason, count in self._connections.refused.items():
            refused.add_metric([reason], count)
        yield refused
        text = "Seconds by which this machine's clock is ahead of the database's, which is authoritative."
        yield GaugeMetricFamily("awbridge_clock_skew_seconds", text, SHARED_TIME.skew)
        silent = {loop.name: loop.silent_for for loop in self._loops}
        yield _by("awbridge_step_silent_seconds", "Seconds since a step last finished a round.", "step", silent)


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """A gauge with one label."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def _coverage(covered: Coverage) -> Iterable[Metric]:
    """Coverage of updated-order, silence of webhooks, and the share of each courier's scans that come by webhook."""
    if covered.lag is not None:
        yield GaugeMetricFamily(
            "awbridge_catch_up_lag_seconds",
            "Seconds by which complete coverage of updated-order lags behind now.",
            value=covered.lag.total_seconds(),
        )
    if covered.webhook_silence is not None:
        yield GaugeMetricFamily(
            "awbridge_webhook_silence_seconds",
            "Seconds since the last webhook that could be parsed.",
            value=covered.webhook_silence.total_seconds(),
        )
    yield GaugeMetricFamily(
        "awbridge_webhooks_silent",
        "1 while no webhooks arrive although polling finds scans.",
        value=float(AlarmCause.WEBHOOKS_SILENT in covered.alarms),
    )
    share = GaugeMetricFamily(
        "awbridge_webhook_share",
        "Share of a courier's new scans of the last day that came by webhook.",
        labels=["courier"],
    )
    for courier, counts in covered.day.items():
        if counts.share is not None:
            share.add_metric([str(courier)], counts.share)
    yield share
    yield GaugeMetricFamily(
        "awbridge_shipments_silent",
        "Shipments that are no longer polled, for lack of updates.",
        value=covered.silent_shipments,
    )


async def metrics_text(
    store: Store,
    clock: Clock,
    webhook: WebhookEndpoint,
    loops: Sequence[Loop],
    *,
    recorder: CallRecorder | None = None,
    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER,
    connections: Connections | None = None,
) -> bytes:
    """The response of GET /metrics."""
    async with store.read() as session:
        current = await figures.read(session, now=clock(), stuck_after=stuck_after)
    covered = await coverage(store=store, clock=clock)
    registry = CollectorRegistry()
    registry.register(_Metrics(current, covered, webhook.counts, loops, recorder, connections or Connections()))
    return generate_latest(registry)
