"""Checks of notifications: channels, and what needs a person."""

from __future__ import annotations

from awbridge.app import connections
from awbridge.app.doctor.diagnosis import ATTENTION, OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.domain.errors import MissingPart, SettingsError
from awbridge.domain.orders.attention import NEEDS
from awbridge.sinks.messages import is_free_text_on_whatsapp
from awbridge.store.notify import alarms, attention


async def check_messages(context: CheckContext) -> list[Diagnosis]:
    """Whether the channels to customers and operators can be opened; nothing is sent."""
    settings = context.settings
    try:
        channels = connections.customer_channels(settings)
        operators = connections.operators(settings)
    except MissingPart:
        raise
    except SettingsError as error:
        return [Diagnosis("messages", PROBLEM, str(error), "correct it: awbridge serve does not start with it")]
    url = settings.notice_whatsapp_url.get_secret_value()
    if url and is_free_text_on_whatsapp(url):
        text = "WhatsApp without a template: free text reaches only customers who wrote to you within 24 hours"
        do = "name a template in AWBRIDGE_NOTICE_WHATSAPP_URL (docs/how-to/operate/notices.md#channels)"
        return [Diagnosis("messages", WARNING, text, do)]
    text = f"customers: {', '.join(channels) or 'no channel'}; operators: {len(operators)} channels"
    return [Diagnosis("messages", OK, text)]


async def check_attention(context: CheckContext) -> list[Diagnosis]:
    async with context.store.read() as session:
        needs = await attention.count(session, context.settings.stuck_after, now=context.clock())
        raised = await alarms.open_now(session)
    levels = {need: ATTENTION if NEEDS[need].needs_person else WARNING for need, count in needs.items() if count}
    found = [
        Diagnosis("attention", level, NEEDS[need].counted(needs[need]), NEEDS[need].command)
        for need, level in levels.items()
    ]
    do = "resolve the cause; the alarm clears by itself"
    found += [Diagnosis(f"alarm {a.cause}", ATTENTION, a.text, do) for a in raised]
    return found or [Diagnosis("attention", OK, "nothing needs attention")]
