"""Register the webhook: tells ClickPost the public URL and stores the key that it issues."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from awbridge.clickpost.tracking.webhook_registration import Registration, secret_in
from awbridge.clickpost.wire.masking import mask_url
from awbridge.domain.errors import NotPossible, NotValid
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.polling import webhook_keys


class RegistersWebhooks(Protocol):
    """The ClickPost calls that a registration needs."""

    async def register_webhook(self, url: str) -> Registration:
        """Register the first URL. Raises VendorError."""
        ...

    async def change_webhook(self, url: str) -> Registration:
        """Change the registered URL. Raises VendorError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A registered URL. `changed`: another one was registered before. `key`: the issued key, a secret; "" for none."""

    url: str
    changed: bool
    key: str = field(default="", repr=False)


def why_no_address(url: str) -> str:
    """Why ClickPost cannot send to this URL; "" if it may be able to."""
    if url.startswith(("https://", "http://")):
        return ""
    return f"{url!r} is not a URL; write https://your-host/webhooks/clickpost"


async def register_webhook(*, store: Store, clickpost: RegistersWebhooks, clock: Clock, url: str) -> Registered:
    """Register this URL, or change the registered one to it, and store the SHA-256 of its keys.

    The result's URL is masked. Raises NotValid for what is no URL, NotPossible if ClickPost refuses, VendorError.
    """
    if wrong := why_no_address(url):
        raise NotValid(wrong)
    registration = await clickpost.register_webhook(url)
    changed = registration.already
    if changed:
        registration = await clickpost.change_webhook(url)
    if not registration.registered:
        raise NotPossible(f"ClickPost refused ({registration.code}): {registration.message}")
    async with store.write() as session:
        for key in filter(None, (registration.webhook_key, secret_in(url))):
            await webhook_keys.add(session, key, webhook_url=mask_url(url), now=clock())
    return Registered(url=mask_url(url), changed=changed, key=registration.webhook_key)
