"""Turns traces on and off: AWBRIDGE_TRACES_URL names the collector that receives them by OTLP over HTTP."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import awbridge
from awbridge.app.settings import Settings
from awbridge.app.settings.types import read_options
from awbridge.domain.errors import SettingsError
from awbridge.steps.runtime import traces

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

PATH = "/v1/traces"  # of OTLP over HTTP
INSTALL = (
    "AWBRIDGE_TRACES_URL is set, but OpenTelemetry's SDK is not installed. Run: pip install 'awbridge[telemetry]', or "
    "unset it"
)


_of_process: list[TracerProvider] = []  # the one that makes this process's spans


@contextmanager
def tracing(settings: Settings) -> Generator[TracerProvider | None]:
    """Make spans while the block lasts, and send what is left at its end; None where traces are off.

    Those of an account are made by the process's provider. Raises SettingsError if the SDK is missing.
    """
    if settings.account or not settings.traces_url:
        yield _of_process[-1] if _of_process else None
        return
    with tracing_to(_sender(settings), share=settings.traces_share) as provider:
        yield provider


@contextmanager
def tracing_to(processor: SpanProcessor, *, share: float = 1.0) -> Generator[TracerProvider]:
    """Make spans for this processor while the block lasts. `share`: of the traces, 0 to 1, whole ones."""
    from awbridge.app.watching.spans import Spans

    provider = _provider(processor, share)
    traces.current = Spans(provider)
    _of_process.append(provider)
    try:
        yield provider
    finally:
        traces.current = None
        _of_process.remove(provider)
        provider.shutdown()


def _provider(processor: SpanProcessor, share: float) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    from awbridge.app.watching.spans import given_ids

    class Ids(RandomIdGenerator):
        """The derived ids where a span has some."""

        def generate_trace_id(self) -> int:
            given = given_ids()
            return given.trace_id if given else super().generate_trace_id()

        def generate_span_id(self) -> int:
            given = given_ids()
            return given.span_id if given else super().generate_span_id()

    about = {
        "service.name": "awbridge",
        "service.version": awbridge.__version__,
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    provider = TracerProvider(
        sampler=TraceIdRatioBased(share),
        resource=Resource.create(about),
        id_generator=Ids(),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(processor)
    return provider


def _sender(settings: Settings) -> SpanProcessor:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(INSTALL) from None
    url = settings.traces_url.rstrip("/")
    endpoint = url if urlsplit(url).path else url + PATH
    headers = read_options(settings.traces_headers.get_secret_value())
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, headers=headers))
