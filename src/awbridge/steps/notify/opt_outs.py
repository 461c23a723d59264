"""Opt-outs of customers: the API, the commands and the pages share them. Only a hash of an address is stored."""

from __future__ import annotations

from awbridge.domain.errors import NotFound, NotValid
from awbridge.domain.notify.notices import Channel
from awbridge.domain.notify.phones import reachable
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.notify import opt_outs

LONGEST_ADDRESS = 320  # characters


async def add_opt_out(*, store: Store, clock: Clock, address: str, country: str, channel: Channel | None) -> bool:
    """Send no more messages to a phone number or mail address, on one channel or all; False if that was known.

    `country`: that of phone numbers without a country code. Raises NotValid.
    """
    reached = _address(address, country)
    async with store.write() as session:
        return await opt_outs.add(session, reached, channel=channel, now=clock())


async def remove_opt_out(*, store: Store, address: str, country: str, channel: Channel | None) -> None:
    """Allow messages to an address again. Raises NotValid, and NotFound if it has no such opt-out."""
    reached = _address(address, country)
    async with store.write() as session:
        if not await opt_outs.remove(session, reached, channel=channel):
            raise NotFound("this address has no such opt-out")


def _address(text: str, country: str) -> str:
    if len(text) > LONGEST_ADDRESS or "\x00" in text:
        raise NotValid(f"an address has at most {LONGEST_ADDRESS} characters")
    try:
        return reachable(text, country=country)
    except ValueError as error:
        raise NotValid(str(error)) from None
