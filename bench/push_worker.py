"""One process of `bench workers`: pushes the orders of a database for a while, to a vendor within the process.

python -m bench.push_worker URL SECONDS ANSWERS_AFTER IN_FLIGHT  ->  `ready`; after a line of input, JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from datetime import timedelta

import structlog
import uvloop

from awbridge.app.policies import push_policy
from awbridge.app.settings import Settings
from awbridge.app.work import settle_down
from awbridge.clickpost.wire.answers import FoundOrder, OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Region
from awbridge.steps.registration.push import Push
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store


class Vendor:
    """Places every order, so many seconds after the call, without a network."""

    def __init__(self, answers_after: float) -> None:
        self._answers_after = answers_after

    async def create_order(self, order: JsonObject, /, *, region: Region = Region.INDIA) -> OrderAnswer:
        """A waybill made of the reference number."""
        del region
        await asyncio.sleep(self._answers_after)
        call = Call(api="create-order", method="POST", url="u", http_status=200, response="{}")
        return OrderAnswer(outcome=Placed(waybill=f"W{order['shipment_details']['reference_number']}"), call=call)

    async def find_order(self, reference_number: str, /, *, region: Region = Region.INDIA) -> FoundOrder:
        """No order is in doubt here."""
        raise AssertionError(f"{reference_number} was asked for in {region}")


async def run(url: str, seconds: float, answers_after: float, in_flight: int) -> dict[str, float]:
    """CPU seconds of this process while it pushed."""
    settings = Settings(clickpost_key="bench", database_url=url)
    store = await Store.open(url, connections=settings.database_connections)
    policy = replace(push_policy(settings), round=timedelta(seconds=seconds), concurrency=in_flight)
    push = Push(store=store, clickpost=Vendor(answers_after), clock=utc_now, policy=policy)
    try:
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        settle_down()
        cpu = time.process_time()
        await push.round()
        await push.drain()
        push.raise_first_error()
        return {"cpu": time.process_time() - cpu}
    finally:
        await store.close()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    print(json.dumps(uvloop.run(run(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))))
