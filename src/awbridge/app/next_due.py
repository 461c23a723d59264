"""When an account needs its loops to run again."""

from __future__ import annotations

from datetime import datetime, timedelta

from awbridge.app.settings import Settings
from awbridge.steps.runtime.look import look
from awbridge.store import Store

HOUSEKEEPING = timedelta(hours=1)


async def next_due(settings: Settings, store: Store, now: datetime) -> datetime:
    """The earliest moment."""
    del settings
    found = [at for at in (await look(store, now)).values() if at]
    return min([*found, now + HOUSEKEEPING])
