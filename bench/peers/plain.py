"""The plain design: FastAPI, a pydantic body, one SQLAlchemy session per request that selects, then inserts.

    python -m bench.peers.plain PORT DATABASE_URL KEY

The first version that a careful engineer writes. It gives the same guarantee: 200 means committed, a duplicate is one
row.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.peers.serving import serve

_, PORT, URL, KEY = sys.argv


class Base(DeclarativeBase):
    """The tables of this peer."""


class Stored(Base):
    """A webhook as received."""

    __tablename__ = "deliveries"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_status_id: Mapped[int] = mapped_column(sa.BigInteger, unique=True)
    waybill: Mapped[str] = mapped_column(index=True)
    body: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    received_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))


class Webhook(BaseModel):
    """The fields that matter; the rest is kept."""

    model_config = ConfigDict(extra="allow")
    waybill: str
    cp_id: int
    order_status_id: int
    clickpost_status_code: int
    timestamp: str
    status: str
    remark: str
    location: str
    additional: dict[str, Any]


def engine_url(url: str) -> str:
    """The same URL with SQLAlchemy's driver names."""
    return url.replace("sqlite://", "sqlite+aiosqlite://").replace("postgresql://", "postgresql+asyncpg://")


engine = create_async_engine(engine_url(URL))
if URL.startswith("sqlite"):

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _durable(connection: Any, _: object) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000"):
            connection.execute(f"PRAGMA {pragma}")


sessions = async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Create the table."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


async def session() -> AsyncIterator[AsyncSession]:
    """A session for one request."""
    async with sessions() as opened:
        yield opened


app = FastAPI(lifespan=lifespan)


@app.post("/webhooks/clickpost")
async def receive(
    hook: Webhook,
    opened: Annotated[AsyncSession, Depends(session)],
    webhook_key: Annotated[str, Header(convert_underscores=False)],
) -> dict[str, str]:
    """Store a webhook once."""
    if webhook_key != KEY:
        raise HTTPException(401)
    known = await opened.scalar(sa.select(Stored).where(Stored.order_status_id == hook.order_status_id))
    if known is None:
        opened.add(
            Stored(
                order_status_id=hook.order_status_id,
                waybill=hook.waybill,
                body=hook.model_dump(mode="json"),
                received_at=datetime.now(UTC),
            )
        )
        try:
            await opened.commit()
        except IntegrityError:
            await opened.rollback()
    return {"status": "stored"}


if __name__ == "__main__":
    serve(app, int(PORT), lifespan="on")
