"""The routes under /v1, in the order in which they are matched."""

from __future__ import annotations

from starlette.routing import BaseRoute

from awbridge.web.v1 import (
    answers,
    audit,
    clickpost_accounts,
    courier_accounts,
    couriers,
    handover,
    notify,
    people,
    privacy,
    reconciliation,
    registration,
    tracking,
)
from awbridge.web.v1.shipments import actions, exports, orders

ROUTES: tuple[BaseRoute, ...] = (
    *audit.router.routes,
    *privacy.router.routes,
    *reconciliation.router.routes,
    *notify.router.routes,
    *handover.router.routes,
    *registration.router.routes,
    *tracking.router.routes,
    *actions.router.routes,
    *answers.router.routes,
    *exports.router.routes,
    # After all that is below a shipment: a reference number may contain a slash, so these match that too.
    *orders.router.routes,
    *people.router.routes,
    *courier_accounts.router.routes,
    *couriers.router.routes,
    *clickpost_accounts.router.routes,
)
