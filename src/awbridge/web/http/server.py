"""uvicorn, configured to speak HTTP as awbridge does."""

from __future__ import annotations

from typing import Any

import uvicorn
from starlette.types import ASGIApp

from awbridge.web.http.exchange import Wire
from awbridge.web.http.limits import Connections
from awbridge.web.http.protocol import HttpConnection
from awbridge.web.http.relay import told
from awbridge.web.webhook.endpoint import WebhookEndpoint


def server_config(
    app: ASGIApp, its_endpoint: WebhookEndpoint, its_connections: Connections, **settings: Any
) -> uvicorn.Config:
    """uvicorn's configuration for an app, and for the endpoint whose ordinary webhooks do not come to it."""

    class Answering(HttpConnection):
        endpoint = its_endpoint
        connections = its_connections
        wire = Wire()

    return uvicorn.Config(told(app), http=Answering, ws="none", access_log=False, server_header=False, **settings)
