"""What the set-up page needs of the application: the settings it may show, and the checks that really try them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from awbridge.domain.guide.rows import GuideRow
from awbridge.steps.couriers.sync_couriers import ListsAccounts
from awbridge.steps.polling.register_webhook import RegistersWebhooks
from awbridge.steps.polling.try_webhook import SendsTests


class SetupStep(StrEnum):
    """A step of the first run, in its order."""

    KEY = "key"
    COURIERS = "couriers"
    WEBHOOK = "webhook"
    ARCHIVE = "archive"
    MAIL = "mail"
    CUSTOMER_PAGE = "customer-page"
    ORDER = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSetting:
    """A setting as the page shows it. `value` is "" where it is not set, and never a secret: "set" stands for one.

    `example`: a value to write after `variable=` where it is not set.
    """

    variable: str
    value: str
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFinding:
    """What a check found, and what to do. `level`: ok, warning, attention or problem."""

    level: str
    found: str
    do: str = ""


class SetupCalls(ListsAccounts, RegistersWebhooks, SendsTests, Protocol):
    """The ClickPost calls of the page."""


class SetupTools(Protocol):
    """The installation, as the page sees it."""

    @property
    def vendor_problem(self) -> str:
        """Why ClickPost cannot be called; "" if username and key are set."""
        ...

    @property
    def has_webhook_keys(self) -> bool:
        """Whether the settings hold keys that webhooks may carry."""
        ...

    @property
    def clickpost(self) -> SetupCalls | None:
        """The client of the configured account; None without one."""
        ...

    def settings(self, step: SetupStep) -> Sequence[ShownSetting]:
        """The settings of a step."""
        ...

    async def check(self, step: SetupStep) -> Sequence[SetupFinding]:
        """Try what a step is about: call ClickPost, write to the archive, connect. Raises AwbridgeError."""
        ...

    async def send_test_message(self) -> Sequence[SetupFinding]:
        """Send a test message to every channel of the operators; a finding for each."""
        ...

    async def guide(self) -> Sequence[GuideRow]:
        """Every demand of ClickPost's integration guidelines with this deployment's evidence. Raises StoreError."""
        ...


class NoTools:
    """An installation that shows nothing: the pages without the application around them."""

    vendor_problem = "This process does not call ClickPost."
    has_webhook_keys = False
    clickpost = None

    def settings(self, step: SetupStep) -> Sequence[ShownSetting]:
        """None are known."""
        del step
        return ()

    async def check(self, step: SetupStep) -> Sequence[SetupFinding]:
        """Nothing can be tried."""
        del step
        return (SetupFinding(level="problem", found=self.vendor_problem),)

    async def send_test_message(self) -> Sequence[SetupFinding]:
        """Nothing can be sent."""
        return await self.check(SetupStep.MAIL)

    async def guide(self) -> Sequence[GuideRow]:
        """Nothing is known."""
        return ()
