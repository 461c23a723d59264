"""The shop's orders, and what awbridge has told about their parcels."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import URL, DateTime, Dialect, ForeignKey, Numeric, String, TypeDecorator, make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker


def engine_url(url: str) -> URL:
    """The URL of the database with its driver: `postgresql://` means psycopg 3."""
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


def sessions() -> sessionmaker[Session]:
    """The application's sessions. `with sessions().begin() as session` is a transaction."""
    return current_app.extensions["sessions"]


def new_number() -> str:
    """An order number that cannot be guessed: who knows it may see the order."""
    return f"F{secrets.token_hex(8)}"


def now() -> datetime:
    return datetime.now(UTC)


class Time(TypeDecorator[datetime]):
    """A time in UTC. SQLite stores no time zone, so it is added when the time is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


class Base(DeclarativeBase):
    """The shop's tables."""

    type_annotation_map = {datetime: Time, str: String(200), Decimal: Numeric(9, 2)}


class Order(Base):
    """What a customer ordered: one product, to one address."""

    __tablename__ = "orders"

    number: Mapped[str] = mapped_column(primary_key=True, default=new_number)
    placed_at: Mapped[datetime] = mapped_column(default=now)
    name: Mapped[str]
    phone: Mapped[str]
    address: Mapped[str]
    city: Mapped[str]
    state: Mapped[str]
    pincode: Mapped[str]
    sku: Mapped[str]
    title: Mapped[str]
    price: Mapped[Decimal]
    cash_on_delivery: Mapped[bool] = mapped_column(default=False)
    awbridge_has_it: Mapped[bool] = mapped_column(default=False)
    problem: Mapped[str] = mapped_column(String(2000), default="")  # why awbridge refused it
    delivered_at: Mapped[datetime | None]
    parcels: Mapped[list[Parcel]] = relationship(back_populates="order")


class Parcel(Base):
    """A parcel of an order, as awbridge last told. An order has a second one if the first was replaced."""

    __tablename__ = "parcels"

    reference_number: Mapped[str] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(ForeignKey("orders.number"), index=True)
    order: Mapped[Order] = relationship(back_populates="parcels")
    waybill: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="")
    status_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(String(2000), default="")
    cancelled: Mapped[bool] = mapped_column(default=False)
    replaced_by: Mapped[str] = mapped_column(default="")
    track_url: Mapped[str] = mapped_column(String(500), default="")

    @property
    def text(self) -> str:
        """What the customer reads."""
        if self.status:
            return self.status
        if self.cancelled:
            return "Cancelled"
        return "Handed to the courier" if self.waybill else "Being packed"


class ReceivedEvent(Base):
    """An event of awbridge that was processed. awbridge repeats an event until it is acknowledged."""

    __tablename__ = "received_events"

    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(default=now)
