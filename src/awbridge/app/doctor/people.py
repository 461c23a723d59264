"""Checks of who may open the pages and call the API."""

from __future__ import annotations

from awbridge.app.doctor.diagnosis import OK, WARNING, CheckContext, Diagnosis
from awbridge.store.people import api_keys, people

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


async def check_people(context: CheckContext) -> list[Diagnosis]:
    """Whether pages that listen on another address than loopback's have people who sign in."""
    settings = context.settings
    async with context.store.read() as session:
        active = sum(person.is_active for person in await people.every(session))
        stored = len(await api_keys.accepted(session))
    keys = stored + len(settings.api_keys)
    text = f"{active} people may sign in; {keys} API keys"
    if active or settings.host in _LOOPBACK:
        return [Diagnosis("people", OK, text)]
    do = "awbridge people add NAME --role admin (docs/how-to/operate/people.md)"
    if keys:
        text = f"the pages on {settings.host} are opened with a shared key: no person was added"
        return [Diagnosis("people", WARNING, text, do)]
    text = f"the pages listen on {settings.host}, but there are neither people nor keys: only loopback may open them"
    return [Diagnosis("people", WARNING, text, do)]
