"""The body of enterprise_dashboard_report: a CSV of changes. Source: ClickPost's API reference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import PlainSerializer, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator, field_validator

from awbridge.clickpost.models.base import Moment, RequestModel
from awbridge.clickpost.models.parts import Filled, TextField, problem

LONGEST_REPORT = timedelta(hours=24)


def _as_moment(value: object) -> datetime | None:
    """The time, if its zone is known: text without a zone is UTC, a datetime without one is unknown."""
    if isinstance(value, datetime):
        return value if value.tzinfo else None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None


def _checked(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    if _as_moment(value) is None:
        raise problem('must be a datetime with a time zone, or text as "YYYY-MM-DD HH:MM:SS" in UTC')
    return handler(value)


def _written(value: Moment) -> str:
    return value if isinstance(value, str) else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


ReportMoment = Annotated[Moment, WrapValidator(_checked), PlainSerializer(_written, return_type=str)]
"""A datetime with a zone, or text as "YYYY-MM-DD HH:MM:SS" in UTC. Sent as such text."""


class ReportFilters(RequestModel):
    """The changes that a report covers."""

    updated_at_start_time: ReportMoment
    """Start of the window."""
    updated_at_end_time: ReportMoment
    """End of the window, at most 24 hours after the start."""

    @field_validator("updated_at_end_time")
    @classmethod
    def _near(cls, end: Any, info: ValidationInfo) -> Any:
        start, stop = _as_moment(info.data.get("updated_at_start_time")), _as_moment(end)
        if start and stop and not timedelta(0) < stop - start <= LONGEST_REPORT:
            raise problem("must be after the start, by at most 24 hours")
        return end


class ReportRequest(RequestModel):
    """A request for a report."""

    report_name: Filled
    """Name of the report. ClickPost documents only TRACK_ORDER_DASHBOARD_REPORT."""
    filters: ReportFilters
    """The changes to cover."""
    fields: Sequence[TextField]
    """Column numbers, from ClickPost's help pages; an empty list means all."""
