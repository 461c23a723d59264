"""The vocabulary of ClickPost's reports: courier names to ids, status names to codes. No I/O.

Unknown values are never guessed: they are counted and shown. Sources: ClickPost's dashboard and mailed reports; its
list of courier partner ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from awbridge.clickpost.wire.lenient_json import as_id, as_int, as_text
from awbridge.clickpost.wire.tracking_codes import COURIER_NAMES, STATUSES
from awbridge.domain.privacy import veiled
from awbridge.domain.reconciliation.differences import Gap

# Columns of the dashboard and mailed reports that are not compared.
_NOT_COMPARED = frozenset(
    (
        "rtoawb",
        "createdat",
        "updatedat",
        "pickupdate",
        "deliverydate",
        "latestremark",
        "remark",
        "location",
        "ordertype",
    )
)

LONGEST_WORD = 60  # characters of an unknown name that are kept
MOST_WORDS = 50  # different unknown names that are counted by name
OTHERS = "(others)"

# Status names of reports that differ from ClickPost's table of status codes.
_MORE_STATUS_WORDS: Mapping[str, int] = {
    "Cancelled": 10,
    "Canceled": 10,
    "ShipmentDelay": 18,
    "RTO-ShipmentDelay": 27,
    "RTO-FailedDelivery": 15,
}
NO_STATUS = frozenset({"nostatusexist", "nostatusexists", "nostatus"})
_REVERSE = ("reverse", "rvp")
_NO_SIGNS = str.maketrans("", "", " -_")


def squeezed(word: str) -> str:
    """A name without case, spaces, hyphens and underscores, for comparison."""
    return word.translate(_NO_SIGNS).casefold()


_STATUS_CODES: Mapping[str, int] = {
    **{squeezed(info.name): code for code, info in STATUSES.items()},
    **{squeezed(word): code for word, code in _MORE_STATUS_WORDS.items()},
}
_COURIER_IDS: Mapping[str, int] = {
    squeezed(name).replace("rvp", "reverse"): number for number, name in COURIER_NAMES.items()
}
_REVERSE_IDS = frozenset(number for name, number in _COURIER_IDS.items() if name.endswith("reverse"))


def unknown_columns(titles: Iterable[str]) -> list[str]:
    """Of the ignored columns, those that ClickPost's reports are not known to have."""
    return [title for title in titles if squeezed(title) not in _NOT_COMPARED]


class KnownCourier(NamedTuple):
    """A courier under the name of the company's configuration or of fetch-accounts."""

    courier_partner_id: int
    name: str
    account_code: str = ""


class CourierNames:
    """Finds the id of a courier by its name: among the company's accounts, else among ClickPost's published names.

    The account code decides between several candidates, and replaces an unknown name. "Delhivery Reverse" is the
    courier's RVP id, or its other id if the company has no account for the RVP one.
    """

    def __init__(self, known: Iterable[KnownCourier] = ()) -> None:
        self._ids: dict[str, set[int]] = {}
        self._accounts: set[tuple[int, str]] = set()
        self._ours: set[int] = set()
        for courier in known:
            self._ours.add(courier.courier_partner_id)
            self._accounts.add((courier.courier_partner_id, courier.account_code))
            if key := _courier_key(courier.name):
                self._ids.setdefault(key, set()).add(courier.courier_partner_id)

    def find(self, name: str, account_code: str = "") -> int | None:
        """The courier partner id; None if no courier, or more than one, has that name."""
        key = _courier_key(name)
        known = self._called(key)
        base = key.removesuffix("reverse")
        if base != key:
            known |= self._called(base) & _REVERSE_IDS
            known = (known & self._ours) or (self._called(base) & self._ours) or known
        of_account = {courier for courier, code in self._accounts if code and code == account_code}
        known = known or of_account
        for narrower in (of_account, _REVERSE_IDS if base != key else known - _REVERSE_IDS, {_COURIER_IDS.get(key)}):
            known = (known & narrower) or known
        return next(iter(known)) if len(known) == 1 else None

    def _called(self, key: str) -> set[int]:
        well_known = _COURIER_IDS.get(key)
        return self._ids.get(key, set[int]()) | ({well_known} if well_known is not None else set[int]())


def _courier_key(name: str) -> str:
    key = squeezed(name)
    ending = next((ending for ending in _REVERSE if key.endswith(ending) and key != ending), "")
    return f"{key.removesuffix(ending)}reverse" if ending else key


class RowReading(NamedTuple):
    """The parsed courier and status of a row. `gaps`: what cannot be compared. `*_word`: the unknown names."""

    courier_partner_id: int | None
    status_code: int | None
    gaps: Gap
    courier_word: str = ""
    status_word: str = ""


@dataclass(slots=True)
class Vocabulary:
    """Reads couriers and statuses from the cells of a report, and counts the unknown names."""

    names: CourierNames = field(default_factory=CourierNames)
    has_status: bool = True
    couriers: Counter[str] = field(default_factory=Counter[str])
    statuses: Counter[str] = field(default_factory=Counter[str])
    of_codes: dict[int, str] = field(default_factory=dict[int, str])  # descriptions of unpublished codes

    def reader(self) -> Any:
        """(courier id, courier, account code, status code, status) -> RowReading, cached: cells repeat."""
        return lru_cache(maxsize=10_000)(self._read)

    def _read(self, courier_id: Any, courier: Any, account: Any, code: Any, status: Any) -> RowReading:
        number, courier_word = self._courier(courier_id, courier, as_id(account))
        status_code, status_word, gap = self._status(code, status)
        if number is None:
            gap |= Gap.ALWAYS
        return RowReading(number, status_code, gap, courier_word, status_word)

    def _courier(self, courier_id: Any, courier: Any, account: str) -> tuple[int | None, str]:
        word = ""
        for cell in (courier_id, courier):
            if (number := as_int(cell)) is not None:
                return number, ""
            if name := as_id(cell):
                if (number := self.names.find(name, account)) is not None:
                    return number, ""
                word = word or veiled(name)[:LONGEST_WORD]
        return None, word

    def _status(self, code: Any, status: Any) -> tuple[int | None, str, Gap]:
        given = [cell for cell in (code, status) if as_id(cell)]
        for cell in given:
            if (number := as_int(cell)) is not None:
                self._note_description(number, given[-1])
                return number, "", Gap.NONE
            key = squeezed(as_text(cell))
            if key in NO_STATUS:
                return None, "", Gap.NONE
            if (number := _STATUS_CODES.get(key)) is not None:
                return number, "", Gap.NONE
        if given:
            return None, veiled(as_text(given[-1]))[:LONGEST_WORD], Gap.ALWAYS
        return None, "", Gap.STATUS if self.has_status else Gap.ALWAYS

    def _note_description(self, code: int, cell: Any) -> None:
        if code not in STATUSES and as_int(cell) is None and len(self.of_codes) < MOST_WORDS:
            self.of_codes.setdefault(code, veiled(as_text(cell))[:LONGEST_WORD])

    def count(self, read: RowReading) -> None:
        """Count the unknown names of a row."""
        for counter, word in ((self.couriers, read.courier_word), (self.statuses, read.status_word)):
            if word:
                counter[word if word in counter or len(counter) < MOST_WORDS else OTHERS] += 1
