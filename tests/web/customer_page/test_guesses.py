"""Guessing links finds nothing, asks the database nothing, and locks nobody out."""

from __future__ import annotations

import random
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from awbridge.domain.customer_page.links import HEALTH_PATH, HEALTH_TEXT
from awbridge.store import Store
from tests.support.customer_page import KEYS, At, CustomersView, add_parcel

pytestmark = pytest.mark.heavy


class CountingStore:
    """A real store that counts its sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sessions = 0

    def read(self) -> AbstractAsyncContextManager[Any]:
        self.sessions += 1
        return self._store.read()


def guesses(count: int) -> list[str]:
    """Made-up tokens; those that a key could have made are left out."""
    rng = random.Random(19)
    made = ("".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=16)) for _ in range(count + 5))
    return [token for token in made if not KEYS.read(token)][:count]


async def test_a_thousand_guesses_ask_the_database_nothing(store: Store) -> None:
    token = await add_parcel(store, "REF-1", At(5))
    counting: Any = CountingStore(store)
    page = CustomersView(counting)
    answers = [await page.get(guess) for guess in guesses(1000)]
    assert [answer.status_code for answer in answers[:30]] == [404] * 30
    assert sum(answer.status_code == 429 for answer in answers) > 900
    limited = answers[-1]
    assert 1 <= int(limited.headers["retry-after"]) <= 2
    assert limited.headers["cache-control"] == "no-store", "no cache answers everyone so"
    assert counting.sessions == 0
    opened = await page.get(token)
    assert opened.status_code == 200, "a customer behind the same address still sees the parcel"
    assert counting.sessions == 1


async def test_links_that_open_nothing_any_more_count_as_guesses(store: Store) -> None:
    page = CustomersView(store)
    statuses = [(await page.get(KEYS.token(f"GONE-{n}"))).status_code for n in range(31)]
    assert statuses == [*([404] * 30), 429]


async def test_the_page_says_that_it_is_there(store: Store) -> None:
    answer = await CustomersView(store).http.get(HEALTH_PATH)
    assert (answer.status_code, answer.text) == (200, HEALTH_TEXT)
    assert answer.headers["cache-control"] == "no-store"
