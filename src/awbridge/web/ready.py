"""GET /readyz: whether this process may be sent requests. It may while its database has the schema and takes writes."""

from __future__ import annotations

import asyncio
import time

from fastapi.responses import JSONResponse, Response

from awbridge.domain.errors import SchemaTooNew, StoreError
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.polling import paces
from awbridge.web import problems

PROOF_LASTS = 2.0  # seconds that a write counts for: anybody may ask, and each write costs one


class Readiness:
    """Answers /readyz. Whoever asks at the same time shares one look."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._turn = asyncio.Lock()
        self._proved_at = float("-inf")

    async def answer(self) -> Response:
        """200 when the database has a schema that this version works with and took a write within two seconds.

        That of a newer version is one, as long as its migrations are compatible with this one.
        """
        try:
            async with self._turn:
                missing = await self._store.pending_migrations()
                if not missing:
                    await self._prove()
        except SchemaTooNew as error:
            return problems.problem(503, "The schema is too new", str(error))
        except StoreError as error:
            return problems.problem(503, "The database is not ready", str(error))
        if missing:
            return problems.problem(503, "The schema is old", f"Run awbridge migrate; missing: {', '.join(missing)}")
        return JSONResponse({"ok": True})

    async def _prove(self) -> None:
        if time.monotonic() - self._proved_at < PROOF_LASTS:
            return
        async with self._store.write() as session:
            await paces.prove_writing(session, now=self._clock())
        self._proved_at = time.monotonic()
