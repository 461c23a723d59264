"""The pages of messages: what was sent and why not, previews of templates, and opt-outs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from awbridge.domain.notify.notices import Channel
from awbridge.sinks.templates import Templates
from awbridge.store.notify import opt_outs
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext
from awbridge.web.pages.messages import opt_out_page, sent
from awbridge.web.pages.messages.context import MessageContext
from tests.support.app import Web, web_of
from tests.support.notices import POLICY, Kept, a_customer, a_payload, notify
from tests.support.pages import next_page, open_page, send_form
from tests.support.rows import T0, fetch, sql

pytestmark = pytest.mark.heavy

OPT_OUTS = "/messages/opt-outs"


async def reached(web: Web, *references: str) -> None:
    """Shipments that reached a milestone, with their notices sent or suppressed."""
    for number, reference in enumerate(references):
        payload = a_payload(reference, enable_sms=False)
        await a_customer(web.store, reference, f"AWB{number}", payload=payload)
    async with web.store.write() as session:
        statement = (
            "INSERT INTO milestones (shard, reference_number, milestone, status_code, status_at, reached_at, due_at, "
            "why) SELECT shard, reference_number, 'shipped', 5, $1, $1, $1, '' FROM shipments"
        )
        await session.execute(sql(statement), web.clock.now)
    channels = {Channel.MAIL: Kept(), Channel.SMS: Kept()}
    while await notify(web.store, channels, web.clock):
        web.clock.forward(seconds=6)


async def test_messages_are_listed_with_their_reason_and_a_masked_recipient(web: Web) -> None:
    assert "No messages." in await open_page(web, "/messages")
    await reached(web, "ORDER-1")
    shown = await open_page(web, "/messages")
    assert "a***@example.com" in shown
    assert "asha@example.com" not in shown
    assert "**********000" in shown
    assert "the payload refuses sms" in shown
    only = await open_page(web, "/messages?state=suppressed")
    assert "a***@example.com" not in only
    assert "the payload refuses sms" in only


async def test_messages_follow_each_other_over_pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent, "PAGE_SIZE", 1)
    await reached(web, "ORDER-1", "ORDER-2")
    path, seen = "/messages?state=sent", list[str]()
    while path:
        shown = await open_page(web, path)
        seen += [reference for reference in ("ORDER-1", "ORDER-2") if f">{reference}<" in shown]
        path = next_page(shown)
    assert sorted(seen) == ["ORDER-1", "ORDER-2"]


async def test_a_template_is_previewed_with_made_up_values_or_those_of_a_shipment(web: Web) -> None:
    shown = await open_page(web, "/messages/templates?milestone=delivered&channel=mail&language=en")
    assert "Acme" in shown
    assert "AWBRIDGE_TEMPLATES_DIR" in shown
    await a_customer(web.store, "ORDER-9", "AWB9")
    shown = await open_page(web, "/messages/templates?milestone=delivered&channel=sms&language=hi&reference=ORDER-9")
    assert "order of ORDER-9" in shown
    assert 'lang="hi"' in shown
    assert "1 SMS" in shown or "2 SMS" in shown
    missing = await open_page(web, "/messages/templates?reference=NOPE")
    assert "there is no shipment NOPE" in missing
    assert (await web.http.get("/messages/templates?milestone=x")).status_code == 422


async def test_a_preview_says_which_language_is_sent_instead_of_one_without_templates(web: Web) -> None:
    asked = "/messages/templates?milestone=delivered&channel=sms&language="
    assert "There is no template of this message in ta. It is sent in English." in await open_page(web, f"{asked}ta")
    arabic = await open_page(web, f"{asked}ar")
    assert "There is no template" not in arabic
    assert '<option value="ar" selected>العربية</option>' in arabic
    assert "&lt;i&gt;" in await open_page(web, f"{asked}<i>")


async def test_an_own_template_is_named_by_its_file_and_checked(web: Web, tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "shipped.text.j2").write_text("Hello {{ nam }} <b>")
    (tmp_path / "en" / "delivered.text.j2").write_text("Parcel of {{ name }} came <b>")
    context = MessageContext(templates=Templates(tmp_path), policy=POLICY)
    api = ApiContext(store=web.store, clock=web.clock, messages=context)
    app = build_app(api, webhook=web.endpoint, loops=(), api_keys=())
    async with web_of(app, web.store, web.clock, web.endpoint, web.ingest) as own:
        shown = await open_page(own, "/messages/templates?milestone=delivered&channel=sms")
        assert "Parcel of Asha Rao came &lt;b&gt;" in shown
        assert f"{tmp_path}/en/delivered.text.j2" in shown
        assert "unknown variable nam" in shown
        broken = await open_page(own, "/messages/templates?milestone=shipped&channel=sms")
        assert "&#39;nam&#39; is undefined" in broken


async def test_an_address_opts_out_and_in_again_as_a_hash(web: Web) -> None:
    form = {"address": "9000000001", "channel": "", "action": "add"}
    for result, text in (("added", "No more messages"), ("known", "had opted out already")):
        await send_form(web, OPT_OUTS, form, status=303)
        shown = await open_page(web, f"{OPT_OUTS}?result={result}")
        assert text in shown
        assert "9000000001" not in shown
        assert opt_outs.address_hash("+919000000001")[:16] in shown
    await send_form(web, OPT_OUTS, {**form, "action": "remove"}, status=303)
    assert await fetch(web.store, "SELECT channel FROM opt_outs") == []
    assert "no such opt-out" in await send_form(web, OPT_OUTS, {**form, "action": "remove"}, status=422)
    for wrong in ({"channel": "chat"}, {"action": "x"}, {"address": "x"}):
        await send_form(web, OPT_OUTS, form | wrong, status=422)


async def test_opt_outs_follow_each_other_over_pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opt_out_page, "PAGE_SIZE", 1)
    hashes: list[str] = []
    async with web.store.write() as session:
        for number in range(3):
            address = f"+91900000000{number}"
            await opt_outs.add(session, address, now=T0 + timedelta(seconds=number // 2))
            await opt_outs.add(session, address, channel=Channel.SMS, now=T0)
            hashes.append(opt_outs.address_hash(address)[:16])
    path, seen = OPT_OUTS, list[str]()
    while path:
        shown = await open_page(web, path)
        seen += [one for one in hashes if one in shown]
        path = next_page(shown)
    assert sorted(seen) == sorted(hashes * 2)
    assert (await web.http.get(f"{OPT_OUTS}?at=x")).status_code == 404
