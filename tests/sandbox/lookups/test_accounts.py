"""Login by password, and subscribing to services."""

from typing import Any

import pytest

from awbridge.sandbox import SandboxConfig, running
from tests.sandbox.helpers import code_of, merchant

TOKEN = "/api/v1/user/token/"
SERVICE = "/api/v1/register-service/"


async def test_a_password_is_traded_for_a_token() -> None:
    async with running(SandboxConfig(password="open sesame")) as sandbox, merchant(sandbox) as http:
        http.params = {}
        answer = await http.post(TOKEN, json={"username": "sandbox", "password": "open sesame"})
        assert answer.json().keys() == {"token", "expires_at"}


@pytest.mark.parametrize("body", [{}, {"username": "sandbox", "password": "x"}, {"username": "x"}, [1]])
async def test_a_wrong_password_gets_none(body: Any) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        answer = await http.post(TOKEN, json=body)
        assert (answer.status_code, code_of(answer)) == (400, 400)
        assert "token" not in answer.json()


async def test_a_service_is_subscribed_once() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        body = {"key": "sandbox-key", "service_id": 2}
        answer = await http.post(SERVICE, json=body)
        assert answer.json() == {"message": "SUCCESS", "status_code": 200, "success": True}
        assert code_of(await http.post(SERVICE, json=body)) == 304
        assert code_of(await http.post(SERVICE, json=body | {"service_id": 99})) == 400
        assert code_of(await http.post(SERVICE, json=body | {"key": "wrong"})) == 301
        assert code_of(await http.post(SERVICE, content=b"no")) == 400
