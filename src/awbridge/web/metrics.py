"""GET /metrics: what the tables and the loops say now, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from awbridge.steps.loop import Loop
from awbridge.store import Store, inbox, scans, shipments
from awbridge.web.webhook import WebhookEndpoint


class _Now(Collector):
    def __init__(
        self,
        states: Mapping[str, int],
        deliveries: Mapping[str, int],
        answers: Mapping[int, int],
        loops: Sequence[Loop],
        ahead: int,
    ) -> None:
        self._states = states
        self._deliveries = deliveries
        self._answers = answers
        self._loops = loops
        self._ahead = ahead

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
        yield GaugeMetricFamily(
            "awbridge_scans_ahead", "Scans that were in the future when they came; they count as of then.", self._ahead
        )
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


async def metrics_text(store: Store, webhook: WebhookEndpoint, loops: Sequence[Loop]) -> bytes:
    """All metrics as text."""
    async with store.read() as session:
        states = await shipments.count_by_state(session)
        deliveries = await inbox.counts(session)
        ahead = await scans.count_ahead(session)
    registry = CollectorRegistry()
    registry.register(_Now(states, deliveries, webhook.counts, loops, ahead))
    return generate_latest(registry)
