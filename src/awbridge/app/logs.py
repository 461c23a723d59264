"""Logs: events with fields, to standard error. No key, phone or address ever goes into one."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
import threading
from types import TracebackType
from typing import TextIO, cast

import structlog

from awbridge.domain.privacy import veiled

FREE_TEXT = ("problem", "error", "difference", "not_understood", "result", "exception", "event", "caused_by")
_QUOTED = re.compile(r"(input_value=).*?(?=, input_type=)|^(DETAIL:).*$", re.MULTILINE)  # pydantic's, PostgreSQL's

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def without_addresses(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The event with phone numbers, mail addresses and quoted values masked in external texts (`problem`, tracebacks).

    Names of people cannot be detected here: the caller masks them before it logs a response of ClickPost.
    """
    for name in FREE_TEXT:
        value = event.get(name)
        if isinstance(value, str):
            event[name] = veiled(_QUOTED.sub(lambda found: f"{found[1] or found[2]} ***", value))
    return event


class _Unfailing(io.TextIOBase):
    """A stream as far as it can be written. A log whose reader has gone, or whose disk is full, stops no work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str, /) -> int:
        """Write what can be written."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


class _Forwarding(logging.Handler):
    """Makes events of what libraries log, so that it is masked and in the same format.

    A traceback only of what asyncio did not expect: where a database is away, asyncpg's pool logs one with every try.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            error = record.exc_info[1] if record.exc_info else None
            unforeseen = error is not None and record.name.startswith("asyncio")
            cause = f": {type(error).__name__}: {error}" if error and not unforeseen else ""
            structlog.get_logger().log(
                record.levelno,
                "library.warned",
                library=record.name,
                problem=f"{record.getMessage()}{cause}",
                **({"exc_info": error} if unforeseen else {}),
            )
        except Exception:
            self.handleError(record)


def _forward_libraries() -> None:
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _Forwarding)]:
        root.removeHandler(handler)
    root.addHandler(_Forwarding(logging.WARNING))


def set_up_logs(*, level: str, as_json: bool) -> None:
    """Send events of this level and above to standard error, as text for people or as JSON lines.

    Warnings of libraries are events too.
    """
    _forward_libraries()
    # Tracebacks are plain: pretty ones show local variables, and those hold payloads and keys.
    renderers: list[structlog.typing.Processor] = (
        [structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"))]
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
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
        cache_logger_on_first_use=False,
    )


def log_all() -> None:
    """Make events of warnings and of errors that nobody caught too: for services, whose standard error is a log."""
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda ended: _log_uncaught(ended.exc_type, ended.exc_value, ended.exc_traceback)
    sys.unraisablehook = lambda ended: _log_uncaught(ended.exc_type, ended.exc_value, ended.exc_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, at: TracebackType | None) -> None:
    """Log an error that ends the process, a thread or an object."""
    structlog.get_logger().error("process.error_not_caught", error=kind.__name__, exc_info=(kind, error, at))
