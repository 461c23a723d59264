"""How the routes of the API get what they need: kept in the app's state and handed to them by FastAPI."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Request

from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.contexts import ApiContext, ProcessContext


def provide(app: FastAPI, api: ApiContext, process: ProcessContext) -> None:
    """Keep both contexts in the app's state, where the dependencies find them."""
    app.state.api = api
    app.state.process = process


# All are coroutines: FastAPI runs a plain function in a thread.
async def _api(request: Request) -> ApiContext:
    return request.app.state.api


async def _process(request: Request) -> ProcessContext:
    return request.app.state.process


ApiDep = Annotated[ApiContext, Depends(_api)]
ProcessDep = Annotated[ProcessContext, Depends(_process)]


async def _store(api: ApiDep) -> Store:
    return api.store


async def _clock(api: ApiDep) -> Clock:
    return api.clock


StoreDep = Annotated[Store, Depends(_store)]
ClockDep = Annotated[Clock, Depends(_clock)]
