"""The example of docs/how-to/operate/outgoing-webhooks.md accepts genuine deliveries only."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from awbridge.app.settings import Settings
from awbridge.domain.notify.notices import NoticeState
from awbridge.domain.tracking.milestones import JOURNEY, Milestone
from awbridge.sinks.outgoing import signed_headers
from awbridge.sinks.templates import EXAMPLE
from awbridge.steps.notify.deliver_events import DEFAULT_DELAYS
from awbridge.store.notify.endpoints import new_secret

DOCS = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "operate"
BODY = '{"type":"delivered","data":{"name":"आशा"}}'


@pytest.fixture(scope="module")
def verify() -> Any:
    page = (DOCS / "outgoing-webhooks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    space: dict[str, Any] = {}
    exec(example, space)
    return space["verify"]


def test_the_example_accepts_a_genuine_delivery_also_after_a_rotation(verify: Any) -> None:
    new, old = new_secret(), new_secret()
    headers = signed_headers("evt_1", BODY, (new, old), datetime.now(UTC))
    for secret in (new, old):
        assert verify(secret, headers, BODY.encode()) == json.loads(BODY)


def test_the_example_refuses_everything_else(verify: Any) -> None:
    secret = new_secret()
    now = datetime.now(UTC)
    headers = signed_headers("evt_1", BODY, (secret,), now)
    for wrong in (
        (new_secret(), headers, BODY),
        (secret, headers, BODY.replace("delivered", "lost")),
        (secret, {**headers, "webhook-id": "evt_2"}, BODY),
        (secret, signed_headers("evt_1", BODY, (secret,), now - timedelta(minutes=6)), BODY),
    ):
        with pytest.raises(ValueError, match=r"too old|not signed"):
            verify(wrong[0], wrong[1], wrong[2].encode())


def test_every_milestone_state_and_value_is_documented() -> None:
    notices = (DOCS / "notices.md").read_text(encoding="utf-8")
    assert not {milestone for milestone in Milestone if f"`{milestone}`" not in notices}
    assert not {state for state in NoticeState if f"| {state} |" not in notices}
    assert not {name for name in EXAMPLE if f"`{name}`" not in notices}
    places = [notices.index(f"`{milestone}`") for milestone in JOURNEY if milestone is not Milestone.DAMAGED]
    assert places == sorted(places), "the table is in the order of the journey"


def test_the_default_delays_are_those_of_the_settings_and_last_a_day() -> None:
    assert Settings.fields["endpoint_retry_delays"].default == DEFAULT_DELAYS
    assert sum(DEFAULT_DELAYS) >= 86400
