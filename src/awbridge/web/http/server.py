"""The configuration of uvicorn with awbridge's HTTP protocol."""

from __future__ import annotations

from typing import Any

import uvicorn
from starlette.types import ASGIApp

from awbridge.web.accounts.sites import AccountSites
from awbridge.web.customer_page.page_process import Pages
from awbridge.web.http.limits import Connections
from awbridge.web.http.protocol import HttpConnection
from awbridge.web.http.relay import notifying_relay
from awbridge.web.http.request_cycle import ResponseEncoder
from awbridge.web.webhook.endpoint import WebhookEndpoint


def server_config(
    app: ASGIApp,
    webhook: WebhookEndpoint,
    all_connections: Connections,
    account_sites: AccountSites | None = None,
    *,
    customer_page: Pages | None = None,
    **settings: Any,
) -> uvicorn.Config:
    """uvicorn's configuration for an app, and for the endpoints whose ordinary webhooks bypass the app.

    `webhook`: the home's. `account_sites`: those of accounts that are open. `customer_page`: the home's, whose ordinary
    requests bypass the app too.
    """

    class Connection(HttpConnection):
        endpoint = webhook
        sites = account_sites
        pages = customer_page
        connections = all_connections
        encoder = ResponseEncoder()

    return uvicorn.Config(
        notifying_relay(app), http=Connection, ws="none", access_log=False, server_header=False, **settings
    )
