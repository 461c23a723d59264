"""The table: every demand with what this deployment shows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from awbridge.app.database import open_store
from awbridge.app.doctor.guide import failure_rows, order_rows, other_rows, webhook_rows
from awbridge.app.doctor.guide.facts import GuideFacts, read_facts
from awbridge.app.settings import Settings
from awbridge.domain.guide.demands import DEMANDS
from awbridge.domain.guide.rows import Evidence, GuideRow
from awbridge.steps.runtime.clock import Clock, utc_now
from awbridge.store import Store

_JUDGES: Mapping[int, Callable[[GuideFacts], Evidence]] = {
    1: order_rows.activated,
    2: order_rows.mapped,
    3: order_rows.allocated,
    4: order_rows.complete,
    5: order_rows.downtimes_held,
    6: order_rows.successful,
    7: failure_rows.logged,
    8: failure_rows.stored_for_good,
    9: failure_rows.retried,
    10: failure_rows.counted,
    11: failure_rows.shared,
    12: failure_rows.matched,
    13: failure_rows.solved,
    14: failure_rows.failure_report,
    15: failure_rows.tabled,
    16: failure_rows.picked_up,
    17: webhook_rows.registered,
    18: webhook_rows.understood,
    19: webhook_rows.quick,
    20: webhook_rows.committed,
    21: webhook_rows.atomic,
    22: webhook_rows.idempotent,
    23: webhook_rows.stored_once,
    24: webhook_rows.unordered,
    25: webhook_rows.recorded,
    26: other_rows.by_latest_status,
    27: other_rows.fresh,
    28: other_rows.losses_noticed,
    29: other_rows.polled_daily,
    30: other_rows.caught_up,
    31: other_rows.no_calls_by_customers,
    32: other_rows.available,
    33: other_rows.backed_up,
}


async def guide_table(settings: Settings, store: Store, clock: Clock) -> list[GuideRow]:
    """Every demand, in order, with its evidence. Raises StoreError."""
    facts = await read_facts(settings, store, clock)
    return [GuideRow(demand=demand, evidence=_JUDGES[demand.number](facts)) for demand in DEMANDS]


async def examine_guide(settings: Settings, *, clock: Clock = utc_now) -> list[GuideRow]:
    """The table of the configured database, for a process of its own. Raises SettingsError, StoreError."""
    async with open_store(settings, migrate=False) as store:
        return await guide_table(settings, store, clock)
