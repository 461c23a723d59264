"""The table `allocation_rules`: the company's own rules, in the order in which they are tried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from awbridge.domain.couriers.allocation import Rule, read_rule, rule_fields
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


async def every(session: Session) -> list[Rule]:
    """All rules, the first to be tried first."""
    return [
        read_rule({**json.loads(row["conditions"]), "name": row["name"], "transporter": row["transporter"]})
        for row in await session.fetch(_sql.all)
    ]


async def replace(session: Session, rules: Sequence[Rule], *, now: datetime) -> None:
    """These rules, in this order, in place of all that were."""
    await session.execute(_sql.clear)
    for position, rule in enumerate(rules, 1):
        conditions = {k: v for k, v in rule_fields(rule).items() if k not in ("name", "transporter")}
        await session.execute(_sql.add, position, rule.name, rule.transporter, json.dumps(conditions), now)
