"""Guesses of API keys are limited per address, without affecting callers with the right key elsewhere."""

from __future__ import annotations

from collections import Counter

import pytest

from awbridge.store import Store
from awbridge.web.key_limiter import BURST, WrongKeyLimiter
from tests.support.app import web_on
from tests.support.stores import sqlite_only


class SetTime:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def new_limiter(**limits: int) -> tuple[WrongKeyLimiter, SetTime, Counter[str]]:
    clock, refused = SetTime(), Counter[str]()
    return WrongKeyLimiter(refused, clock=clock, **limits), clock, refused


def test_after_a_burst_an_address_has_one_guess_per_interval() -> None:
    limiter, clock, refused = new_limiter(burst=3, interval=6)
    assert [limiter.count("203.0.113.9", right=False) for _ in range(3)] == [0, 0, 0]
    assert limiter.count("203.0.113.9", right=False) == 6
    assert limiter.count("203.0.113.9", right=True) == 6, "otherwise it would reveal the right guess"
    clock.now += 6
    assert limiter.count("203.0.113.9", right=False) == 0
    assert limiter.count("203.0.113.9", right=False) == 6
    assert refused == {"api_key": 3}


def test_other_addresses_are_not_limited() -> None:
    limiter, _, _ = new_limiter()
    for _ in range(100):
        limiter.count("203.0.113.9", right=False)
    assert limiter.count("203.0.113.10", right=True) == 0
    assert limiter.count("203.0.113.10", right=False) == 0


def test_a_right_key_is_accepted_where_one_was_accepted_within_the_hour() -> None:
    limiter, clock, _ = new_limiter()
    assert limiter.count("203.0.113.9", right=True) == 0
    for _ in range(100):
        limiter.count("203.0.113.9", right=False)
    assert limiter.count("203.0.113.9", right=True) == 0
    assert limiter.count("203.0.113.9", right=False) > 0
    clock.now += 3599
    for _ in range(100):
        limiter.count("203.0.113.9", right=False)
    assert limiter.count("203.0.113.9", right=True) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("", "", True),
        ("testclient", "other", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, *, same: bool) -> None:
    limiter, _, _ = new_limiter(burst=1)
    limiter.count(one, right=False)
    assert (limiter.count(other, right=False) > 0) is same


def test_memory_is_bounded_and_keeps_addresses_with_right_keys_longest() -> None:
    limiter, _, _ = new_limiter(burst=1, largest_memory=10)
    limiter.count("10.0.0.1", right=True)
    for number in range(1000):
        limiter.count(f"198.51.100.{number % 256}:{number}", right=False)
        limiter.count("10.0.0.1", right=True)
    assert limiter.remembered == 10
    limiter.count("10.0.0.1", right=False)
    assert limiter.count("10.0.0.1", right=True) == 0


@sqlite_only
async def test_the_api_and_the_pages_share_one_limit_and_say_when_to_retry(store: Store) -> None:
    async with web_on(store, api_keys=("right",)) as web:
        limited, other = web.client("203.0.113.9"), web.client("203.0.113.10")
        for number in range(BURST):
            answer = await limited.get("/v1/shipments", headers={"authorization": f"Bearer guess {number}"})
            assert answer.status_code == 401
        api = await limited.get("/v1/shipments", headers={"authorization": "Bearer right"})
        page = await limited.get("/", auth=("me", "right"))
        for answer in (api, page):
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 6
        assert api.json()["title"] == "Too many wrong keys"
        assert (await other.get("/v1/shipments", headers={"authorization": "Bearer right"})).status_code == 200
        for path in ("/v1/shipments", "/"):
            answer = await limited.get(path)
            assert answer.status_code == 401, "a request without a key is no guess"
        assert (await limited.get("/healthz")).status_code == 200


@sqlite_only
async def test_webhooks_are_not_limited(store: Store) -> None:
    async with web_on(store, api_keys=("right",)) as web:
        http = web.client("203.0.113.9")
        for number in range(50):
            answer = await http.post("/webhooks/clickpost", content=b"[]", headers={"webhook_key": f"guess {number}"})
            assert answer.status_code == 401
        answer = await http.post("/webhooks/clickpost", content=b"[{}]", headers={"webhook_key": "right"})
        assert answer.status_code == 200
