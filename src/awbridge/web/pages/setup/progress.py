"""How far the set-up is, as far as the database and the settings show it without trying anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.orders.shipment import Shipment, State
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.orders import lists
from awbridge.store.polling import arrivals, webhook_keys
from awbridge.web.pages.setup.tools import SetupStep, SetupTools

DONE, UNPROVEN, MISSING, OPTIONAL = "done", "unproven", "missing", "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupProgress:
    """What is set up. `states`: done, unproven, missing or optional, by step. `webhook_urls` are masked."""

    states: dict[SetupStep, str]
    transporters: Sequence[CourierAccount]
    webhook_urls: Sequence[str]
    last_webhook_at: datetime | None
    compared_at: datetime | None
    first_order: Shipment | None


async def essentials_missing(store: Store, tools: SetupTools) -> bool:
    """Whether ClickPost's account, a courier or the webhook is missing: no order can be placed or tracked."""
    if tools.vendor_problem:
        return True
    async with store.read() as session:
        if not await couriers.every(session):
            return True
        return not (tools.has_webhook_keys or await webhook_keys.listed(session))


async def progress(store: Store, tools: SetupTools) -> SetupProgress:
    """How far the set-up is."""
    async with store.read() as session:
        transporters = await couriers.every(session)
        keys = await webhook_keys.listed(session)
        last_webhook_at = await arrivals.last_webhook_at(session)
        comparison = await couriers.comparison(session)
        placed = await lists.newest(session, state=State.PLACED, limit=1)
    compared_at = comparison.compared_at if comparison else None
    known = bool(keys or tools.has_webhook_keys)
    states = {
        SetupStep.KEY: MISSING if tools.vendor_problem else DONE if compared_at or placed else UNPROVEN,
        SetupStep.COURIERS: DONE if transporters else MISSING,
        SetupStep.WEBHOOK: MISSING if not known else DONE if last_webhook_at else UNPROVEN,
        SetupStep.ARCHIVE: _by_settings(tools, SetupStep.ARCHIVE),
        SetupStep.MAIL: _by_settings(tools, SetupStep.MAIL),
        SetupStep.CUSTOMER_PAGE: _by_settings(tools, SetupStep.CUSTOMER_PAGE),
        SetupStep.ORDER: DONE if placed else OPTIONAL,
    }
    return SetupProgress(
        states=states,
        transporters=transporters,
        webhook_urls=list(dict.fromkeys(key.webhook_url for key in keys)),
        last_webhook_at=last_webhook_at,
        compared_at=compared_at,
        first_order=placed[0] if placed else None,
    )


def _by_settings(tools: SetupTools, step: SetupStep) -> str:
    return UNPROVEN if any(setting.value for setting in tools.settings(step)) else OPTIONAL
