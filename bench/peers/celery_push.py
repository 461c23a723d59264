"""The peer of push with Celery and Redis: one task per order, state and attempts in PostgreSQL.

BENCH_REDIS, BENCH_DATABASE, BENCH_URL  celery -A bench.peers.celery_push worker ...
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import httpx2
import psycopg
from celery import Celery

from bench.peers.pushing import ATTEMPT, JSON, PAYLOAD, PLACED, placed_values

app = Celery("bench", broker=os.environ["BENCH_REDIS"])
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_hijack_root_logger=False)
_own = threading.local()  # a connection to each side for every thread, or process, of the pool


def _connections() -> tuple[psycopg.Connection[Any], httpx2.Client]:
    if not hasattr(_own, "database"):
        _own.database = psycopg.connect(os.environ["BENCH_DATABASE"])
        _own.http = httpx2.Client(timeout=15)
    return _own.database, _own.http


@app.task(bind=True, max_retries=3)
def push_order(self: Any, reference: str) -> None:
    """Register one order."""
    database, http = _connections()
    with database.transaction():
        row = database.execute(PAYLOAD, (reference,)).fetchone()
    if row is None:
        return
    started, url = time.perf_counter(), os.environ["BENCH_URL"]
    try:
        answer = http.post(url, content=row[0].encode(), headers=JSON)
        values = placed_values(answer.json(), reference)
    except (httpx2.HTTPError, ValueError, KeyError) as error:
        raise self.retry(exc=error, countdown=60) from error
    ms = round((time.perf_counter() - started) * 1000)
    with database.transaction():
        database.execute(ATTEMPT, (reference, url, row[0], answer.status_code, answer.text, ms))
        database.execute(PLACED, values)
