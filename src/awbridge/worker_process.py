"""A module of ours run in a process of its own, which is killed when its time is up."""

from __future__ import annotations

import asyncio
import contextlib
import sys

LONGEST_REASON = 300  # characters of what the process wrote last


class WorkerError(Exception):
    """The process ended with an error. Its text is the last line that it wrote, else its exit code."""


async def run_worker(module: str, *arguments: str, given: bytes = b"", seconds: float) -> bytes:
    """What `python -m module arguments` prints when it is given this input.

    Raises TimeoutError after so many seconds, and WorkerError. However it ends, the process has ended too.
    """
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            printed, errors = await worker.communicate(given)
    finally:
        if worker.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()
    if worker.returncode != 0:
        last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2][:LONGEST_REASON]
        raise WorkerError(last or f"exit code {worker.returncode}")
    return printed
