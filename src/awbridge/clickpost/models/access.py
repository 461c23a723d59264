"""Bodies of the switches of an account: webhooks, services, customer messages, login.

Those that hold a secret show it neither in their repr nor in an error. Source: ClickPost's API reference.
"""

from __future__ import annotations

from pydantic import ConfigDict, Field

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
    """user/token: trade a password for a token."""

    model_config = ConfigDict(hide_input_in_errors=True)

    username: Filled
    """The user's name."""
    password: str = Field(repr=False)
    """The user's password."""


class ServiceRegistration(RequestModel):
    """register-service: subscribe the account to a service."""

    model_config = ConfigDict(hide_input_in_errors=True)

    key: Filled = Field(repr=False)
    """The account's key."""
    service_id: TextField
    """1 placing orders, 2 tracking, 3 recommendation."""


class WebhookRegistration(RequestModel):
    """register-webhook: where ClickPost sends the statuses. POST registers, PUT changes the address."""

    model_config = ConfigDict(hide_input_in_errors=True)

    key: Filled = Field(repr=False)
    """The account's key."""
    service_id: TextField
    """2: all statuses."""
    webhook_url: Filled = Field(repr=False)
    """The address, which may end in a token of its own."""


class WebhookTest(RequestModel):
    """test_webhook: have ClickPost send one delivery."""

    model_config = ConfigDict(hide_input_in_errors=True)

    test_url: Filled = Field(repr=False)
    """The address."""
    test_data: JsonObject
    """The body of the delivery."""
