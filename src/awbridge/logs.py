"""Logs: events with fields, to standard error. No key, phone or address ever goes into one."""

from __future__ import annotations

import logging
import re
import sys

import structlog

from awbridge.domain.privacy import veiled

FREE_TEXT = ("problem", "error", "difference", "not_understood", "result", "exception", "event")
_QUOTED = re.compile(r"(input_value=).*?(?=, input_type=)|^(DETAIL:).*$", re.MULTILINE)  # pydantic's, PostgreSQL's

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def without_addresses(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The event without phone numbers, mail addresses and quoted values in the words of others (`problem`, tracebacks).

    Names cannot be told from other words here: whoever logs an answer of ClickPost's has taken them out before.
    """
    for name in FREE_TEXT:
        value = event.get(name)
        if isinstance(value, str):
            event[name] = veiled(_QUOTED.sub(lambda found: f"{found[1] or found[2]} ***", value))
    return event


def set_up_logs(*, level: str, as_json: bool) -> None:
    """Send events of this level and above to standard error, as text for people or as JSON lines."""
    # Tracebacks are plain: pretty ones show local variables, and those hold payloads and keys.
    renderers: list[structlog.typing.Processor] = (
        [structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            without_addresses,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
