"""The two forms of the customer's page: HTML for people, JSON for the shop's own site."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from awbridge.domain.customer_page.origins import Origins
from awbridge.domain.customer_page.view import PageView
from awbridge.web.customer_page import cors
from awbridge.web.customer_page.as_json import JsonPages
from awbridge.web.customer_page.pages import PageMaker, Switch
from awbridge.web.customer_page.responses import DATA_HEADERS, NEVER, PAGE_HEADERS, PageResponse
from awbridge.web.webhook.endpoint import Scope

JSON = ".json"
JSON_TYPE = b"application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why there is no page: gone, busy or limit, by the name that its texts have."""

    name: str
    status: int
    cache: bytes = NEVER
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Form(Protocol):
    """Makes responses. `vary`: the request headers on which the language depends."""

    def page(self, view: PageView, scope: Scope, *, token: str, vary: bytes, cache: bytes) -> PageResponse:
        """The page of an order."""
        ...

    def problem(self, problem: Problem, language: str, scope: Scope, *, vary: bytes) -> PageResponse:
        """Why there is no page."""
        ...


class HtmlForm:
    """The page for people."""

    def __init__(self, pages: PageMaker) -> None:
        self._pages = pages

    def page(self, view: PageView, scope: Scope, *, token: str, vary: bytes, cache: bytes) -> PageResponse:
        """The page of an order."""
        framed = self._pages.page(view, Switch(view.language, depth(scope["path"]), token))
        return PageResponse(status=200, body=framed.plain, framed=framed, vary=vary, cache=cache)

    def problem(self, problem: Problem, language: str, scope: Scope, *, vary: bytes) -> PageResponse:
        """Why there is no page."""
        framed = self._pages.problem(problem.name, Switch(language, depth(scope["path"])))
        headers = (*PAGE_HEADERS, *problem.headers)
        return PageResponse(
            status=problem.status, body=framed.plain, framed=framed, vary=vary, cache=problem.cache, headers=headers
        )


class JsonForm:
    """The same for programs, and for the browsers of customers on the sites of `origins`."""

    def __init__(self, pages: PageMaker, as_json: JsonPages, origins: Origins) -> None:
        self._pages = pages
        self._as_json = as_json
        self._origins = origins

    def page(self, view: PageView, scope: Scope, *, token: str, vary: bytes, cache: bytes) -> PageResponse:
        """The page of an order."""
        body = self._as_json.page(view, self._pages.languages[view.language], token)
        return replace(self._response(200, body, scope, vary=vary), cache=cache)

    def problem(self, problem: Problem, language: str, scope: Scope, *, vary: bytes) -> PageResponse:
        """Why there is no page."""
        body = self._as_json.problem(problem.name, self._pages.languages[language])
        response = self._response(problem.status, body, scope, vary=vary)
        return replace(response, cache=problem.cache, headers=(*response.headers, *problem.headers))

    def preflight(self, scope: Scope) -> PageResponse:
        """The answer to a browser that asks whether a site may read."""
        headers = cors.preflight(self._origins, cors.origin_of(scope["headers"]))
        return PageResponse(status=204, body=b"", headers=(*DATA_HEADERS, *headers))

    def _response(self, status: int, body: bytes, scope: Scope, *, vary: bytes) -> PageResponse:
        allowed = cors.allowing(self._origins, cors.origin_of(scope["headers"]))
        origin = b"origin" if cors.varies(self._origins) else b""
        return PageResponse(
            status=status,
            body=body,
            content_type=JSON_TYPE,
            vary=b", ".join(filter(None, (vary, origin))),
            headers=(*DATA_HEADERS, *allowed),
        )


def depth(path: str) -> int:
    """How many folders below the root a path stands, at most 20."""
    return min(max(path.count("/") - 1, 0), 20)
