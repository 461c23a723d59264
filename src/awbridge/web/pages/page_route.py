"""The routes of pages: each says which query parameters it takes, and refuses all others in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from awbridge.domain.errors import FieldProblem, PayloadRefused
from awbridge.domain.nearest import unknown_name

Shows = Callable[[Request], Awaitable[Response]]
ANYTHING: Collection[str] = ()


class PageRoute(Route):
    """A route of the pages. `takes`: its query parameters, each with the values that it may have (none: any).

    What else comes raises PayloadRefused, as in the API: a filter that is misspelt would show everything.
    """

    def __init__(
        self, path: str, shows: Shows, *, takes: Mapping[str, Collection[str]] | None = None, method: str = "GET"
    ) -> None:
        known = takes or {}

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
            return await shows(request)

        super().__init__(path, checked, methods=[method], name=getattr(shows, "__name__", None))
