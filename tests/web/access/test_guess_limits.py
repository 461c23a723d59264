"""Who guesses at many accounts is limited over all of them, and locks out nobody who has a right key."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from awbridge.web.access.guess_limits import BURST, INTERVAL, GuessLimits
from awbridge.web.key_limiter import BURST as OF_ONE
from tests.support.accounts import accounts_on
from tests.web.test_key_limiter import SetTime

pytestmark = pytest.mark.heavy

GUESSER, OFFICE = "203.0.113.9", "203.0.113.10"


def test_one_address_has_few_guesses_over_all_accounts() -> None:
    refused, clock = Counter[str](), SetTime()
    limits = GuessLimits(refused, steady=clock)
    tried = [limits.keys_of(f"a{number}").count(GUESSER, right=False) == 0 for number in range(500)]
    assert sum(tried) == BURST
    assert refused == {"api_key": 500 - BURST}
    assert limits.keys_of("a501").count(GUESSER, right=True) > 0, "otherwise it would reveal the right guess"
    assert limits.keys_of("").count(GUESSER, right=False) > 0, "the home counts too"
    assert limits.keys_of("a1").count(OFFICE, right=False) == 0
    clock.now += INTERVAL
    assert limits.keys_of("a502").count(GUESSER, right=False) == 0
    assert limits.keys_of("a503").count(GUESSER, right=False) > 0


def test_a_right_key_of_one_account_opens_no_way_to_guess_at_others() -> None:
    limits = GuessLimits(Counter(), steady=SetTime())
    assert limits.keys_of("mine").count(OFFICE, right=True) == 0
    for number in range(100):
        limits.keys_of(f"a{number}").count(OFFICE, right=False)
    assert limits.keys_of("mine").count(OFFICE, right=True) == 0, "its programs go on"
    assert limits.keys_of("a7").count(OFFICE, right=True) > 0


def test_an_account_that_was_closed_and_opened_again_remembers_guesses() -> None:
    limits = GuessLimits(Counter(), steady=SetTime())
    for _ in range(OF_ONE):
        limits.keys_of("gulf").count(GUESSER, right=False)
    assert limits.keys_of("gulf").count(GUESSER, right=False) > 0


def test_passwords_are_limited_over_all_accounts_too() -> None:
    limits = GuessLimits(Counter(), steady=SetTime())
    tried = [limits.sign_ins_of(f"a{n}").count(GUESSER, f"admin@a{n}", right=False) == 0 for n in range(500)]
    assert sum(tried) == BURST
    assert limits.sign_ins_of("a501").wait(GUESSER, "asha") > 0
    assert limits.sign_ins_of("a501").wait(OFFICE, "asha") == 0


async def test_the_accounts_of_a_server_share_the_limit(tmp_path: Path) -> None:
    names = [f"a{number}" for number in range(BURST // OF_ONE + 1)]
    async with accounts_on(tmp_path, *names, api_keys=True) as accounts, accounts.client(GUESSER) as guesser:
        wrong, key = {"authorization": "Bearer wrong"}, {"authorization": f"Bearer api-key-of-{names[-1]}"}
        for name in names[:-1]:
            for _ in range(OF_ONE):
                assert (await guesser.get(f"/a/{name}/v1/couriers", headers=wrong)).status_code == 401
        for headers in (wrong, key):
            assert (await guesser.get(f"/a/{names[-1]}/v1/couriers", headers=headers)).status_code == 429
        assert (await accounts.http.get(f"/a/{names[-1]}/v1/couriers", headers=key)).status_code == 200
