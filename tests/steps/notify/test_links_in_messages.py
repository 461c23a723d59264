"""Messages carry the link to the customer's page; an SMS in India only where its registered template has one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from awbridge.domain.customer_page.links import LinkKeys, TrackLinks
from awbridge.domain.notify.notices import Channel
from awbridge.domain.tracking.milestones import Milestone
from awbridge.sinks.templates import EXAMPLE, Templates
from awbridge.steps.notify.preview import MessageChoice, preview_example, preview_for
from awbridge.store import Store
from tests.steps.notify.test_notify import hear
from tests.support.notices import POLICY, Kept, a_customer, a_payload, notify
from tests.support.rows import T0
from tests.support.world import SetClock, webhook

KEYS = LinkKeys(["a key of the tests"])
LINKS = TrackLinks("https://t.shop.in", KEYS)
LONG, SHORT = f"https://t.shop.in/track/{KEYS.token('R')}", f"https://t.shop.in/t/{KEYS.token('R')}"
ON = replace(POLICY, links=LINKS, rules=replace(POLICY.rules, consent=frozenset(Channel)))
LANGUAGES = ("en", "hi", "ar")


def sms_template(folder: Path, head: str) -> Templates:
    file = folder / "en" / "shipped.sms.j2"
    file.parent.mkdir()
    file.write_text(
        f"dlt_template_id: 1107\n{head}---\nOn its way.{{% if track_url %}} {{{{ track_url }}}}{{% endif %}}"
    )
    return Templates(folder)


async def sent(store: Store, channel: Channel, templates: Templates | None = None, **changes: Any) -> str:
    clock, kept = SetClock(), Kept()
    payload = a_payload("R", **changes.pop("additional", {}))
    payload["drop_info"] |= changes.pop("drop", {})
    await a_customer(store, "R", payload=payload)
    await hear(store, clock, webhook("AWB1", 5, T0))
    await notify(store, {channel: kept}, clock, replace(ON, **changes), templates=templates)
    (message,) = kept.messages
    if channel is Channel.MAIL:
        assert f'<a href="{LONG}">{LONG}</a>' in (message.html or "")
    return message.text


@pytest.mark.parametrize("channel", [Channel.MAIL, Channel.WHATSAPP])
async def test_a_mail_and_whatsapp_have_the_long_link(store: Store, channel: Channel) -> None:
    assert LONG in await sent(store, channel)


async def test_an_sms_in_india_has_no_link_by_itself(store: Store) -> None:
    assert "t.shop.in" not in await sent(store, Channel.SMS)


@pytest.mark.parametrize(("head", "link"), [("", ""), ("dlt_link: no\n", ""), ("dlt_link: yes\n", f" {SHORT}")])
async def test_an_sms_in_india_has_a_link_where_its_registered_template_has_one(
    store: Store, tmp_path: Path, head: str, link: str
) -> None:
    assert await sent(store, Channel.SMS, sms_template(tmp_path, head)) == f"On its way.{link}"


async def test_an_sms_to_another_country_has_the_short_link(store: Store) -> None:
    assert SHORT in await sent(store, Channel.SMS, drop={"drop_phone": "+971501234567", "drop_country": "AE"})


async def test_an_sms_has_the_long_link_where_the_setting_says_so(store: Store) -> None:
    drop = {"drop_phone": "+971501234567", "drop_country": "AE"}
    assert LONG in await sent(store, Channel.SMS, drop=drop, short_links=False)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("milestone", Milestone)
@pytest.mark.parametrize("channel", [Channel.MAIL, Channel.WHATSAPP, Channel.SMS])
def test_every_shipped_message_has_the_link_and_reads_well_without(
    milestone: Milestone, channel: Channel, language: str
) -> None:
    texts, link = Templates(), str(EXAMPLE["track_url"])
    for values in (EXAMPLE, {**EXAMPLE, "is_return": True}):
        having = texts.render(milestone, channel, language, values)
        assert having.text.count(link) == 1
        for without in (
            texts.render(milestone, channel, language, {**values, "track_url": ""}),
            texts.render(milestone, channel, language, values, dlt=True),
        ):
            lines = [line for line in having.text.split("\n") if link not in line]
            assert without.text.split() == " ".join(lines).split(), "the line of the link is gone, and nothing else"
            assert "\n\n\n" not in without.text
            assert not without.text.endswith(":")


def test_a_long_address_is_not_cut() -> None:
    url = "https://orders.a-very-long-name-of-a-shop.example/customers/of/_our_/shop/*/track/5vd6hvnrhwxyfxlp"
    for channel in (Channel.WHATSAPP, Channel.CHAT, Channel.MAIL):
        assert url in Templates().render(Milestone.SHIPPED, channel, "en", {**EXAMPLE, "track_url": url}).text


def test_what_surrounds_the_link_in_a_mail_stays_escaped() -> None:
    values = {**EXAMPLE, "courier": "<b>x</b>"}
    html = Templates().render(Milestone.SHIPPED, Channel.MAIL, "en", values).html or ""
    assert "<b>" not in html
    assert f'<a href="{EXAMPLE["track_url"]}">' in html


@pytest.mark.parametrize(
    ("channel", "policy", "link"),
    [
        (Channel.MAIL, ON, "https://t.shop.in/track/5vd6hvnrhwxyfxlp"),
        (Channel.SMS, replace(ON, country="AE"), "https://t.shop.in/t/5vd6hvnrhwxyfxlp"),
        (Channel.SMS, ON, None),
        (Channel.MAIL, POLICY, None),
    ],
)
def test_a_preview_shows_the_link_that_would_be_sent(channel: Channel, policy: Any, link: str | None) -> None:
    seen = preview_example(Templates(), policy, MessageChoice(milestone=Milestone.SHIPPED, channel=channel))
    assert seen.message
    assert ("://" in seen.message.text) is (link is not None)
    assert link is None or link in seen.message.text


async def test_a_preview_of_a_shipment_shows_its_own_link(store: Store) -> None:
    await a_customer(store, "R")
    choice = MessageChoice(milestone=Milestone.SHIPPED, channel=Channel.MAIL)
    seen = await preview_for(
        store=store, clock=SetClock(), templates=Templates(), policy=ON, reference_number="R", choice=choice
    )
    assert seen.message
    assert LONG in seen.message.text
