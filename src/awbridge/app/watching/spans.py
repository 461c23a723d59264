"""Traces as OpenTelemetry spans.

Spans of one journey are made by several processes, hours apart, and rows carry no trace context. So the ids are
derived: the trace of an order from its reference number; the trace of a status from the reference number, the status
code and its time. Every process computes the same ones, and a sampler that looks at the trace id alone decides the same
everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from awbridge.steps.runtime.traces import Heard, Note, ToldCustomer

_given: ContextVar[SpanContext | None] = ContextVar("awbridge_given_ids", default=None)

REFERENCE = "awbridge.reference_number"


def given_ids() -> SpanContext | None:
    """The ids of the span that is just being started, where they are derived."""
    return _given.get()


def order_root(reference: str) -> SpanContext:
    """The first span of an order's trace."""
    return _derived("order", reference)


def status_root(reference: str, code: int, seen_at: datetime) -> SpanContext:
    """The first span of the trace of one status of a shipment."""
    return _derived("status", reference, str(code), str(_nanoseconds(seen_at)))


def _derived(*parts: str) -> SpanContext:
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=24, person=b"awbridge-trace").digest()
    trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:])
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


class Spans:
    """Makes the spans. `provider` takes the ids of a span from `given_ids`, where there are any."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._tracer = provider.get_tracer("awbridge")

    def accepted(self, references: Sequence[str], *, caller: str, began_at: datetime, ended_at: datetime) -> None:
        """A span for each new order, linked with the caller's."""
        found = trace.get_current_span(TraceContextTextMapPropagator().extract({"traceparent": caller}, Context()))
        links = [Link(found.get_span_context())] if found.get_span_context().is_valid else []
        for reference in references:
            self._child(
                order_root(reference),
                "accept order",
                began_at,
                ended_at,
                {REFERENCE: reference},
                kind=SpanKind.SERVER,
                links=links,
            )

    @contextmanager
    def calling(self, step: str, reference: str) -> Generator[Note]:
        """A span that is current while the block lasts, so that the client's spans are within it."""
        with self._tracer.start_as_current_span(
            step,
            context=_within(order_root(reference)),
            attributes={REFERENCE: reference},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            def note(**attributes: str | int) -> None:
                span.set_attributes({f"awbridge.{name}": value for name, value in attributes.items()})

            try:
                yield note
            except BaseException as error:
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", type(error).__name__)  # its text may quote a payload
                raise

    def placed(self, reference: str, waybill: str, *, created_at: datetime, now: datetime) -> None:
        """The first span of the order's trace: from accepting it until it was placed."""
        about = {REFERENCE: reference, "awbridge.waybill": waybill}
        self._root(order_root(reference), "order", created_at, now, about)

    def heard(self, scans: Sequence[Heard], *, began_at: datetime, now: datetime) -> None:
        """For each scan, the first span of its trace: from its receipt until it was applied; within it, apply."""
        for scan in scans:
            root = status_root(scan.reference_number, scan.code, scan.seen_at)
            about = {
                REFERENCE: scan.reference_number,
                "awbridge.status_code": scan.code,
                "awbridge.source": scan.source,
            }
            links = [Link(order_root(scan.reference_number))]
            self._root(root, "status", scan.received_at, now, about, links=links)
            self._child(root, "apply", began_at, now, {REFERENCE: scan.reference_number})

    def told(self, message: ToldCustomer) -> None:
        """A span in the trace of the status that caused the message; in the order's, where none did."""
        reference = message.reference_number
        code = message.code
        root = order_root(reference) if code is None else status_root(reference, code, message.status_at)
        about = {
            REFERENCE: reference,
            "awbridge.milestone": message.milestone,
            "awbridge.channel": message.channel,
            "awbridge.state": message.state,
        }
        links = [] if code is None else [Link(order_root(reference))]
        self._child(root, "message", message.began_at, message.ended_at, about, kind=SpanKind.PRODUCER, links=links)

    def _root(
        self,
        ids: SpanContext,
        name: str,
        start: datetime,
        end: datetime,
        attributes: Mapping[str, str | int],
        links: Sequence[Link] = (),
    ) -> None:
        token = _given.set(ids)
        try:
            span = self._tracer.start_span(
                name,
                context=Context(),
                kind=SpanKind.CONSUMER,
                attributes=attributes,
                links=links,
                start_time=_nanoseconds(start),
            )
        finally:
            _given.reset(token)
        span.end(_nanoseconds(max(start, end)))

    def _child(
        self,
        root: SpanContext,
        name: str,
        start: datetime,
        end: datetime,
        attributes: Mapping[str, str | int],
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        links: Sequence[Link] = (),
    ) -> None:
        span = self._tracer.start_span(
            name,
            context=_within(root),
            kind=kind,
            attributes=attributes,
            links=links,
            start_time=_nanoseconds(start),
        )
        span.end(_nanoseconds(max(start, end)))


def _within(parent: SpanContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000  # the database keeps microseconds
