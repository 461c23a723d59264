"""Links to the customer's page: which shipment a token stands for, and the tokens that a key makes.

A token is a keyed permutation of 80 bits: the link id of the shipment (64 bits), then 16 zero bits. The permutation is
a balanced Feistel network of 10 rounds with HMAC-SHA-256 as its round function, in the manner of NIST SP 800-38G. So
nothing that depends on a key is stored, every key of the setting opens the links that it made, and of 65,536 guesses
65,535 are refused without a query.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from awbridge.domain.orders.shipment import SHARDS
from awbridge.domain.people.actor import current_actor

TOKEN_LENGTH = 16
LEAST_KEY = 16  # characters of a key
SHORT = 40  # characters that a link in an SMS may have
# How old a shipment must be when a pass gives it a link, by the number of the pass.
LAGS: Mapping[int, timedelta] = {1: timedelta(minutes=1), 2: timedelta(days=1)}
HEALTH_PATH, HEALTH_TEXT = "/track/static/health", "awbridge customer page"  # by which `doctor` knows it

_ROUNDS = 10
_HALF_BITS = 40
_ZERO_BITS = 16
_HASH_BLOCK = 64  # bytes
_ID_DOMAIN, _ROUND_DOMAIN = b"awbridge customer page, link id, 1\0", b"awbridge customer page, token, 1\0"
_TOKEN = re.compile(r"[a-z2-7]{16}", re.ASCII | re.IGNORECASE)
# base32 as RFC 4648 writes it -> as int() reads it, which takes a tenth of the time
_DIGITS = str.maketrans("abcdefghijklmnopqrstuvwxyz234567", "0123456789abcdefghijklmnopqrstuv")


class Linked(Protocol):
    """What has a link: a shipment. `link_generation` counts how often its link was revoked."""

    @property
    def reference_number(self) -> str: ...
    @property
    def link_generation(self) -> int: ...


class Dated(Protocol):
    """What says when a shipment had news. Times are aware, UTC."""

    @property
    def created_at(self) -> datetime: ...
    @property
    def placed_at(self) -> datetime | None: ...
    @property
    def status_at(self) -> datetime | None: ...
    @property
    def cancel_requested_at(self) -> datetime | None: ...


def link_id(reference_number: str, generation: int = 0) -> int:
    """The id of a shipment's link as a signed 64-bit integer: equal everywhere, and different after each revocation."""
    hashed = hashlib.sha256(_ID_DOMAIN + generation.to_bytes(4) + reference_number.encode())
    return int.from_bytes(hashed.digest()[:8], signed=True)


def shard_of_link(identity: int) -> int:
    """The shard of a link id, 0 to 63."""
    return identity % SHARDS


def is_link_of(identity: int, shipment: Linked) -> bool:
    """Whether a link id is that of a shipment's present link. Checked where a link is opened, besides the table."""
    return identity == link_id(shipment.reference_number, shipment.link_generation)


def expires_at(shipment: Dated, valid_for: timedelta) -> datetime:
    """When a shipment's link expires: so long after the parcel's end, or after its latest news if it has not ended."""
    news = (shipment.created_at, shipment.placed_at, shipment.status_at, shipment.cancel_requested_at)
    return max(moment for moment in news if moment) + valid_for


class LinkKeys:
    """The keys of links: the first one makes them, all of them open them.

    Raises ValueError without any key, or where one has fewer than 16 characters.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or any(len(key) < LEAST_KEY for key in keys):
            raise ValueError(f"a key of links has at least {LEAST_KEY} characters")
        self._keys = tuple(Permutation(key.encode()) for key in keys)

    def __repr__(self) -> str:
        return f"LinkKeys({len(self._keys)} keys)"

    def token(self, reference_number: str, generation: int = 0) -> str:
        """The token of a shipment's link: 16 characters of a-z and 2-7."""
        identity = link_id(reference_number, generation) & (2**64 - 1)
        permuted = self._keys[0].permute(identity << _ZERO_BITS)
        return base64.b32encode(permuted.to_bytes(TOKEN_LENGTH * 5 // 8)).decode().lower()

    def read(self, token: str) -> tuple[int, ...]:
        """The link ids that a token may stand for, by key: usually one; () if no key made it. Any case is accepted.

        An old token may be taken for that of a newer key as well, once in 65,536: `store.customer_page.links.find`
        takes them all, and a link id that nobody has opens nothing.
        """
        if not _TOKEN.fullmatch(token):
            return ()
        permuted = int(token.lower().translate(_DIGITS), 32)
        opened = [key.permute_back(permuted) for key in self._keys]
        return tuple(_signed(value >> _ZERO_BITS) for value in opened if not value % (1 << _ZERO_BITS))


@dataclass(frozen=True, slots=True)
class TrackLinks:
    """Makes the links of shipments. `base_url`: https://shop.example, without a trailing slash. Without keys: none.

    Nor for an actor who may not see personal data: who has the link sees the customer's first name.
    """

    base_url: str = ""
    keys: LinkKeys | None = None

    @property
    def is_on(self) -> bool:
        """Whether there is a customer's page at all."""
        return bool(self.base_url and self.keys)

    def url(self, shipment: Linked) -> str | None:
        """The link to a shipment's page; None where the page is off."""
        return self._url("track", shipment)

    def short_url(self, shipment: Linked) -> str | None:
        """The same page under a short path, as for an SMS; None where the page is off."""
        return self._url("t", shipment)

    def _url(self, path: str, shipment: Linked) -> str | None:
        actor = current_actor()
        if not self.keys or not self.base_url or (actor and actor.is_masked):
            return None
        return f"{self.base_url}/{path}/{self.keys.token(shipment.reference_number, shipment.link_generation)}"


NO_LINKS = TrackLinks()


@dataclass(frozen=True, slots=True)
class _Named:
    reference_number: str
    link_generation: int


def track_url(reference_number: str, *, base_url: str, key: str, revoked: int = 0, short: bool = False) -> str:
    """The link of a shipment to the customer's page, made without awbridge's database.

    `base_url` is AWBRIDGE_TRACK_URL, `key` the first of AWBRIDGE_TRACK_KEYS. `revoked`: how often the link of this
    shipment was revoked. `short`: the form for an SMS. Raises ValueError for a key of fewer than 16 characters.
    """
    links = TrackLinks(base_url.rstrip("/"), LinkKeys([key]))
    shipment = _Named(reference_number, revoked)
    return (links.short_url(shipment) if short else links.url(shipment)) or ""


def token_in(text: str) -> str:
    """The token in a link, or the text itself: what people paste."""
    return text.strip().partition("?")[0].partition("#")[0].rstrip("/").removesuffix(".json").rpartition("/")[2]


class Permutation:
    """The permutation of numbers of 80 bits by one key.

    Every round hashes key, domain and number of the round first, which are always the same: that is done once, and
    copied. It halves the time of a page's token.
    """

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= _HASH_BLOCK else hashlib.sha256(key).digest()).ljust(_HASH_BLOCK, b"\0")
        inner = bytes(byte ^ 0x36 for byte in block) + _ROUND_DOMAIN
        self._rounds = [hashlib.sha256(inner + bytes([number])) for number in range(_ROUNDS)]
        self._backwards = self._rounds[::-1]
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def permute(self, value: int) -> int:
        """A number as the key permutes it."""
        left, right = divmod(value, 1 << _HALF_BITS)
        for number in range(_ROUNDS):
            left, right = right, left ^ self._hash(number, right)
        return left << _HALF_BITS | right

    def permute_back(self, value: int) -> int:
        """The number that the key permutes to this one."""
        left, right = divmod(value, 1 << _HALF_BITS)
        outermost, size = self._outer, _HALF_BITS // 8
        for innermost in self._backwards:  # `_hash`, without a call for each round: every page for a customer takes it
            inner, outer = innermost.copy(), outermost.copy()
            inner.update(left.to_bytes(size))
            outer.update(inner.digest())
            left, right = right ^ int.from_bytes(outer.digest()[:size]), left
        return left << _HALF_BITS | right

    def _hash(self, number: int, half: int) -> int:
        """HMAC-SHA-256 of a half, by RFC 2104, cut to the size of a half."""
        inner, outer = self._rounds[number].copy(), self._outer.copy()
        inner.update(half.to_bytes(_HALF_BITS // 8))
        outer.update(inner.digest())
        return int.from_bytes(outer.digest()[: _HALF_BITS // 8])


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
