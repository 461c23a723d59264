"""Read a form that uploads one file. The file goes to disk as it arrives and is handed on in parts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

PART = 1 << 20  # bytes
_MOST_FIELDS = 10
_BESIDE_THE_FILE = 64 * 1024  # bytes of a form that are not its file


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file, "" and empty where none was chosen, and the other fields of its form."""

    name: str
    file: UploadFile | None
    fields: dict[str, str]

    async def parts(self) -> AsyncIterator[bytes]:
        """The bytes of the file."""
        while self.file and (part := await self.file.read(PART)):
            yield part


@asynccontextmanager
async def read_upload(request: Request, *, largest: int) -> AsyncGenerator[Upload]:
    """The upload of a form, deleted when the block ends. `largest`: bytes of the file.

    Raises HTTPException 413 for a larger one, 422 for what is no such form.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(422, "This form is not one of this page. Open the page again.")
    parser = MultiPartParser(
        request.headers, _bounded(request.stream(), largest + _BESIDE_THE_FILE), max_files=1, max_fields=_MOST_FIELDS
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(422, f"The form cannot be read: {error.message}") from None
    try:
        values = form.multi_items()
        file = next((value for _, value in values if isinstance(value, UploadFile) and value.filename), None)
        fields = {name: value.replace("\x00", "") for name, value in values if isinstance(value, str)}
        yield Upload((file.filename or "") if file else "", file, fields)
    finally:
        await form.close()


async def _bounded(stream: AsyncIterator[bytes], most: int) -> AsyncGenerator[bytes]:
    size = 0
    async for part in stream:
        size += len(part)
        if size > most:
            raise HTTPException(413, f"The file is larger than {most // PART} MiB. Split it.")
        yield part
