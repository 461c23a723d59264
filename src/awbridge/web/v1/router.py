"""The routes under /v1, in the order in which they are matched."""

from __future__ import annotations

from fastapi import APIRouter, Depends

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
from awbridge.web.v1.strict import known_parameters_only

router = APIRouter(prefix="/v1", dependencies=[Depends(known_parameters_only)])
router.include_router(audit.router)
router.include_router(privacy.router)
router.include_router(reconciliation.router)
router.include_router(notify.router)
router.include_router(handover.router)
router.include_router(registration.router)
router.include_router(tracking.router)
router.include_router(actions.router)
router.include_router(answers.router)
router.include_router(exports.router)
# After all that is below a shipment: a reference number may contain a slash, so GET /shipments/... matches those too.
router.include_router(orders.router)
router.include_router(people.router)
router.include_router(courier_accounts.router)
router.include_router(couriers.router)
router.include_router(clickpost_accounts.router)
