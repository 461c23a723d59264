"""What serves accounts, and the paths that belong to one: /a/{account}/..."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Scope

from awbridge.domain.accounts.names import is_name
from awbridge.domain.errors import AwbridgeError
from awbridge.web.webhook.endpoint import PATH, WebhookEndpoint

BELOW = "/a/"
# The process answers these once, at the root.
OF_THE_PROCESS = frozenset({"/healthz", "/readyz", "/metrics"})


class AccountSite(Protocol):
    """An account that is open: its app and its webhook endpoint. Both get paths without `/a/{account}`."""

    @property
    def app(self) -> ASGIApp:
        """The account's app: API, pages, customer's page."""
        ...

    @property
    def webhook(self) -> WebhookEndpoint:
        """The account's webhook endpoint."""
        ...


class AccountSites(Protocol):
    """The accounts of this process."""

    def awake(self, name: str) -> AccountSite | None:
        """The account if it is open and not suspended; None otherwise. No I/O: it is asked for every webhook."""
        ...

    def exist(self) -> bool:
        """Whether there are accounts beside the home, as far as is known. No I/O."""
        ...

    async def open(self, name: str) -> AccountSite:
        """The account, which is opened if it sleeps. Raises NoAccount, AccountSuspended, StoreBusy.

        Must be quick for names that do not exist: anyone may ask for them.
        """
        ...


class AccountSuspended(AwbridgeError):
    """The account is suspended. `site` still stores its webhooks."""

    def __init__(self, site: AccountSite) -> None:
        self.site = site
        super().__init__("the account is suspended")


@dataclass(frozen=True, slots=True)
class AccountPath:
    """A path of an account. `rest` begins with a slash, or is empty for `/a/{account}` itself."""

    name: str
    rest: str

    @property
    def prefix(self) -> str:
        """What every path of the account begins with."""
        return BELOW + self.name


def is_below_accounts(path: str) -> bool:
    """Whether a path belongs to an account, to one that does not exist, or to none: /a/..."""
    return path.startswith(BELOW) or path == "/a"


def read_account_path(scope: Scope) -> AccountPath | None:
    """The account and the rest of a path; None where the path names no account as it must be written.

    A name that is percent-encoded, even in part, is none: what stands before and behind awbridge must see the same
    account in the same path.
    """
    name, slash, rest = scope["path"].removeprefix(BELOW).partition("/")
    if not is_name(name):
        return None
    found = AccountPath(name, slash + rest)
    raw: bytes = scope.get("raw_path") or b""
    prefix = found.prefix.encode()
    return found if not raw or raw == prefix or raw.startswith(prefix + b"/") else None


def endpoint_path(account: str) -> str:
    """The path of the webhook endpoint of an account; "" is the home."""
    return f"{BELOW}{account}{PATH}" if account else PATH


def other_endpoint(url: str, account: str) -> str:
    """Why webhooks of an account cannot go to this URL: it is another's endpoint. "" if they can; "" is the home.

    What a proxy makes of any other path is not known here.
    """
    before, endpoint, _ = urlsplit(url).path.partition(PATH)
    prefix = f"{BELOW}{account}" if account else ""
    if not endpoint or (before.endswith(prefix) if prefix else BELOW not in before):
        return ""
    whose = f"the account {account}" if account else "the home"
    return f"webhooks of {whose} go to https://your-host{endpoint_path(account)}, not to {before}{PATH}"


def account_in(url: bytes) -> str:
    """The name of the account in the URL of a webhook, such as /a/{account}/webhooks/clickpost; "" without one.

    The name is not checked: it is for `awake`, which knows the names.
    """
    name, slash, _ = url[len(BELOW) :].partition(b"/") if url.startswith(_BELOW_BYTES) else (b"", b"", b"")
    return name.decode("latin-1") if slash else ""


_BELOW_BYTES = BELOW.encode()
