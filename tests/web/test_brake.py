"""Whoever guesses API keys is braked; whoever has the right one is not, by the guesses of others."""

from __future__ import annotations

from collections import Counter

import pytest

from awbridge.store import Store
from awbridge.web.brake import FREE, Brake
from tests.support.app import web_on
from tests.support.stores import sqlite_only


class SetTime:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_brake(**more: int) -> tuple[Brake, SetTime, Counter[str]]:
    clock, refused = SetTime(), Counter[str]()
    return Brake(refused, clock=clock, **more), clock, refused


def test_after_its_free_guesses_an_address_has_one_now_and_then() -> None:
    brake, clock, refused = a_brake(free=3, every=6)
    assert [brake.judge("203.0.113.9", right=False) for _ in range(3)] == [0, 0, 0]
    assert brake.judge("203.0.113.9", right=False) == 6
    assert brake.judge("203.0.113.9", right=True) == 6, "else it would be told which guess was right"
    clock.now += 6
    assert brake.judge("203.0.113.9", right=False) == 0
    assert brake.judge("203.0.113.9", right=False) == 6
    assert refused == {"api_key": 3}


def test_other_addresses_are_not_braked() -> None:
    brake, _, _ = a_brake()
    for _ in range(100):
        brake.judge("203.0.113.9", right=False)
    assert brake.judge("203.0.113.10", right=True) == 0
    assert brake.judge("203.0.113.10", right=False) == 0


def test_a_right_key_is_let_in_from_where_one_was_right_within_the_hour() -> None:
    brake, clock, _ = a_brake()
    assert brake.judge("203.0.113.9", right=True) == 0
    for _ in range(100):
        brake.judge("203.0.113.9", right=False)
    assert brake.judge("203.0.113.9", right=True) == 0
    assert brake.judge("203.0.113.9", right=False) > 0
    clock.now += 3599
    for _ in range(100):
        brake.judge("203.0.113.9", right=False)
    assert brake.judge("203.0.113.9", right=True) == 0


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
    brake, _, _ = a_brake(free=1)
    brake.judge(one, right=False)
    assert (brake.judge(other, right=False) > 0) is same


def test_it_remembers_so_many_addresses_and_no_more_and_longest_those_with_a_right_key() -> None:
    brake, _, _ = a_brake(free=1, remembered=10)
    brake.judge("10.0.0.1", right=True)
    for number in range(1000):
        brake.judge(f"198.51.100.{number % 256}:{number}", right=False)
        brake.judge("10.0.0.1", right=True)
    assert brake.remembered == 10
    brake.judge("10.0.0.1", right=False)
    assert brake.judge("10.0.0.1", right=True) == 0


@sqlite_only
async def test_the_api_and_the_pages_share_one_brake_and_say_when_to_come_again(store: Store) -> None:
    async with web_on(store, api_keys=("right",)) as web:
        there, elsewhere = web.client("203.0.113.9"), web.client("203.0.113.10")
        for number in range(FREE):
            answer = await there.get("/v1/shipments", headers={"authorization": f"Bearer guess {number}"})
            assert answer.status_code == 401
        api = await there.get("/v1/shipments", headers={"authorization": "Bearer right"})
        page = await there.get("/", auth=("me", "right"))
        for answer in (api, page):
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 6
        assert api.json()["title"] == "Too many wrong keys"
        assert (await elsewhere.get("/v1/shipments", headers={"authorization": "Bearer right"})).status_code == 200
        for path in ("/v1/shipments", "/"):
            answer = await there.get(path)
            assert answer.status_code == 401, "who sends no key makes no guess"
        assert (await there.get("/healthz")).status_code == 200


@sqlite_only
async def test_a_webhook_is_never_braked(store: Store) -> None:
    async with web_on(store, api_keys=("right",)) as web:
        http = web.client("203.0.113.9")
        for number in range(50):
            answer = await http.post("/webhooks/clickpost", content=b"[]", headers={"webhook_key": f"guess {number}"})
            assert answer.status_code == 401
        answer = await http.post("/webhooks/clickpost", content=b"[{}]", headers={"webhook_key": "right"})
        assert answer.status_code == 200
