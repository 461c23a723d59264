"""Makes PDFs in the worker process, a few at once, within a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

import msgspec

from awbridge.documents.messages import Answer, LabelResult, LabelsRequest, ManifestRequest, Request
from awbridge.domain.errors import DocumentError
from awbridge.domain.handover.labels import Layout
from awbridge.domain.handover.manifests import PrintedManifest
from awbridge.worker_process import WorkerError, run_worker

MOST_BYTES = 200 * 1024 * 1024  # of the labels of one PDF
AT_ONCE = 2  # worker processes of one process of ours
SECONDS = 120.0
_NEEDED = ("pypdf", "pypdfium2", "fpdf", "uharfbuzz", "barcode")


@dataclass(frozen=True, slots=True)
class MergedLabels:
    """The PDF of labels, b"" if none could be printed, and what became of each."""

    pdf: bytes = field(repr=False)
    labels: Sequence[LabelResult]


class DocumentMaker:
    """Makes PDFs, at most two at once. Methods raise DocumentError."""

    def __init__(self, *, at_once: int = AT_ONCE, seconds: float = SECONDS) -> None:
        self._seats = asyncio.Semaphore(at_once)
        self._seconds = seconds

    async def labels(self, contents: Sequence[bytes], layout: Layout) -> MergedLabels:
        """Labels merged in their order onto sheets of a layout."""
        if sum(map(len, contents)) > MOST_BYTES:
            raise DocumentError(f"these labels have more than {MOST_BYTES >> 20} MiB: print fewer at once")
        answer, pdf = await self._ask(LabelsRequest(layout, [len(content) for content in contents]), contents)
        return MergedLabels(pdf, answer.labels)

    async def manifest(self, printed: PrintedManifest) -> bytes:
        """A manifest as a PDF."""
        return (await self._ask(ManifestRequest(printed), ()))[1]

    async def _ask(self, request: Request, contents: Sequence[bytes]) -> tuple[Answer, bytes]:
        check_installed()
        head = msgspec.json.encode(request) + b"\n"
        async with self._seats:
            try:
                given = b"".join((head, *contents))
                out = await run_worker("awbridge.documents.worker", given=given, seconds=self._seconds)
            except TimeoutError:
                raise DocumentError(f"the PDF was not made within {self._seconds:g} s") from None
            except WorkerError as error:
                raise DocumentError(f"the PDF could not be made ({error})") from None
        line, _, pdf = out.partition(b"\n")
        answer = msgspec.json.decode(line, type=Answer)
        if answer.size != len(pdf):
            raise DocumentError("the PDF could not be made (its end is missing)")
        return answer, pdf


def is_installed() -> bool:
    """Whether the libraries for PDFs are installed."""
    return all(find_spec(name) is not None for name in _NEEDED)


def check_installed() -> None:
    """Raise DocumentError where the libraries for PDFs are not installed."""
    if not is_installed():
        raise DocumentError(
            "labels and manifests need an optional part: install it with pip install 'awbridge[labels]'"
        )
