"""GET /metrics: what the tables and the loops say now, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from awbridge.steps.loop import Loop
from awbridge.steps.record import CallRecorder
from awbridge.store import Store, archive, inbox, shipments
from awbridge.web.webhook import WebhookEndpoint


class _Now(Collector):
    def __init__(
        self,
        states: Mapping[str, int],
        deliveries: Mapping[str, int],
        answers: Mapping[int, int],
        loops: Sequence[Loop],
        filed: archive.ArchiveCounts,
        hook: CallRecorder | None,
    ) -> None:
        self._states = states
        self._deliveries = deliveries
        self._answers = answers
        self._loops = loops
        self._filed = filed
        self._hook = hook

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
        filed = GaugeMetricFamily("awbridge_archive_files", "Files of failed calls.", labels=["state"])
        filed.add_metric(["archived"], self._filed.archived)
        filed.add_metric(["open"], self._filed.open)
        filed.add_metric(["emptied"], self._filed.emptied)
        yield filed
        dropped = CounterMetricFamily("awbridge_calls_dropped", "Failed calls that could not be written down.")
        dropped.add_metric([], self._hook.dropped if self._hook else 0)
        yield dropped


async def metrics_text(
    store: Store, webhook: WebhookEndpoint, loops: Sequence[Loop], hook: CallRecorder | None = None
) -> bytes:
    """All metrics as text."""
    async with store.read() as session:
        states = await shipments.count_by_state(session)
        deliveries = await inbox.counts(session)
        filed = await archive.counts(session)
    registry = CollectorRegistry()
    registry.register(_Now(states, deliveries, webhook.counts, loops, filed, hook))
    return generate_latest(registry)
