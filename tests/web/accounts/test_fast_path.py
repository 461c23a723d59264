"""Webhooks of accounts that are awake are answered in the protocol itself, those of all others as ASGI requests."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send

from awbridge.web.http.request_cycle import LARGEST_BUFFERED_BODY
from awbridge.web.webhook.endpoint import PATH
from tests.support.accounts import Accounts
from tests.support.app import serving
from tests.support.rows import count
from tests.web.http.test_protocol import STORED, connected, request

ACME = f"/a/acme{PATH}"


class Recording:
    """The server's app, which records the paths of ASGI requests."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.seen: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(scope["path"])
        await self.accounts.app(scope, receive, send)


async def test_a_webhook_of_an_account_that_is_awake_needs_no_asgi(accounts: Accounts) -> None:
    recorded, acme = Recording(accounts), accounts.of("acme")
    async with (
        serving(recorded, accounts.home.webhook, sites=accounts.sites) as url,
        connected(url) as line,
        connected(url) as other,
    ):
        for path in (ACME, f"{ACME}/key-of-acme", f"{ACME}?secret=key-of-acme"):
            line.send(request(path=path, key="key-of-acme" if path == ACME else "none"))
            assert (await line.answer())[::2] == (200, STORED)
        assert recorded.seen == []
        assert acme.webhook.counts == {200: 3}
        assert accounts.home.webhook.counts == accounts.of("zest").webhook.counts == {}
        assert (await count(acme.store, "inbox"), await count(accounts.home.store, "inbox")) == (1, 0)

        # Whole batches of different accounts and the home on one connection, answered in order.
        of_home = request(key="key-of-")
        of_zest = request(path=f"/a/zest{PATH}", key="key-of-zest")
        line.send(request(path=ACME, key="key-of-acme"), of_home, of_zest, request(path=ACME, key="key-of-zest"))
        assert [(await line.answer())[0] for _ in range(4)] == [200, 200, 200, 401]
        assert recorded.seen == [ACME], "the wrong key"
        assert await count(accounts.home.store, "inbox") == await count(accounts.of("zest").store, "inbox") == 1

        # What ASGI must answer: as at home, and all that names no account that is awake.
        recorded.seen.clear()
        accounts.sites.asleep.add("zest")
        accounts.sites.suspended.add("acme")
        for path, key, status in (
            (f"/a/zest{PATH}", "key-of-zest", 200),
            (ACME, "key-of-acme", 200),
            (f"/a/nobody{PATH}", "key-of-acme", 404),
            (f"/a/ACME{PATH}", "key-of-acme", 404),
            (f"/a/%61cme{PATH}", "key-of-acme", 404),
            (f"/a/{PATH}", "key-of-acme", 404),
            (f"/a{PATH}", "key-of-acme", 404),
            (f"/a/{'a' * 2000}{PATH}", "key-of-acme", 404),
            (f"/a/acme{PATH}s", "key-of-acme", 403),
        ):
            other.send(request(path=path, key=key))
            assert (await other.answer())[0] == status, path
        assert len(recorded.seen) == 9
        assert await other.ask(request(path=f"/a/zest{PATH}", key="key-of-zest")) == 200
        assert len(recorded.seen) == 9, "zest is awake now"
        assert await other.ask(request(b" " * (LARGEST_BUFFERED_BODY + 1), path=f"/a/zest{PATH}")) == 401


async def test_without_accounts_their_paths_are_the_homes_and_answered_as_ever(accounts: Accounts) -> None:
    seen: list[str] = []

    async def home(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])
        await accounts.of("acme").app(scope, receive, send)

    async with serving(home, accounts.home.webhook) as url, connected(url) as line:
        assert await line.ask(request(path=ACME, key="key-of-acme")) == 403, "no such page of the API"
        assert await line.ask(request(key="key-of-")) == 200
    assert seen == [ACME]


async def test_a_delivery_whose_account_goes_to_sleep_meanwhile_is_answered_503(accounts: Accounts) -> None:
    async with serving(accounts.app, accounts.home.webhook, sites=accounts.sites) as url, connected(url) as line:
        whole = request(path=ACME, key="key-of-acme")
        line.send(whole[:-20])
        await asyncio.sleep(0.02)
        accounts.sites.asleep.add("acme")
        await accounts.flush_no_more("acme")
        line.send(whole[-20:])
        assert (await line.answer())[0] == 503
    assert await count(accounts.of("acme").store, "inbox") == 0
