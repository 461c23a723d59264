"""The causes of alarms to operators. Pure."""

from __future__ import annotations

from enum import StrEnum


class AlarmCause(StrEnum):
    """What an alarm is about. The last four are raised per endpoint, account or step, as `endpoint.17`."""

    GAVE_UP = "gave_up"
    REFUSED = "refused"
    DEAD_LETTERS = "dead_letters"
    PIECES = "pieces"
    NOT_CANCELLED = "not_cancelled"
    REPLACEMENTS_WAITING = "replacements.waiting"
    WAYBILLS_REUSED = "waybills.reused"
    DISK = "disk"
    CLOCK = "clock"
    CLOCK_WAS_AHEAD = "clock.was_ahead"
    ARCHIVE = "archive"
    BACKUP = "backup"
    DIFFERENCES = "reconcile.differences"
    PARTLY_COMPARED = "reconcile.partly"
    CALLS_DROPPED = "calls.dropped"
    WEBHOOKS_SILENT = "webhooks.silent"
    ENDPOINT = "endpoint"
    ACCOUNT = "account"
    COURIER = "courier"
    STEP = "step"

    def of(self, subject: object) -> str:
        """The cause of an alarm about one endpoint, account or step."""
        return f"{self}.{subject}"


def cause_kind(cause: str) -> AlarmCause | None:
    """The kind of a stored cause: `ENDPOINT` for `endpoint.17`. None for a cause of another version."""
    return _CAUSES.get(cause) or _CAUSES.get(cause.partition(".")[0])


_CAUSES: dict[str, AlarmCause] = {str(cause): cause for cause in AlarmCause}
