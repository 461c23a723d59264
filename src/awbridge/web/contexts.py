"""What the routes and pages of a service work with: the store, its policies, and the parts of its process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from awbridge.documents.making import DocumentMaker
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.customer_page.links import NO_LINKS, TrackLinks
from awbridge.domain.privacy import Privacy
from awbridge.domain.privacy_setting import read_privacy
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.sinks.addresses import Network
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.couriers.sync_couriers import ListsAccounts
from awbridge.steps.customer_page.answers import AnswerPolicy
from awbridge.steps.handover.print_labels import FetchesLabels, OnlyStored
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.web.access.access_list import AccessList
from awbridge.web.accounts.tools import AccountTools
from awbridge.web.http.limits import Connections
from awbridge.web.monitoring.ready import Readiness
from awbridge.web.pages.messages.context import MessageContext
from awbridge.web.pages.people.identity_pages import SignInProvider
from awbridge.web.pages.setup.tools import SetupTools
from awbridge.web.webhook.endpoint import WebhookEndpoint

Audience = Literal["own", "clickpost"]
ALL_MASKED = read_privacy("phone=mask,name=mask,email=mask,address=mask")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """Where reports are stored, what each audience may see, and which jobs are scheduled."""

    reports_in: Objects | None = None
    privacy: Mapping[Audience, Privacy] = field(default_factory=lambda: {"own": ALL_MASKED, "clickpost": ALL_MASKED})
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Kolkata"))
    crons: tuple[tuple[str, str], ...] = ()
    privacy_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiContext:
    """The store, the clock and the policies of the API.

    `clickpost`: None where this process does not call ClickPost. `zone`: the account's; days, and times without a zone,
    are local to it. `poll_again_after`: the shortest time between two polls of one shipment. `networks`: private
    networks that endpoints may be in. `country`: the country of phone numbers without a country code. `sign_in`: an
    identity provider for the pages. `labels` fetches labels, `documents` makes PDFs. `setup`: the installation, for the
    set-up page. `messages`: templates and rules of messages, for their pages. `links`: to the customer's page.
    `answers`: how customers' answers are treated. `title`: what pages call the account; "" for the home. `accounts`:
    those beside the home, which its admins manage; None for an account.
    """

    store: Store
    clock: Clock
    clickpost: ListsAccounts | None = None
    audit: AuditContext = field(default_factory=AuditContext)
    allocation: Allocation = Allocation.RULES
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Kolkata"))
    poll_again_after: timedelta = timedelta(hours=2)
    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER
    networks: Sequence[Network] = ()
    sign_in: SignInProvider | None = None
    country: str = "IN"
    labels: FetchesLabels = field(default_factory=OnlyStored)
    documents: DocumentMaker = field(default_factory=DocumentMaker)
    setup: SetupTools | None = None
    messages: MessageContext | None = None
    links: TrackLinks = NO_LINKS
    answers: AnswerPolicy = field(default_factory=AnswerPolicy)
    title: str = ""
    accounts: AccountTools | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessContext:
    """The parts of this process whose health and metrics are shown. `work` receives no webhooks and has no clients."""

    loops: Sequence[Loop]
    readiness: Readiness
    access: AccessList
    webhook: WebhookEndpoint | None = None
    connections: Connections | None = None
    recorder: CallRecorder | None = None
