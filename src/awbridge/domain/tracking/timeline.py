"""A shipment's timeline: each scan once. One scan comes by webhook and by polling, with or without the vendor's ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter
from typing import Any

from awbridge.domain.tracking.returns import ReturnEvent
from awbridge.domain.tracking.scan import PART_LENGTH, PART_MARK, Scan, Source

MOST_WORDINGS = 20  # ways of saying one scan that are remembered: they stand in an index, whose rows have an end


@dataclass(slots=True, kw_only=True, eq=False)
class Entry:
    """One scan on a timeline. `id` is the stored row's; 0 while it is not stored yet.

    The words are those of the copy that was heard first; its location that of the first copy that had one. Ids, the
    reason of a failed delivery or pickup and `fingerprints` (`Scan.fingerprints`, for each way in which copies said it)
    are gathered from all copies. Those read only to be told something new (`scans.to_tell`) carry neither words nor
    courier.
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

    @property
    def seen_at(self) -> datetime:
        """When it happened. A scan time in the future counts as the time of receipt."""
        return min(self.scanned_at, self.received_at)

    def content(self) -> tuple[Any, ...]:
        """Everything but the row's id."""
        return _content(self)


_content = attrgetter(*(f.name for f in fields(Entry) if f.name != "id"))
_gathered = attrgetter(
    "scan_id", "checkpoint_id", "ndr_code", "npr_code", "npr_description", "fingerprints", "location"
)


class Timeline:
    """The timeline of one shipment while deliveries are told to it. `new`, `changed` and `gone` are what came of it."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.new: list[Entry] = []
        self.changed: list[Entry] = []
        self.gone: list[Entry] = []
        self.last: Entry | None = None  # that of the scan that was told last
        self._entries: dict[int, Entry] = {}  # by place
        self._places: dict[int, int] = {}  # id() of an entry -> its place
        self._numbers = count()
        self._by_scan_id: dict[str, Entry] = {}
        self._by_checkpoint: dict[str, Entry] = {}
        # What says the same, by whether it has a scan_id and a checkpoint_id: heaps by place, with stale rests in them.
        # A search never walks over entries: one delivery may carry thousands that say the same.
        self._alike: dict[tuple[str, bool, bool], list[tuple[int, Entry]]] = {}
        for entry in entries:
            self._put(entry)

    @property
    def entries(self) -> list[Entry]:
        """All entries, in the order in which they came."""
        return list(self._entries.values())

    def tell(self, scan: Scan, *, own: str, received_at: datetime, source: Source) -> bool:
        """Put a scan on the timeline; True when it was not there yet. `own`: the waybill of a scan that names none."""
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
            self._learn(first, entry)
        return False

    def find(self, copy: Entry) -> list[Entry]:
        """The entries that are this same scan, the oldest first; none when it is new, several when it proves them one.

        The vendor's own ids decide where both carry them; else what the scan says (its fingerprint), unless both carry
        different ids of the same kind: then they are two scans that say the same. What says the same but for a location
        that only one of them has is the same scan too, where nothing else is.
        """
        found: list[Entry] = []
        if not self._entries:  # most often, where the timeline is read in part
            return found
        for entry in (self._by_scan_id.get(copy.scan_id or ""), self._by_checkpoint.get(copy.checkpoint_id or "")):
            if entry and entry not in found and all(_may_be_one(entry, other) for other in found):
                found.append(entry)
        for fingerprint in copy.fingerprints:
            if fingerprint[:1] == PART_MARK or any(fingerprint in entry.fingerprints for entry in found):
                continue
            if one := self._first_alike(fingerprint, (copy, *found)):
                found.append(one)
        if not found:
            parts = (self._first_alike(key, (copy,)) for key in _told_in_part(copy.fingerprints))
            found += [one for one in parts if one][:1]
        return sorted(found, key=self._place) if len(found) > 1 else found

    def _first_alike(self, fingerprint: str, one: tuple[Entry, ...]) -> Entry | None:
        """The first entry that says this and lacks the ids that `one` has; the same ids would have been found."""
        with_scan_id = (False,) if any(e.scan_id for e in one) else (False, True)
        with_checkpoint = (False,) if any(e.checkpoint_id for e in one) else (False, True)
        heads = (self._head((fingerprint, s, c)) for s in with_scan_id for c in with_checkpoint)
        return min((entry for entry in heads if entry), key=self._place, default=None)

    def _head(self, kind: tuple[str, bool, bool]) -> Entry | None:
        heap = self._alike.get(kind, [])
        while heap:
            place, entry = heap[0]
            is_there = self._entries.get(place) is entry and kind[0] in _keys(entry.fingerprints)
            if is_there and (bool(entry.scan_id), bool(entry.checkpoint_id)) == kind[1:]:
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
        for key in _keys(entry.fingerprints):
            kind = (key, bool(scan_id), bool(checkpoint_id))
            if heap := self._alike.get(kind):
                heappush(heap, (place, entry))
            else:
                self._alike[kind] = [(place, entry)]

    def _learn(self, known: Entry, copy: Entry) -> None:
        """Give a known scan what this copy of it carries and it lacked."""
        before = _gathered(known)
        known.scan_id = known.scan_id or copy.scan_id
        known.checkpoint_id = known.checkpoint_id or copy.checkpoint_id
        if (reason := _better(known.ndr_code, copy.ndr_code)) != known.ndr_code:
            known.ndr_code, known.ndr_description = reason, copy.ndr_description
        known.npr_code = _better(known.npr_code, copy.npr_code)
        known.npr_description = known.npr_description or copy.npr_description
        parts = [f for f in known.fingerprints if f[:1] != PART_MARK and _mark(f) in copy.fingerprints]
        if parts:  # the copy has the location that this lacked
            known.location, known.remark = copy.location, known.remark or copy.remark
            known.fingerprints = tuple(f for f in known.fingerprints if f not in parts)
        more = [f for f in copy.fingerprints if f not in known.fingerprints and _mark(f) not in known.fingerprints]
        known.fingerprints += tuple(more[: max(0, MOST_WORDINGS - len(known.fingerprints))])
        if _gathered(known) != before:
            self._index(known, self._place(known))
            if known.id and known not in self.changed:
                self.changed.append(known)

    def drop(self, entry: Entry) -> None:
        """Take an entry off: it turned out to be another one once more."""
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
    """How a scan with a location keeps this fingerprint, if it is its own without the location."""
    return PART_MARK + fingerprint[:PART_LENGTH]


def _has_location(fingerprints: Sequence[str]) -> bool:
    return any(f[:1] == PART_MARK for f in fingerprints)


def _keys(fingerprints: Sequence[str]) -> Sequence[str]:
    """What an entry is found by: its fingerprints, and "!" with the part of what has no location."""
    if _has_location(fingerprints):
        return fingerprints
    return (*fingerprints, *["!" + f[:PART_LENGTH] for f in fingerprints])


def _told_in_part(fingerprints: Sequence[str]) -> list[str]:
    """By which keys the entries are found that say the same, but have a location where this has none, or none."""
    if _has_location(fingerprints):
        return ["!" + f[1:] for f in fingerprints if f[:1] == PART_MARK]
    return [_mark(f) for f in fingerprints]


def _better(reason: int | None, other: int | None) -> int | None:
    """Which of two codes of a reason says more: 0 is an unknown one, None none."""
    return reason or (other if other is not None else reason)


def _may_be_one(known: Entry, other: Entry) -> bool:
    return not (
        (known.scan_id and other.scan_id and known.scan_id != other.scan_id)
        or (known.checkpoint_id and other.checkpoint_id and known.checkpoint_id != other.checkpoint_id)
    )


@dataclass(frozen=True, slots=True)
class Differences:
    """What must be written so that the stored rows are what was told: removed, put there, put there under their id."""

    gone: list[Entry]
    new: list[Entry]
    changed: list[Entry]


def differences(stored: Iterable[Entry], told: Timeline) -> Differences:
    """Hold what was told against the stored rows. Rows that are the same scan keep their id."""
    rows = {entry.id: entry for entry in stored}
    taken = {entry.id for entry in told.entries if entry.id}
    left = Timeline(entry for entry in rows.values() if entry.id not in taken)
    for entry in told.entries:
        alike = left.find(entry) if not entry.id else []
        if alike:
            entry.id = alike[0].id
            left.drop(alike[0])
    kept = {entry.id for entry in told.entries if entry.id}
    return Differences(
        gone=[entry for entry in rows.values() if entry.id not in kept],
        new=[entry for entry in told.entries if not entry.id],
        changed=[e for e in told.entries if e.id and e.content() != rows[e.id].content()],
    )
