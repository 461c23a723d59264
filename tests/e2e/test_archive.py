"""The archive of a service that is killed again and again: every failed call in it, each once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from awbridge.domain.attempt import SUCCEEDED
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.sinks.objects import Objects
from awbridge.store import Store
from awbridge.store.audit import archive
from tests.support.evidence_rows import files, lines
from tests.support.ports import free_port
from tests.support.processes import bridge_environment, running
from tests.support.rows import fetch, sql
from tests.support.s3 import S3Server

pytestmark = pytest.mark.slow

FAILED = f"SELECT id FROM attempts WHERE outcome NOT IN ({', '.join(repr(name.value) for name in sorted(SUCCEEDED))})"
OPEN = "SELECT COUNT(*) AS n FROM shipments WHERE state NOT IN ('placed', 'rejected', 'gave_up')"
LEASES_END = "UPDATE archive_files SET next_try_at = created_at WHERE archived_at IS NULL"


async def test_kill_9_archives_every_failed_call_and_none_twice(
    database_url: str, s3: S3Server, tmp_path: Path
) -> None:
    port, sandbox_port = free_port(), free_port()
    prefix = tmp_path.parent.name + "-" + tmp_path.name
    sandbox = ["sandbox", "--port", str(sandbox_port), "--fault", "http_500=0.5"]
    with running(sandbox, {}, tmp_path, sandbox_port) as box:
        env = bridge_environment(database_url, box.url, port) | {
            "AWBRIDGE_ARCHIVE_URL": s3.url(prefix),
            "AWBRIDGE_ARCHIVE_OPTIONS": ",".join(f"{k}={v}" for k, v in s3.options().items()),
            "AWBRIDGE_BREAKER_FAILURES": "100000",  # half of the calls fail: the account must not be held
            "AWBRIDGE_ARCHIVE_SECONDS": "1",
            "AWBRIDGE_ARCHIVE_FILE_MIB": "0.01",
            "AWBRIDGE_DATA_DIR": str(tmp_path / "data"),
        }
        orders = [_order(n) for n in range(60)]
        for round_ in range(3):
            with running(["serve"], env, tmp_path, port) as bridge:
                batch = orders[round_ * 20 : round_ * 20 + 20]
                assert httpx2.post(f"{bridge.url}/v1/shipments", json=batch).status_code == 202
                time.sleep(1.5)
                bridge.kill()
        store = await Store.open(database_url)
        objects = Objects.open(s3.url(prefix), options=s3.options())
        try:
            async with store.write() as session:  # end the leases of the killed processes, which last five minutes
                await session.execute(sql(LEASES_END))
            with running(["serve"], env, tmp_path, port):
                await _until_archived(store)
            failed = await fetch(store, FAILED)
            archived = [line for file in await files(store) for line in await lines(objects, file.object_key)]
            found = Counter(line["id"] for line in archived)
            assert len(failed) > 10
            assert found == Counter(row["id"] for row in failed)
            assert not list((tmp_path / "data" / "archive").glob("*.gz"))
        finally:
            await store.close()


def _order(number: int) -> dict[str, Any]:
    order = demo_order(number, 1)
    order.pop("transporter")
    order["shipment_details"] |= {"courier_partner": 4, "account_code": "Delhivery Surface", "delivery_type": "FORWARD"}
    order["shipment_details"].pop("rvp_reason", None)
    return order


async def _until_archived(store: Store) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        states = await fetch(store, OPEN)
        async with store.read() as session:
            now = await archive.counts(session)
        if not states[0]["n"] and not now.open and not now.unfiled:
            return
        await asyncio.sleep(0.3)
    raise AssertionError(f"still not archived: {now}")
