"""What the pages of messages need of the application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from awbridge.domain.notify.notices import Channel, Rules
from awbridge.sinks.templates import Templates
from awbridge.steps.notify.notify import NotifyPolicy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MessageContext:
    """The templates, the rules by which messages are sent, and the channels that are configured."""

    templates: Templates = field(default_factory=Templates)
    policy: NotifyPolicy = field(default_factory=lambda: NotifyPolicy(rules=Rules()))
    channels: Sequence[Channel] = ()
