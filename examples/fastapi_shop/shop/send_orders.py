"""`python -m shop.send_orders`, by a timer, or `--every 5`, as a service: sends orders to awbridge over HTTP.

Not needed where shop and awbridge share a PostgreSQL database.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

import httpx2
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from shop.models import engine_url
from shop.settings import Settings
from shop.shipping import send_orders


async def main(every: float | None) -> int:
    """Send what is due, once or with a pause between; the exit code."""
    settings = Settings.from_environment()
    engine = create_async_engine(engine_url(settings.database_url))
    sessions = async_sessionmaker(engine)
    while True:
        failed = False
        try:
            sent, refused = await send_orders(sessions, settings)
        except httpx2.HTTPError as error:
            failed = True
            print(f"awbridge did not take the orders, which stay: {error}", file=sys.stderr)
        else:
            if sent or refused or not every:
                print(f"sent {sent}, refused {refused}", flush=True)
        if not every:
            await engine.dispose()
            return int(failed)
        await asyncio.sleep(every)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Sends orders to awbridge.")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="go on, with this pause")
    try:
        sys.exit(asyncio.run(main(parser.parse_args().every)))
    except KeyboardInterrupt:
        sys.exit(130)
