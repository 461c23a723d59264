"""The service in this process, on a port of its own, and what a user sets up once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2

from awbridge.app import connections, serve
from awbridge.app.database import open_store
from awbridge.app.settings import Settings
from awbridge.domain.errors import StoppedEarly
from awbridge.rehearsal.demo_orders import ACCOUNTS
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.polling import webhook_keys


@asynccontextmanager
async def service_here(settings: Settings) -> AsyncGenerator[str]:
    """The service while the block runs; its address. Raises what keeps it from starting."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(serve.serve(settings, on_ready=ready.set_result, stop=stop))
    try:
        await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield ready.result()
    finally:
        stop.set()
        with contextlib.suppress(StoppedEarly):
            await task


async def set_up(http: httpx2.AsyncClient, url: str, settings: Settings) -> None:
    """Map the transporters of the demo's orders, and register the webhook. `url`: of the service."""
    for account in ACCOUNTS:
        body = {"courier_partner_id": account.courier_partner_id, "account_code": account.account_code}
        (await http.put(f"{url}/v1/couriers/{account.transporter}", json=body)).raise_for_status()
    async with connections.vendor(settings) as clickpost:
        registration = await clickpost.register_webhook(f"{url}/webhooks/clickpost")
    async with open_store(settings, migrate=False) as store, store.write() as session:
        await webhook_keys.add(session, registration.webhook_key, webhook_url=url, now=utc_now())
