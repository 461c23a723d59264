"""GET /metrics: what the tables and the loops say now, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from awbridge.steps.clock import Clock
from awbridge.steps.keep_calls import CallRecorder
from awbridge.steps.loop import Loop
from awbridge.steps.watch import SILENT, Coverage, coverage
from awbridge.store import Store, accounts, actions, archive, couriers, inbox, scans, shipments
from awbridge.store.accounts import Held
from awbridge.web.webhook import WebhookEndpoint


class _Now(Collector):
    def __init__(
        self,
        states: Mapping[str, int],
        cancels: Mapping[str, int],
        wanted: Mapping[str, int],
        deliveries: Mapping[str, int],
        answers: Mapping[int, int],
        loops: Sequence[Loop],
        held: Mapping[str, Held],
        waiting: Mapping[str, int],
        warnings: Mapping[str, int],
        filed: archive.ArchiveCounts,
        hook: CallRecorder | None,
        covered: Coverage,
        ahead: int,
    ) -> None:
        self._states = states
        self._cancels = cancels
        self._wanted = wanted
        self._deliveries = deliveries
        self._answers = answers
        self._loops = loops
        self._held = held
        self._waiting = waiting
        self._warnings = warnings
        self._filed = filed
        self._hook = hook
        self._covered = covered
        self._ahead = ahead

    def collect(self) -> Iterable[Metric]:
        """The metrics, as they stand."""
        by_state = GaugeMetricFamily("awbridge_shipments", "Shipments by state.", labels=["state"])
        for state, count in self._states.items():
            by_state.add_metric([state], count)
        yield by_state
        yield from self._accounts()
        cancelling = GaugeMetricFamily("awbridge_cancels", "Cancellations at ClickPost by stage.", labels=["stage"])
        for stage, count in self._cancels.items():
            cancelling.add_metric([stage], count)
        yield cancelling
        acting = GaugeMetricFamily("awbridge_actions", "Actions by state.", labels=["state"])
        for state, count in self._wanted.items():
            acting.add_metric([state], count)
        yield acting
        inbox_now = GaugeMetricFamily("awbridge_inbox", "Deliveries in the inbox by stage.", labels=["stage"])
        for stage, count in self._deliveries.items():
            inbox_now.add_metric([stage], count)
        yield inbox_now
        yield GaugeMetricFamily(
            "awbridge_scans_ahead", "Scans that were in the future when they came; they count as of then.", self._ahead
        )
        warned = GaugeMetricFamily(
            "awbridge_courier_warnings", "Courier accounts in use that orders would fail on.", labels=["kind"]
        )
        for kind in ("inactive", "vanished", "renamed"):
            warned.add_metric([kind], self._warnings.get(kind, 0))
        yield warned
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
        yield from _coverage(self._covered)

    def _accounts(self) -> Iterable[Metric]:
        troubles = GaugeMetricFamily(
            "awbridge_accounts_held", "Courier accounts whose shipments are held, by reason.", labels=["reason"]
        )
        for reason in ("account", "breaker", "downtime"):
            troubles.add_metric([reason], sum(held.kind == reason for held in self._held.values()))
        yield troubles
        waiting = GaugeMetricFamily(
            "awbridge_account_shipments_held", "Shipments that wait in an account that is held.", labels=["account"]
        )
        for account in self._held:
            waiting.add_metric([account], self._waiting.get(account, 0))
        yield waiting


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


async def metrics_text(
    store: Store, clock: Clock, webhook: WebhookEndpoint, loops: Sequence[Loop], *, hook: CallRecorder | None = None
) -> bytes:
    """All metrics as text."""
    async with store.read() as session:
        held = await accounts.held(session, now=clock())
        waiting = accounts.held_numbers(await accounts.count_unplaced(session, list(held)))
        states = await shipments.count_by_state(session, held=held)
        cancels = await shipments.count_cancels(session)
        wanted = await actions.count_by_state(session)
        deliveries = await inbox.counts(session)
        warnings = await couriers.count_warnings(session)
        filed = await archive.counts(session)
        ahead = await scans.count_ahead(session)
    covered = await coverage(store=store, clock=clock)
    registry = CollectorRegistry()
    registry.register(
        _Now(
            *(states, cancels, wanted, deliveries, webhook.counts, loops),
            *(held, waiting, warnings, filed, hook, covered, ahead),
        )
    )
    return generate_latest(registry)
