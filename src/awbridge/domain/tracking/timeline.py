"""A shipment's timeline: each scan once. A scan arrives by webhook and by polling, with or without vendor ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter
from typing import Any

import msgspec

from awbridge.domain.tracking.returns import ReturnEvent
from awbridge.domain.tracking.scan import HASH_LENGTH, PART_MARK, Scan, Source

MOST_WORDINGS = 20  # remembered fingerprints of one scan
MOST_COPIES = 8  # deliveries that are stored with a scan that they repeat; more get rows of their own


class Entry(msgspec.Struct, kw_only=True, eq=False, gc=False):
    """One scan on a timeline. `id` is the stored row's; 0 while it is not stored yet.

    Texts come from the first copy received; the location from the first copy that has one. Ids, the reason of a failed
    delivery or pickup and `fingerprints` (`Scan.fingerprints`, one for each wording) are collected from all copies.
    Entries that are read only to be matched carry neither texts nor courier. `delivery` (its shard and id) and `edd`
    are set on a new entry whose delivery, and whose expected date, are stored with it. `copies`: the later deliveries
    (shard and id of each) that are stored with it, because they brought no scan that was new.
    """

    id: int = 0
    fingerprints: tuple[str, ...]
    scan_id: str | None
    checkpoint_id: str | None
    ndr_code: int | None
    waybill: str
    code: int
    scanned_at: datetime
    received_at: datetime
    source: Source
    courier_partner_id: int | None = None
    status: str = ""
    remark: str = ""
    location: str = ""
    npr_code: int | None = None
    npr_description: str = ""
    description: str = ""
    ndr_description: str = ""
    return_event: ReturnEvent | None = None
    delivery: tuple[int, int] | None = None
    edd: str | None = None
    copies: tuple[tuple[int, int], ...] = ()

    @property
    def seen_at(self) -> datetime:
        """When it happened. A scan time in the future counts as the time of receipt."""
        return min(self.scanned_at, self.received_at)

    def content(self) -> tuple[Any, ...]:
        """What the scan says, without the row's id and what is stored with it."""
        return _content(self)


_content = attrgetter(*(name for name in Entry.__struct_fields__ if name not in ("id", "delivery", "edd", "copies")))
_gathered = attrgetter(
    "scan_id", "checkpoint_id", "ndr_code", "npr_code", "npr_description", "fingerprints", "location"
)


class Timeline:
    """The timeline of one shipment while updates are applied. `new`, `changed` and `gone` are the resulting changes."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.new: list[Entry] = []
        self.changed: list[Entry] = []
        self.gone: list[Entry] = []
        self.last: Entry | None = None  # the entry of the scan added last
        self._entries: dict[int, Entry] = {}  # by position
        self._places: dict[int, int] = {}  # id() of an entry -> its position
        self._numbers = count()
        self._by_scan_id: dict[str, Entry] = {}
        self._by_checkpoint: dict[str, Entry] = {}
        # Entries with equal content, by whether they have a scan_id and a checkpoint_id: heaps by position, which may
        # hold stale items. A search never iterates over entries: one delivery may carry thousands with equal content.
        self._alike: dict[str, dict[tuple[bool, bool], list[tuple[int, Entry]]]] = {}
        for entry in entries:
            self._put(entry)

    @property
    def entries(self) -> list[Entry]:
        """All entries, in order of arrival."""
        return list(self._entries.values())

    def add(self, scan: Scan, *, own: str, received_at: datetime, source: Source) -> bool:
        """Add a scan; True if it is new. `own` is the waybill of a scan that names none."""
        copy = Entry(
            fingerprints=scan.fingerprints(waybill=own),
            scan_id=scan.scan_id,
            checkpoint_id=scan.checkpoint_id,
            ndr_code=scan.ndr_code,
            waybill=scan.waybill or own,
            courier_partner_id=scan.courier_partner_id,
            code=scan.code,
            status=scan.status,
            remark=scan.remark,
            location=scan.location,
            scanned_at=scan.scanned_at,
            received_at=received_at,
            source=source,
            npr_code=scan.npr_code,
            npr_description=scan.npr_description,
            description=scan.description,
            ndr_description=scan.ndr_description,
            return_event=scan.return_event,
        )
        alike = self.find(copy)
        if not alike:
            self._put(copy)
            self.new.append(copy)
            self.last = copy
            return True
        first = self.last = alike[0]
        for entry in alike[1:]:
            self.drop(entry)
        for entry in (*alike[1:], copy):
            self._merge(first, entry)
        return False

    def find(self, copy: Entry) -> list[Entry]:
        """The entries that are this same scan, oldest first. None: it is new. Several: it proves them to be one scan.

        The vendor's ids decide if both carry them. Else the fingerprint decides, unless both carry different ids of the
        same kind: then they are two scans with equal content. Without another match, entries that differ only by a
        location which one of them lacks are the same scan.
        """
        found: list[Entry] = []
        if not self._entries:  # the usual case when the timeline is read in part
            return found
        for entry in (self._by_scan_id.get(copy.scan_id or ""), self._by_checkpoint.get(copy.checkpoint_id or "")):
            if entry and entry not in found and all(_may_be_one(entry, other) for other in found):
                found.append(entry)
        for fingerprint in copy.fingerprints:
            if fingerprint[:1] == PART_MARK or (found and any(fingerprint in entry.fingerprints for entry in found)):
                continue
            if one := self._first_alike(fingerprint, (copy, *found)):
                found.append(one)
        if not found:
            parts = (self._first_alike(key, (copy,)) for key in _keys_without_location(copy.fingerprints))
            found += [one for one in parts if one][:1]
        return sorted(found, key=self._place) if len(found) > 1 else found

    def _first_alike(self, fingerprint: str, one: tuple[Entry, ...]) -> Entry | None:
        """The first entry with this fingerprint that lacks the ids of `one`; equal ids would have matched before."""
        if fingerprint not in self._alike:  # most often
            return None
        with_scan_id = (False,) if any(e.scan_id for e in one) else (False, True)
        with_checkpoint = (False,) if any(e.checkpoint_id for e in one) else (False, True)
        heads = (self._head(fingerprint, (s, c)) for s in with_scan_id for c in with_checkpoint)
        return min((entry for entry in heads if entry), key=self._place, default=None)

    def _head(self, fingerprint: str, has_ids: tuple[bool, bool]) -> Entry | None:
        heap = self._alike[fingerprint].get(has_ids, [])
        while heap:
            place, entry = heap[0]
            is_there = self._entries.get(place) is entry and fingerprint in _keys(entry.fingerprints)
            if is_there and (bool(entry.scan_id), bool(entry.checkpoint_id)) == has_ids:
                return entry
            heappop(heap)
        return None

    def _place(self, entry: Entry) -> int:
        return self._places[id(entry)]

    def _put(self, entry: Entry) -> None:
        place = next(self._numbers)
        self._places[id(entry)] = place
        self._entries[place] = entry
        self._index(entry, place)

    def _index(self, entry: Entry, place: int) -> None:
        scan_id, checkpoint_id = entry.scan_id, entry.checkpoint_id
        if scan_id:
            self._by_scan_id.setdefault(scan_id, entry)
        if checkpoint_id:
            self._by_checkpoint.setdefault(checkpoint_id, entry)
        has_ids = (bool(scan_id), bool(checkpoint_id))
        for key in _keys(entry.fingerprints):
            alike = self._alike.get(key)
            if alike is None:
                self._alike[key] = {has_ids: [(place, entry)]}
            elif heap := alike.get(has_ids):
                heappush(heap, (place, entry))
            else:
                alike[has_ids] = [(place, entry)]

    def carry(self, entry: Entry, delivery: tuple[int, int]) -> bool:
        """Store a delivery (its shard and id) with an entry; False where that is gone, or has no room for it."""
        if id(entry) not in self._places or self._entries.get(self._place(entry)) is not entry:
            return False
        if len(entry.copies) >= MOST_COPIES:
            return False
        if delivery not in entry.copies:
            entry.copies += (delivery,)
            if entry.id and entry not in self.changed:
                self.changed.append(entry)
        return True

    def _merge(self, known: Entry, copy: Entry) -> None:
        """Add to a known scan what this copy carries and the known scan lacks."""
        before = _gathered(known)
        known.scan_id = known.scan_id or copy.scan_id
        known.checkpoint_id = known.checkpoint_id or copy.checkpoint_id
        if (reason := _better(known.ndr_code, copy.ndr_code)) != known.ndr_code:
            known.ndr_code, known.ndr_description = reason, copy.ndr_description
        known.npr_code = _better(known.npr_code, copy.npr_code)
        known.npr_description = known.npr_description or copy.npr_description
        parts = [f for f in known.fingerprints if f[:1] != PART_MARK and _mark(f) in copy.fingerprints]
        if parts:  # the copy has the location that the known scan lacks
            known.location, known.remark = copy.location, known.remark or copy.remark
            known.fingerprints = tuple(f for f in known.fingerprints if f not in parts)
        more = [f for f in copy.fingerprints if f not in known.fingerprints and _mark(f) not in known.fingerprints]
        known.fingerprints += tuple(more[: max(0, MOST_WORDINGS - len(known.fingerprints))])
        if _gathered(known) != before:
            self._index(known, self._place(known))
            if known.id and known not in self.changed:
                self.changed.append(known)

    def drop(self, entry: Entry) -> None:
        """Remove an entry that turned out to be a copy of another."""
        del self._entries[self._place(entry)]
        for entries in (self.new, self.changed):
            if entry in entries:
                entries.remove(entry)
        for by_id, key in ((self._by_scan_id, entry.scan_id), (self._by_checkpoint, entry.checkpoint_id)):
            if key and by_id.get(key) is entry:
                del by_id[key]
        if entry.id:
            self.gone.append(entry)


def _mark(fingerprint: str) -> str:
    """How a scan with a location stores this fingerprint, if it is its own without the location."""
    return PART_MARK + fingerprint[:HASH_LENGTH]


def _has_location(fingerprints: Sequence[str]) -> bool:
    for fingerprint in fingerprints:  # noqa: SIM110 `any` takes three times as long
        if fingerprint[:1] == PART_MARK:
            return True
    return False


def _keys(fingerprints: Sequence[str]) -> Sequence[str]:
    """The search keys of an entry: its fingerprints and, without a location, "!" with each part."""
    if _has_location(fingerprints):
        return fingerprints
    return (*fingerprints, *["!" + f[:HASH_LENGTH] for f in fingerprints])


def _keys_without_location(fingerprints: Sequence[str]) -> list[str]:
    """The keys that find entries with equal content where only one of both has a location."""
    if _has_location(fingerprints):
        return ["!" + f[1:] for f in fingerprints if f[:1] == PART_MARK]
    return [_mark(f) for f in fingerprints]


def _better(reason: int | None, other: int | None) -> int | None:
    """The more specific of two reason codes: 0 is an unknown reason, None no reason."""
    return reason or (other if other is not None else reason)


def _may_be_one(known: Entry, other: Entry) -> bool:
    return not (
        (known.scan_id and other.scan_id and known.scan_id != other.scan_id)
        or (known.checkpoint_id and other.checkpoint_id and known.checkpoint_id != other.checkpoint_id)
    )


@dataclass(frozen=True, slots=True)
class Differences:
    """What must be written so that the stored rows equal a timeline: rows to delete, to insert, to update."""

    gone: list[Entry]
    new: list[Entry]
    changed: list[Entry]


def differences(stored: Iterable[Entry], rebuilt: Timeline) -> Differences:
    """Compare a rebuilt timeline with the stored rows. Rows of the same scan keep their id."""
    rows, entries = {entry.id: entry for entry in stored}, rebuilt.entries
    if len(rows) == len(entries) and all(map(_is_row, entries, rows.values())):  # most often
        for entry, row in zip(entries, rows.values(), strict=True):
            entry.id = row.id
        return Differences([], [], [])
    taken = {entry.id for entry in entries if entry.id}
    left = Timeline(entry for entry in rows.values() if entry.id not in taken)
    for entry in entries:
        alike = left.find(entry) if not entry.id else []
        if alike:
            entry.id = alike[0].id
            left.drop(alike[0])
    kept = {entry.id for entry in entries if entry.id}
    return Differences(
        gone=[entry for entry in rows.values() if entry.id not in kept],
        new=[entry for entry in entries if not entry.id],
        changed=[e for e in entries if e.id and e.content() != rows[e.id].content()],
    )


def _is_row(entry: Entry, row: Entry) -> bool:
    return entry.id in (0, row.id) and _content(entry) == _content(row)
