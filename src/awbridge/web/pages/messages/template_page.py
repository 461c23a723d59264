"""The page of message templates: each message by language, milestone and channel, as a customer would read it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from awbridge.domain.errors import NotFound
from awbridge.domain.notify.notices import Channel
from awbridge.domain.tracking.milestones import Milestone
from awbridge.steps.notify.preview import MessageChoice, MessagePreview, preview_example, preview_for
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.pages.messages.context import MessageContext
from awbridge.web.pages.messages.sent import CHANNELS, MILESTONES
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import PageTemplates

_ON = ("true",)


def routes(store: Store, clock: Clock, templates: PageTemplates, context: MessageContext) -> list[PageRoute]:
    """The route, on this store and these templates."""

    async def preview(choice: MessageChoice, reference: str) -> MessagePreview:
        texts, policy = context.templates, context.policy
        if not reference:
            return preview_example(texts, policy, choice)
        try:
            return await preview_for(
                store=store, clock=clock, templates=texts, policy=policy, reference_number=reference, choice=choice
            )
        except NotFound as error:
            return MessagePreview(file=None, problem=str(error))

    async def show_templates(request: Request) -> Response:
        query = request.query_params
        choice = MessageChoice(
            milestone=Milestone(query.get("milestone") or Milestone.OUT_FOR_DELIVERY),
            channel=Channel(query.get("channel") or Channel.MAIL),
            language=query.get("language", ""),
            is_return=bool(query.get("return")),
            another_day=bool(query.get("another_day")),
        )
        reference = query.get("reference", "").replace("\x00", "").strip()
        return templates.page(
            "messages/templates",
            choice=choice,
            reference=reference,
            preview=await preview(choice, reference),
            message_languages=context.templates.languages(),
            language_name=context.templates.language_name,
            channel_names=CHANNELS,
            milestones=MILESTONES,
            folder=context.templates.folder,
            findings=context.templates.lint(),
            sms=Channel.SMS,
        )

    parameters = {
        "milestone": [milestone.value for milestone in Milestone],
        "channel": [channel.value for channel in Channel],
        "language": ANY_VALUE,
        "reference": ANY_VALUE,
        "return": _ON,
        "another_day": _ON,
    }
    return [PageRoute("/messages/templates", show_templates, parameters=parameters)]
