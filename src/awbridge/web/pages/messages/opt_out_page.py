"""The page of opt-outs: add and remove an address. Only hashes are stored, so no address is listed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotFound, NotValid
from awbridge.domain.notify.notices import Channel
from awbridge.steps.notify import opt_outs as opt_out_steps
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.notify import opt_outs
from awbridge.store.notify.opt_outs import OptOut
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext
from awbridge.web.pages.messages.context import MessageContext
from awbridge.web.pages.messages.sent import CHANNELS
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.wording import sentence

PAGE_SIZE = 100
REACHING = [channel for channel in Channel if channel.reaches_customer]
_RESULTS = ("added", "known", "removed")


def routes(store: Store, clock: Clock, templates: PageTemplates, context: MessageContext) -> list[PageRoute]:
    """The routes, on this store."""

    async def shown(
        after: tuple[datetime, str, str] | None = None,
        *,
        result: str = "",
        problems: Mapping[str, str] | None = None,
        typed: Mapping[str, str] | None = None,
    ) -> Response:
        async with store.read() as session:
            found = await opt_outs.newest(session, after=after, limit=PAGE_SIZE + 1)
        page = found[:PAGE_SIZE]
        return templates.page(
            "messages/opt_outs",
            status=422 if problems else 200,
            opt_outs=page,
            following=_url_after(page[-1]) if len(found) > PAGE_SIZE else "",
            channels=REACHING,
            channel_names=CHANNELS,
            result=result,
            problems=problems or {},
            typed={"address": "", "channel": "", **(typed or {})},
        )

    async def list_opt_outs(request: Request) -> Response:
        return await shown(_position(request.query_params), result=request.query_params.get("result", ""))

    async def change(request: Request) -> Response:
        values = dict(await read_form(request))
        if values.get("channel", "") not in ("", *REACHING):
            return await shown(problems={"channel": gettext("Choose a channel.")}, typed=values)
        if values.get("action") not in ("add", "remove"):
            raise HTTPException(422, "This form is not one of this page. Open the page again.")
        channel = Channel(values["channel"]) if values.get("channel") else None
        address, country = values.get("address", "").strip(), context.policy.country
        try:
            if values["action"] == "add":
                new = await opt_out_steps.add_opt_out(
                    store=store, clock=clock, address=address, country=country, channel=channel
                )
                result = "added" if new else "known"
            else:
                await opt_out_steps.remove_opt_out(store=store, address=address, country=country, channel=channel)
                result = "removed"
        except (NotValid, NotFound) as error:
            return await shown(problems={"address": sentence(str(error))}, typed=values)
        return RedirectResponse(f"/messages/opt-outs?result={result}", 303, headers=HEADERS)

    parameters = {**dict.fromkeys(("at", "hash", "channel"), ANY_VALUE), "result": _RESULTS}
    return [
        PageRoute("/messages/opt-outs", list_opt_outs, parameters=parameters),
        PageRoute("/messages/opt-outs", change, method="POST"),
    ]


def _position(query: Mapping[str, str]) -> tuple[datetime, str, str] | None:
    """Where a page of the list begins; None for the first. Raises NotFound."""
    if not query.get("at"):
        return None
    try:
        at = datetime.fromisoformat(query["at"]).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotFound("This is not a page of the list.") from None
    return at, _text(query.get("hash", "")), _text(query.get("channel", ""))


def _url_after(last: OptOut) -> str:
    position = {"at": last.created_at.isoformat(), "hash": last.address_hash, "channel": last.channel}
    return f"/messages/opt-outs?{urlencode(position)}"


def _text(value: str) -> str:
    return value.replace("\x00", "")[:100]
