"""GET /metrics: what the tables and the loops say now, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from awbridge.steps.loop import Loop
from awbridge.store import Store, alarms, events, inbox, notices, shipments
from awbridge.web.webhook import WebhookEndpoint


class _Now(Collector):
    def __init__(
        self,
        states: Mapping[str, int],
        deliveries: Mapping[str, int],
        answers: Mapping[int, int],
        loops: Sequence[Loop],
        telling: Mapping[str, Mapping[str, int]],
        alarms_open: int,
    ) -> None:
        self._states = states
        self._deliveries = deliveries
        self._answers = answers
        self._loops = loops
        self._telling = telling
        self._alarms_open = alarms_open

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
        notices_now = GaugeMetricFamily("awbridge_notices", "Messages to customers by state.", labels=["state"])
        events_now = GaugeMetricFamily("awbridge_event_deliveries", "Events to endpoints by state.", labels=["state"])
        for family, name in ((notices_now, "notices"), (events_now, "events")):
            for state, count in self._telling[name].items():
                family.add_metric([state], count)
            yield family
        yield GaugeMetricFamily("awbridge_alarms", "Alarms that are raised.", value=self._alarms_open)
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
        telling = {"notices": await notices.count_by_state(session), "events": await events.count_by_state(session)}
        raised = len(await alarms.open_now(session))
    registry = CollectorRegistry()
    registry.register(_Now(states, deliveries, webhook.counts, loops, telling, raised))
    return generate_latest(registry)
