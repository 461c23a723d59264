"""The shop's HTTP API: places orders, shows them, and receives awbridge's events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from awbridge.enqueue import PayloadRefused
from shop import webhooks
from shop.models import Order, engine_url, new_number
from shop.settings import Settings
from shop.shipping import hand_over


class NewOrder(BaseModel):
    """What the customer enters."""

    name: str = Field(min_length=1, max_length=100)
    phone: str = Field(pattern=r"^[6-9]\d{9}$")
    address: str = Field(min_length=1, max_length=200)
    city: str = Field(min_length=1, max_length=50)
    state: str = Field(min_length=1, max_length=50)
    pincode: str = Field(pattern=r"^[1-9]\d{5}$")
    sku: str = Field(min_length=1, max_length=50)
    title: str = Field(min_length=1, max_length=100)
    price: Decimal = Field(ge=1, max_digits=9, decimal_places=2)
    cash_on_delivery: bool = False


class ShownParcel(BaseModel):
    """A parcel of an order."""

    text: str
    waybill: str
    track_url: str


class ShownOrder(BaseModel):
    """An order with its parcels."""

    number: str
    title: str
    parcels: list[ShownParcel]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    settings: Settings = app.state.settings
    engine = create_async_engine(engine_url(settings.database_url))
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    yield
    await engine.dispose()


def sessions(request: Request) -> async_sessionmaker[AsyncSession]:
    return request.app.state.sessions


def settings(request: Request) -> Settings:
    return request.app.state.settings


Sessions = Annotated[async_sessionmaker[AsyncSession], Depends(sessions)]
ShopSettings = Annotated[Settings, Depends(settings)]

app = FastAPI(title="Shop", lifespan=lifespan)
app.state.settings = Settings.from_environment()


@app.post("/orders", status_code=201)
async def new_order(new: NewOrder, sessions: Sessions, settings: ShopSettings) -> dict[str, str]:
    """Place an order: it and its shipment commit together, or neither."""
    order = Order(number=new_number(), **new.model_dump())
    try:
        async with sessions.begin() as session:  # commits here, before the answer: not in a dependency, which is later
            await hand_over(session, order, settings)
    except PayloadRefused as refused:
        raise HTTPException(422, f"This order cannot be shipped: {refused}") from refused
    return {"number": order.number}


@app.get("/orders/{number}")
async def show_order(number: str, sessions: Sessions) -> ShownOrder:
    """The order with its parcels, from the shop's own tables: nothing here calls awbridge or ClickPost."""
    async with sessions() as session:
        order = await session.get(Order, number)
    if order is None:
        raise HTTPException(404, "There is no such order.")
    shown = [parcel for parcel in order.parcels if not parcel.replaced_by]
    parcels = [ShownParcel(text=one.text, waybill=one.waybill, track_url=one.track_url) for one in shown]
    return ShownOrder(number=order.number, title=order.title, parcels=parcels)


@app.post("/hooks/awbridge", status_code=204)
async def receive(request: Request, sessions: Sessions, settings: ShopSettings) -> Response:
    """Acknowledge an event after the commit. awbridge repeats what gets another answer than 2xx."""
    body = await request.body()
    try:
        event = webhooks.verified(settings.shipping_webhook_secret, request.headers, body)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    async with sessions.begin() as session:
        await webhooks.process_once(session, request.headers["webhook-id"], event)
    return Response(status_code=204)
