"""GET /readyz: this process is ready while its database has the schema and accepts writes."""

from __future__ import annotations

import asyncio
import time

from starlette.responses import JSONResponse, Response

from awbridge.domain.errors import SchemaTooNew, StoreError
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.polling import paces
from awbridge.web import problem_kinds as kinds
from awbridge.web import problems

PROOF_LASTS = 2.0  # seconds that a successful write counts: the route is open, and every write costs


class Readiness:
    """Answers /readyz. Concurrent requests share one check. `leaving`: the process is about to stop."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._checking = asyncio.Lock()
        self._proved_at = float("-inf")
        self.leaving = False

    async def answer(self) -> Response:
        """200 if this version can use the database's schema and a write succeeded within the last two seconds.

        503 from the moment on at which this process is told to stop.

        The schema of a newer version can be used if its migrations are compatible with this version.
        """
        if self.leaving:
            return problems.problem(kinds.STOPPING, "Send requests to another one.")
        try:
            async with self._checking:
                missing = await self._store.pending_migrations()
                if not missing:
                    await self._prove()
        except SchemaTooNew as error:
            return problems.problem(kinds.SCHEMA_TOO_NEW, str(error))
        except StoreError as error:
            return problems.problem(kinds.STORE_NOT_READY, str(error))
        if missing:
            return problems.problem(kinds.SCHEMA_TOO_OLD, f"Run awbridge migrate; missing: {', '.join(missing)}")
        return JSONResponse({"ok": True})

    async def _prove(self) -> None:
        if time.monotonic() - self._proved_at < PROOF_LASTS:
            return
        async with self._store.write() as session:
            await paces.prove_writing(session, now=self._clock())
        self._proved_at = time.monotonic()
