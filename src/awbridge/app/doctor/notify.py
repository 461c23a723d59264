"""Checks of notifications: channels, and what needs a person."""

from __future__ import annotations

from awbridge.app import connections
from awbridge.app.doctor.diagnosis import ATTENTION, OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.domain.errors import SettingsError
from awbridge.domain.orders.attention import NEEDS
from awbridge.sinks.messages import is_free_text_on_whatsapp
from awbridge.store.notify import alarms, attention


async def check_messages(context: CheckContext) -> list[Diagnosis]:
    """Whether the channels to customers and operators can be opened; nothing is sent."""
    settings = context.settings
    try:
        channels = connections.customer_channels(settings)
        operators = connections.operators(settings)
    except SettingsError as error:
        do = "correct it: awbridge serve does not start with it"
        return [Diagnosis(check="messages", level=PROBLEM, found=str(error), do=do)]
    url = settings.notice_whatsapp_url.get_secret_value()
    if url and is_free_text_on_whatsapp(url):
        text = "WhatsApp without a template: free text reaches only customers who wrote to you within 24 hours"
        do = "name a template in AWBRIDGE_NOTICE_WHATSAPP_URL (docs/notices.md#channels)"
        return [Diagnosis(check="messages", level=WARNING, found=text, do=do)]
    text = f"customers: {', '.join(channels) or 'no channel'}; operators: {len(operators)} channels"
    return [Diagnosis(check="messages", level=OK, found=text)]


async def check_attention(context: CheckContext) -> list[Diagnosis]:
    async with context.store.read() as session:
        needs = await attention.count(session, context.settings.stuck_after, now=context.clock())
        raised = await alarms.open_now(session)
    found = [
        Diagnosis(
            check="attention",
            level=ATTENTION if NEEDS[need].needs_person else WARNING,
            found=NEEDS[need].counted(count),
            do=NEEDS[need].command,
        )
        for need, count in needs.items()
        if count
    ]
    do = "resolve the cause; the alarm clears by itself"
    found += [Diagnosis(check=f"alarm {a.cause}", level=ATTENTION, found=a.text, do=do) for a in raised]
    return found or [Diagnosis(check="attention", level=OK, found="nothing needs attention")]
