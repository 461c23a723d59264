"""GET /metrics: what the tables and the loops say now, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from awbridge.steps.clock import Clock
from awbridge.steps.loop import Loop
from awbridge.steps.watch import SILENT, Coverage, coverage
from awbridge.store import Store, inbox, shipments
from awbridge.web.webhook import WebhookEndpoint


class _Now(Collector):
    def __init__(
        self,
        states: Mapping[str, int],
        deliveries: Mapping[str, int],
        answers: Mapping[int, int],
        loops: Sequence[Loop],
        covered: Coverage,
    ) -> None:
        self._states = states
        self._deliveries = deliveries
        self._answers = answers
        self._loops = loops
        self._covered = covered

    def collect(self) -> Iterable[Metric]:
        """The metrics, as they stand."""
        by_state = GaugeMetricFamily("awbridge_shipments", "Shipments by state.", labels=["state"])
        for state, count in self._states.items():
            by_state.add_metric([state], count)
        yield by_state
        inbox_now = GaugeMetricFamily("awbridge_inbox", "Deliveries in the inbox by stage.", labels=["stage"])
        for stage, count in self._deliveries.items():
            inbox_now.add_metric([stage], count)
        yield inbox_now
        answered = CounterMetricFamily("awbridge_webhooks", "Webhooks answered by this process.", labels=["status"])
        for status, count in self._answers.items():
            answered.add_metric([str(status)], count)
        yield answered
        silent = GaugeMetricFamily(
            "awbridge_step_silent_seconds", "Seconds since a step last finished a round.", labels=["step"]
        )
        for loop in self._loops:
            silent.add_metric([loop.name], loop.silent_for)
        yield silent
        yield from _coverage(self._covered)


def _coverage(covered: Coverage) -> Iterable[Metric]:
    """How far updated-order is, whether webhooks come, and which share of each courier's scans they bring."""
    if covered.lag is not None:
        yield GaugeMetricFamily(
            "awbridge_catch_up_lag_seconds",
            "How far behind now every minute of updated-order is covered.",
            value=covered.lag.total_seconds(),
        )
    if covered.webhook_silence is not None:
        yield GaugeMetricFamily(
            "awbridge_webhook_silence_seconds",
            "Seconds since the last webhook that could be read.",
            value=covered.webhook_silence.total_seconds(),
        )
    yield GaugeMetricFamily(
        "awbridge_webhooks_silent",
        "1 while webhooks are silent though polling finds scans.",
        value=float(SILENT in covered.alarms),
    )
    share = GaugeMetricFamily(
        "awbridge_webhook_share", "Share of a courier's new scans of a day that came by webhook.", labels=["courier"]
    )
    for courier, told in covered.day.items():
        if told.share is not None:
            share.add_metric([str(courier)], told.share)
    yield share
    yield GaugeMetricFamily(
        "awbridge_shipments_silent",
        "Shipments that are asked for no more, being silent too long.",
        value=covered.silent_shipments,
    )


async def metrics_text(store: Store, clock: Clock, webhook: WebhookEndpoint, loops: Sequence[Loop]) -> bytes:
    """All metrics as text."""
    async with store.read() as session:
        states = await shipments.count_by_state(session)
        deliveries = await inbox.counts(session)
    covered = await coverage(store=store, clock=clock)
    registry = CollectorRegistry()
    registry.register(_Now(states, deliveries, webhook.counts, loops, covered))
    return generate_latest(registry)
