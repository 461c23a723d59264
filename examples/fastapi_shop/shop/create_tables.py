"""`python -m shop.create_tables`: creates the shop's tables. A shop with Alembic runs its migrations instead."""

import asyncio

from sqlalchemy.ext.asyncio import create_async_engine

from shop.models import Base, engine_url
from shop.settings import Settings


async def main() -> None:
    engine = create_async_engine(engine_url(Settings.from_environment().database_url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
