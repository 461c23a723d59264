"""The JSON of accounts."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from awbridge.web.accounts.tools import AccountState
from awbridge.web.v1.views import View


class ClickPostAccountView(View):
    """An account at ClickPost that the service works for beside its home."""

    name: str = Field(description="Its name, as in its paths.")
    title: str = Field(description="What pages call it.")
    state: AccountState = Field(
        description="awake: open in the process that answers; asleep: nothing is due for it; suspended; broken: see "
        "`problem`; dropped: its data are deleted, or being deleted; working: the process that answers hosts no "
        "accounts, so that no more is known."
    )
    source: str = Field(description="What defines it: file (awbridge.toml), database, or file and database.")
    problem: str = Field(description="What is wrong with its settings; empty if nothing is.")
    suspended_at: datetime | None = Field(description="Since when it is suspended; null if it is not.")
    changed_at: datetime | None = Field(description="When it was last changed by a command, a page or the API.")
    waiting: int | None = Field(
        description="Its orders and deliveries that were not done at `counted_at`; null if never counted."
    )
    failed: int | None = Field(description="Its orders that were rejected or given up; null if never counted.")
    alarms: int | None = Field(description="Its open alarms; null if never counted.")
    last_webhook_at: datetime | None = Field(
        description="When its last webhook was received, within 8 days; null if there is none, or if never counted."
    )
    counted_at: datetime | None = Field(
        description="When these numbers were counted: now if it is awake in the process that answers, else when it was "
        "last counted there or elsewhere, such as before it went to sleep. Null if never."
    )


class ClickPostAccountDetails(ClickPostAccountView):
    """An account with what is stored for it."""

    settings: dict[str, str] = Field(description="The settings that are stored for it, as text.")
    secrets: list[str] = Field(description="The names of the secrets that are stored for it.")
