"""The metrics of the tables, the loops and this process, in Prometheus' text format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.steps.polling.watch import Coverage, coverage
from awbridge.steps.runtime import meters
from awbridge.store.accounts import account_figures
from awbridge.store.accounts.account_figures import AccountFigures
from awbridge.store.audit import figures, samples
from awbridge.store.audit.figures import Figures
from awbridge.store.backup.backups import backup_state
from awbridge.store.engine.clocks.shared_time import SHARED_TIME
from awbridge.web.contexts import ApiContext, ProcessContext
from awbridge.web.http.limits import ConnectionState
from awbridge.web.monitoring import metric_list as listed
from awbridge.web.monitoring.counted import Counted

if TYPE_CHECKING:
    from awbridge.store.engine.reads.replica import Replica


@dataclass(frozen=True, kw_only=True, eq=False)
class _Metrics(Collector):
    figures: Figures
    now: datetime
    age: float  # seconds since the figures were counted
    covered: Coverage
    backup_age: timedelta | None
    accounts: Mapping[str, AccountFigures]
    process: ProcessContext
    replica: Replica | None

    def collect(self) -> Iterable[Metric]:
        """All metrics, with their current values."""
        yield from _shipments(self.figures)
        yield from _courier_accounts(self.figures)
        yield from _backlog(self.figures)
        yield listed.FIGURES_AGE.of(self.age)
        since = {step: at or self.now for step, at in self.figures.waiting_since.items()}
        waited = {step: max((self.now - at).total_seconds(), 0.0) for step, at in since.items()}
        yield listed.OLDEST_DUE.by(waited)
        if self.backup_age is not None:
            yield listed.BACKUP_AGE.of(self.backup_age.total_seconds())
        yield from _accounts_beside(self.accounts, self.now)
        yield from _process(self.process)
        yield from _coverage(self.covered)
        if self.replica:
            if math.isfinite(self.replica.age):
                yield listed.REPLICA_AGE.of(self.replica.age)
            yield listed.REPLICA_READS.by(self.replica.counts.items())


def _shipments(figures: Figures) -> Iterable[Metric]:
    yield listed.NEEDS_ATTENTION.by({need.value: number for need, number in figures.needs.items()})
    yield listed.REFUSED_SHARE.of(figures.refusals.share)
    yield listed.SHIPMENTS.by(figures.shipments)
    yield listed.ON_THEIR_WAY.of(figures.on_their_way)
    yield listed.UNREADABLE_EDD.of(figures.unreadable_dates)
    yield listed.CANCELS.by(figures.cancels)
    yield listed.ACTIONS.by(figures.actions)


def _courier_accounts(figures: Figures) -> Iterable[Metric]:
    held = figures.held
    kinds = listed.ACCOUNTS_HELD.values
    yield listed.ACCOUNTS_HELD.by({kind: sum(h.kind == kind for h in held.values()) for kind in kinds})
    yield listed.ACCOUNT_SHIPMENTS_HELD.by({account: figures.waiting.get(account, 0) for account in held})
    kinds = listed.COURIER_WARNINGS.values
    yield listed.COURIER_WARNINGS.by({kind: figures.courier_warnings.get(kind, 0) for kind in kinds})


def _accounts_beside(found: Mapping[str, AccountFigures], now: datetime) -> Iterable[Metric]:
    """What each account beside the home had to do when it was last counted."""
    if not found:
        return

    def since(at: datetime | None) -> float:
        return max((now - at).total_seconds(), 0.0) if at else 0.0

    yield listed.ACCOUNT_ORDERS_WAITING.by({name: one.orders for name, one in found.items()})
    yield listed.ACCOUNT_ORDERS_FAILED.by({name: one.failed for name, one in found.items()})
    yield listed.ACCOUNT_DELIVERIES_WAITING.by({name: one.deliveries for name, one in found.items()})
    yield listed.ACCOUNT_OLDEST_DUE.by({name: since(one.due_at) for name, one in found.items()})
    yield listed.ACCOUNT_ALARMS.by({name: one.alarms for name, one in found.items()})
    yield listed.ACCOUNT_FIGURES_AGE.by({name: since(one.counted_at) for name, one in found.items()})


def _backlog(figures: Figures) -> Iterable[Metric]:
    yield listed.INBOX.by(figures.inbox)
    yield listed.SCANS_AHEAD.of(figures.scans_ahead)
    yield listed.NOTICES.by(figures.notices)
    yield listed.EVENT_DELIVERIES.by(figures.events_by_state)
    yield listed.ALARMS.of(figures.alarms)
    yield listed.ARCHIVE_FILES.by({"open": figures.archive_open})
    yield listed.ROWS.by(figures.sizes)


def _process(process: ProcessContext) -> Iterable[Metric]:
    yield listed.CALLS_DROPPED.by([("", process.recorder.dropped if process.recorder else 0)])
    yield from _served(process)
    yield listed.CLOCK_SKEW.of(SHARED_TIME.skew)
    yield listed.STEP_SILENT.by({loop.name: loop.silent_for for loop in process.loops})
    yield listed.STEP_FAILURES.by({loop.name: loop.failures for loop in process.loops})
    yield listed.ACCOUNTS.by(meters.ACCOUNTS)
    yield listed.STEP_CONCURRENCY.by({loop.name: loop.concurrency() for loop in process.loops if loop.concurrency})


def _served(process: ProcessContext) -> Iterable[Metric]:
    """What a process with the web server answered, and its connections."""
    if process.webhook is None or process.connections is None:
        return
    yield listed.WEBHOOKS.by((str(status), count) for status, count in process.webhook.counts.items())
    states = {state.name.lower(): process.connections.count(state) for state in ConnectionState}
    yield listed.HTTP_CONNECTIONS.by(states)
    yield listed.HTTP_REFUSED.by(process.connections.refused.items())


def _coverage(covered: Coverage) -> Iterable[Metric]:
    """Coverage of updated-order, silence of webhooks, and the share of each courier's scans that come by webhook."""
    if covered.lag is not None:
        yield listed.CATCH_UP_LAG.of(covered.lag.total_seconds())
    if covered.webhook_silence is not None:
        yield listed.WEBHOOK_SILENCE.of(covered.webhook_silence.total_seconds())
    yield listed.WEBHOOKS_SILENT.of(AlarmCause.WEBHOOKS_SILENT in covered.alarms)
    shares = {str(courier): counts.share for courier, counts in covered.day.items() if counts.share is not None}
    yield listed.WEBHOOK_SHARE.by(shares)
    yield listed.SHIPMENTS_SILENT.of(covered.silent_shipments)


async def metrics_text(api: ApiContext, process: ProcessContext) -> bytes:
    """The response of GET /metrics. A large backlog is counted in the background."""
    now = api.clock()
    async with api.store.read() as session:
        sample = await samples.large(session, now=now)
        accounts = await account_figures.every(session, now=now)
        backup_age = (await backup_state(session)).age(now)
        current = sample.figures if sample else await figures.read(session, now=now, stuck_after=api.stuck_after)
    age = (now - sample.sampled_at).total_seconds() if sample else 0.0
    covered = await coverage(store=api.store, clock=api.clock, back=timedelta(0))
    registry = CollectorRegistry()
    registry.register(Counted())
    ProcessCollector(registry=registry)
    registry.register(
        _Metrics(
            figures=current,
            now=now,
            age=age,
            covered=covered,
            backup_age=backup_age,
            accounts=accounts,
            process=process,
            replica=api.store.replica,
        )
    )
    return generate_latest(registry)
