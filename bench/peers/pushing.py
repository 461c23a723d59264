"""The tables and statements that the push peers share, and a task of those with asyncio.

Each task registers one order. The same guarantee as awbridge's: an order is placed and its call recorded as an attempt
in one transaction.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx2

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

SCHEMA = """
CREATE TABLE orders (
  reference_number text PRIMARY KEY, payload text NOT NULL, state text NOT NULL DEFAULT 'ready',
  no_of_retries integer NOT NULL DEFAULT 0, waybill text, label_url text, sort_code text, security_key text,
  placed_at timestamptz
);
CREATE INDEX ON orders (state);
CREATE TABLE order_attempts (
  id bigserial PRIMARY KEY, reference_number text NOT NULL, url text NOT NULL, request text NOT NULL,
  http_status integer, response text, ms integer, made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON order_attempts (reference_number);
"""
QUEUE = "INSERT INTO orders (reference_number, payload) VALUES (%s, %s)"
PAYLOAD = "SELECT payload FROM orders WHERE reference_number = %s AND state = 'ready'"
ATTEMPT = """
INSERT INTO order_attempts (reference_number, url, request, http_status, response, ms) VALUES (%s, %s, %s, %s, %s, %s)
"""
PLACED = """
UPDATE orders SET state = 'placed', waybill = %s, label_url = %s, sort_code = %s, security_key = %s, placed_at = now()
WHERE reference_number = %s
"""
RESULT = """
SELECT COUNT(*) FILTER (WHERE state = 'placed'), (SELECT COUNT(*) FROM order_attempts),
  EXTRACT(epoch FROM max(placed_at) - min(placed_at)) FROM orders
"""
JSON = {"content-type": "application/json"}


def placed_values(answer: dict[str, dict[str, str]], reference: str) -> tuple[str, ...]:
    """The values of PLACED from ClickPost's response. Raises ValueError if it is not a success."""
    if answer["meta"]["status"] not in (200, 323):
        raise ValueError("not placed")
    result = answer["result"]
    return (result["waybill"], result["label"], result["sort_code"], result["security_key"], reference)


@dataclass(frozen=True, slots=True)
class AsyncPush:
    """Registers one order at each call."""

    http: httpx2.AsyncClient
    pool: AsyncConnectionPool[Any]
    url: str

    @classmethod
    @asynccontextmanager
    async def opened(cls, concurrency: int) -> AsyncGenerator[Self]:
        """With as many connections as tasks run at once."""
        from psycopg_pool import AsyncConnectionPool

        limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        database = os.environ["BENCH_DATABASE"]
        async with (
            httpx2.AsyncClient(limits=limits, timeout=15) as http,
            AsyncConnectionPool(database, min_size=2, max_size=concurrency, open=False) as pool,
        ):
            yield cls(http, pool, os.environ["BENCH_URL"])

    async def __call__(self, reference: str) -> None:
        async with self.pool.connection() as database:
            row = await (await database.execute(PAYLOAD, (reference,))).fetchone()
        if row is None:
            return
        started = time.perf_counter()
        answer = await self.http.post(self.url, content=row[0].encode(), headers=JSON)
        values = placed_values(answer.json(), reference)
        ms = round((time.perf_counter() - started) * 1000)
        async with self.pool.connection() as database:
            await database.execute(ATTEMPT, (reference, self.url, row[0], answer.status_code, answer.text, ms))
            await database.execute(PLACED, values)
