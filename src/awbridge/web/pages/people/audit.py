"""The page of the audit log: who did what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from awbridge.domain.people.audited import ACTION_TEXTS, AuditAction
from awbridge.store import Store
from awbridge.store.people import audit_log
from awbridge.store.people.audit_log import NEWEST, AuditRecord
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.requested import parse_id

PAGE_SIZE = 50
_FILTERS = ("actor", "action", "subject")


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry with its texts."""

    entry: AuditRecord

    @property
    def title(self) -> str:
        """What was done."""
        known = {action.value: text for action, text in ACTION_TEXTS.items()}
        return known.get(self.entry.action, self.entry.action)

    @property
    def who(self) -> str:
        """The actor: a name, or the kind of one without a name."""
        return self.entry.actor or self.entry.actor_kind.value

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """(field, before, after) of every field that the entry names; "" on the side that lacks it."""
        before, after = self.entry.before or {}, self.entry.after or {}
        return [(name.replace("_", " "), _value(before, name), _value(after, name)) for name in {**before, **after}]


def _value(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if isinstance(value, list):
        return ", ".join(map(str, value))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return "" if value is None else str(value)


def routes(store: Store, templates: PageTemplates) -> list[PageRoute]:
    """The route, on this store."""

    async def show_log(request: Request) -> Response:
        given = request.query_params
        wanted = {name: given.get(name, "").replace("\x00", "").strip() for name in _FILTERS}
        cursor = parse_id(given["cursor"]) if "cursor" in given else NEWEST
        async with store.read() as session:
            found = await audit_log.page(session, **wanted, before_id=cursor, limit=PAGE_SIZE + 1)
        page, following = found[:PAGE_SIZE], ""
        if len(found) > PAGE_SIZE:
            chosen = {name: value for name, value in wanted.items() if value}
            following = f"/audit?{urlencode({**chosen, 'cursor': page[-1].id})}"
        return templates.page(
            "people/audit",
            entries=[ShownEntry(entry) for entry in page],
            wanted=wanted,
            actions=sorted((text, action.value) for action, text in ACTION_TEXTS.items()),
            following=following,
        )

    # A form sends every field, also those left empty.
    parameters = {"actor": ANY_VALUE, "subject": ANY_VALUE, "action": ("", *AuditAction), "cursor": ANY_VALUE}
    return [PageRoute("/audit", show_log, parameters=parameters)]
