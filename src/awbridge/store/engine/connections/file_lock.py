"""The lock file beside a SQLite database, which every process takes before it writes."""

from __future__ import annotations

import fcntl
import os
import time

from awbridge.domain.errors import StoreBusy

LOCK_TIMEOUT = 10.0  # seconds to wait for another process's write


class FileLock:
    """The lock file at this path; every writer holds it."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> None:
        """Wait for the lock. Raises StoreBusy after LOCK_TIMEOUT."""
        deadline = time.monotonic() + LOCK_TIMEOUT
        pause = 0.0005
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StoreBusy(
                        f"another process has been writing to the database for {LOCK_TIMEOUT:g} s"
                    ) from None
                time.sleep(pause)
                pause = min(pause * 2, 0.01)
            else:
                return

    def give_back(self) -> None:
        """Let other processes write."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
