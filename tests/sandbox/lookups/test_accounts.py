"""Login, service registration, list of accounts."""

from typing import Any

import pytest

from awbridge.sandbox import SandboxConfig, SimulatedAccount, running
from tests.sandbox.helpers import code_of, merchant

TOKEN = "/api/v1/user/token/"
SERVICE = "/api/v1/register-service/"


async def test_a_password_is_exchanged_for_a_token() -> None:
    async with running(SandboxConfig(password="open sesame")) as sandbox, merchant(sandbox) as http:
        http.params = {}
        response = await http.post(TOKEN, json={"username": "sandbox", "password": "open sesame"})
        assert response.json().keys() == {"token", "expires_at"}


@pytest.mark.parametrize("body", [{}, {"username": "sandbox", "password": "x"}, {"username": "x"}, [1]])
async def test_a_wrong_password_returns_no_token(body: Any) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        response = await http.post(TOKEN, json=body)
        assert (response.status_code, code_of(response)) == (400, 400)
        assert "token" not in response.json()


async def test_a_service_can_be_registered_once() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        body = {"key": "sandbox-key", "service_id": 2}
        response = await http.post(SERVICE, json=body)
        assert response.json() == {"message": "SUCCESS", "status_code": 200, "success": True}
        assert code_of(await http.post(SERVICE, json=body)) == 304
        assert code_of(await http.post(SERVICE, json=body | {"service_id": 99})) == 400
        assert code_of(await http.post(SERVICE, json=body | {"key": "wrong"})) == 301
        assert code_of(await http.post(SERVICE, content=b"no")) == 400


async def test_fetch_accounts_returns_active_or_all_accounts() -> None:
    accounts = (
        SimulatedAccount(courier_partner_id=4, courier_name="Delhivery", account_code="a"),
        SimulatedAccount(courier_partner_id=5, courier_name="Bluedart", account_code="b", account_active=False),
    )
    async with running(SandboxConfig(accounts=accounts)) as sandbox, merchant(sandbox) as http:
        path = "/api/v1/fetch-accounts"
        active = (await http.get(path, params={"active": "True"})).json()["result"]["accounts"]
        assert active == [
            {"courier_partner_id": 4, "courier_name": "Delhivery", "account_code": "a", "account_active": True}
        ]
        assert len((await http.get(path, params={"active": "False"})).json()["result"]["accounts"]) == 2
        assert code_of(await http.get(path, params={"active": "Tru"})) == 400
        assert code_of(await http.get(path, params={"key": "wrong"})) == 301
