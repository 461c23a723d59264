"""Bodies of account settings: webhooks, services, customer messages, login.

Secrets are shown neither in a repr nor in an error. Source: ClickPost's API reference.
"""

from __future__ import annotations

from pydantic import Field

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import Filled, FlagField, TextField
from awbridge.domain.json import JsonObject


class WhatsAppSwitch(RequestModel):
    """enable_shipment_notification: WhatsApp messages about one shipment."""

    awb: Filled
    """The waybill."""
    whatsapp_disable: FlagField
    """True switches the messages off, False on."""


class Login(RequestModel):
    """user/token: exchange a password for a token."""

    username: Filled
    """The user's name."""
    password: str = Field(repr=False)
    """The user's password."""


class ServiceRegistration(RequestModel):
    """register-service: subscribe the account to a service."""

    key: Filled = Field(repr=False)
    """The account's key."""
    service_id: TextField
    """1 order placement, 2 tracking, 3 recommendation."""


class WebhookRegistration(RequestModel):
    """register-webhook: the address to which ClickPost sends statuses. POST registers, PUT changes the address."""

    key: Filled = Field(repr=False)
    """The account's key."""
    service_id: TextField
    """2: all statuses."""
    webhook_url: Filled = Field(repr=False)
    """The address, which may end in a token."""


class WebhookTest(RequestModel):
    """test_webhook: make ClickPost send one delivery."""

    test_url: Filled = Field(repr=False)
    """The address."""
    test_data: JsonObject
    """The body of the delivery."""
