"""`perfetto`: Perfetto's own protobuf, which ui.perfetto.dev opens: a track a lane, below one for its group.

Packets of protos/perfetto/trace of Perfetto's sources: TracePacket, TrackDescriptor, TrackEvent, InternedData. Times
are virtual nanoseconds; a span and a moment say at which instruction they are (`insns`). Bits and numbers are counters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from vmm.trace.export.drawing import Drawing
from vmm.trace.export.exporter import Output, Traced
from vmm.trace.export.protobuf import BYTES, VARINT, message, number, tag, varint
from vmm.trace.timeline import Lane, Mark
from vmm.trace.timeline.marks import BEGIN, BIT, END, INSTANT, INSTANTS, NUMBER, SET, SPANS

PACKET = 1  # of Trace
TIMESTAMP, SEQUENCE_ID, TRACK_EVENT, INTERNED_DATA, SEQUENCE_FLAGS, TRACK_DESCRIPTOR = 8, 10, 11, 12, 13, 60
UUID, NAME, PARENT, COUNTER, ORDERING, RANK = 1, 2, 5, 8, 11, 12  # of TrackDescriptor
DEBUG_ANNOTATION, TYPE, NAME_IID, TRACK_UUID, COUNTER_VALUE = 4, 9, 10, 11, 30  # of TrackEvent
EVENT_NAMES, ANNOTATION_NAMES = 2, 3  # of InternedData
IID, TEXT = 1, 2  # of EventName
ANNOTATION_IID, ANNOTATION_UINT = 1, 3  # of DebugAnnotation
CLEARED, NEEDED = 1, 2
"""Flags: interned names begin anew; the packet has some."""
BY_RANK = 3
TYPES = {BEGIN: 1, END: 2, INSTANT: 3, SET: 4}
RANKS = {SPANS: 0, BIT: 1 << 16, NUMBER: 2 << 16, INSTANTS: 3 << 16}
"""Of a track among its group's; in it those with numbers go by these."""
INSNS = 1
"""The one interned name of an annotation."""
SEQUENCE = number(SEQUENCE_ID, 1)
FLAGS = SEQUENCE + number(SEQUENCE_FLAGS, NEEDED)
AT, EVENT, NOTE, IN_TRACE = (
    tag(TIMESTAMP, VARINT), tag(TRACK_EVENT, BYTES), tag(DEBUG_ANNOTATION, BYTES), tag(PACKET, BYTES)
)  # fmt: skip
INSNS_ARE = number(ANNOTATION_IID, INSNS) + tag(ANNOTATION_UINT, VARINT)
MOST_NAMES = 1 << 16


class Perfetto(Drawing[bytes]):
    """What is new of tracks and names comes before what needs it."""

    SUFFIXES = (".perfetto-trace", ".pftrace", ".perfetto")
    BINARY: ClassVar[bool] = True

    def __init__(self, file: Output, machine: Traced) -> None:
        super().__init__(file, machine)
        self._groups: dict[str, int] = {}
        self._tracks: dict[Lane, int] = {}
        self._names: dict[str, int] = {}
        self._tails: dict[tuple[Lane, str, str, int], bytes] = {}
        self._packets: list[bytes] = []

    def begin(self) -> None:
        self._intern_anew()
        self._file.write(self._drawn())

    def _drawn(self) -> bytes:
        packed = b"".join(self._packets)
        self._packets.clear()
        return packed

    def _draw(self, marks: Iterable[Mark]) -> None:
        add, tails, before, at = self._packets.append, self._tails, -1, b""
        for lane, what, ns, insns, name, value, _ in marks:
            if ns != before:
                at, before = AT + varint(ns) + FLAGS, ns
            tail = tails.get((lane, what, name, value)) or self._tail(lane, what, name, value)
            if name:
                note = INSNS_ARE + varint(insns)
                tail += NOTE + varint(len(note)) + note
                tail = EVENT + varint(len(tail)) + tail
            add(IN_TRACE + varint(len(at) + len(tail)) + at + tail)

    def _tail(self, lane: Lane, what: str, name: str, value: int) -> bytes:
        """Of the packet what does not change from one of these to the next: the whole event, where it has no note."""
        if len(self._tails) >= MOST_NAMES:
            self._intern_anew()
        tail = number(TYPE, TYPES[what]) + number(TRACK_UUID, self._track(lane))
        if name:
            tail += number(NAME_IID, self._name(name))
        else:
            tail = message(TRACK_EVENT, tail + (number(COUNTER_VALUE, value) if what == SET else b""))
        self._tails[lane, what, name, value] = tail
        return tail

    # ---- what comes before ----

    def _packet(self, data: bytes) -> None:
        self._packets.append(message(PACKET, SEQUENCE + data))

    def _intern_anew(self) -> None:
        self._names.clear()
        self._tails.clear()
        names = message(ANNOTATION_NAMES, number(IID, INSNS) + message(TEXT, "insns"))
        self._packet(number(SEQUENCE_FLAGS, CLEARED | NEEDED) + message(INTERNED_DATA, names))

    def _name(self, name: str) -> int:
        if name not in self._names:
            iid = self._names[name] = len(self._names) + 1
            names = message(EVENT_NAMES, number(IID, iid) + message(TEXT, name))
            self._packet(number(SEQUENCE_FLAGS, NEEDED) + message(INTERNED_DATA, names))
        return self._names[name]

    def _track(self, lane: Lane) -> int:
        if lane not in self._tracks:
            group, uuid = self._group(lane.group), self._new_uuid()
            self._tracks[lane] = uuid
            numbered = re.search(r"\d+$|0x[0-9a-f]+|\d+", lane.name)
            rank = RANKS[lane.shape] + (int(numbered[0], 0) if numbered else 0)
            track = number(UUID, uuid) + message(NAME, lane.name) + number(PARENT, group) + number(RANK, rank)
            counter = message(COUNTER, b"") if lane.shape in (BIT, NUMBER) else b""
            self._packet(message(TRACK_DESCRIPTOR, track + counter))
        return self._tracks[lane]

    def _group(self, name: str) -> int:
        if name not in self._groups:
            uuid = self._groups[name] = self._new_uuid()
            self._packet(
                message(TRACK_DESCRIPTOR, number(UUID, uuid) + message(NAME, name) + number(ORDERING, BY_RANK))
            )
        return self._groups[name]

    def _new_uuid(self) -> int:
        return len(self._groups) + len(self._tracks) + 1
