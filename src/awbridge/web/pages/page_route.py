"""A page's route, which declares its query parameters and refuses all others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from awbridge.domain.errors import FieldProblem, PayloadRefused
from awbridge.domain.nearest import unknown_name

Handler = Callable[[Request], Awaitable[Response]]
ANY_VALUE: Collection[str] = ()


class PageRoute(Route):
    """A route of a page. `parameters`: its query parameters, each with the allowed values (empty: any).

    Other parameters or values raise PayloadRefused, as in the API: a misspelt filter would show everything.
    """

    def __init__(
        self,
        path: str,
        handler: Handler,
        *,
        parameters: Mapping[str, Collection[str]] | None = None,
        method: str = "GET",
    ) -> None:
        known = parameters or {}

        async def checked(request: Request) -> Response:
            given = request.query_params
            problems = [FieldProblem(name, unknown_name(name, known)) for name in given if name not in known]
            problems += [
                FieldProblem(name, f"must be {' or '.join(known[name])}")
                for name, value in given.items()
                if known.get(name) and value not in known[name]
            ]
            if problems:
                raise PayloadRefused(problems)
            return await handler(request)

        super().__init__(path, checked, methods=[method], name=getattr(handler, "__name__", None))
