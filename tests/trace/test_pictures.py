"""Perfetto, Chrome's JSON and VCD, each read back by somebody else's reader and held against the run's own events.

Perfetto's classes are those of its package; VCD is read by pyvcd. Which events there are is asked of the
recording, not of the timeline.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent
from vcd.reader import TokenKind, tokenize

from vmm import Machine, boot
from vmm.core.event import Event
from vmm.trace.export import FORMATS, exporter, format_of
from vmm.trace.export.protobuf import varint

GUESTS = ("x86/priority_nesting", "x86/apic_timer", "arm/timer_ticks", "arm64/sgi_ping_pong", "x86/double_fault")
LINED = {"x86/priority_nesting": ("IRQ", 5), "arm64/level_vs_edge": ("SPI", 5)}


@cache
def ran(guest: str) -> Machine:
    machine = boot(guest)
    with machine.trace.record():
        machine.run()
    return machine


def exported(guest: str, format: str, events: Iterable[Event]) -> bytes:
    kind = exporter(format)
    file = io.BytesIO() if kind.BINARY else io.StringIO()
    export = kind(file, ran(guest))
    export.begin()
    export.take(events)
    export.end()
    data = file.getvalue()
    return data if isinstance(data, bytes) else data.encode()


@cache
def written(guest: str, format: str) -> bytes:
    return exported(guest, format, ran(guest).trace.of())


def deliveries(guest: str, vcpu: int = 0) -> list[tuple[int, int]]:
    return [(each.ns, each.insns) for each in ran(guest).trace.of(kind="delivered", vcpu=vcpu)]


def levels(guest: str, line: int) -> list[tuple[int, int]]:
    return [(each.ns, each.value) for each in ran(guest).trace.of(kind="line") if each.number == line]


# ---- Perfetto ----


class Tracks:
    """What ui.perfetto.dev would show: by the path of a track its slices, moments and values."""

    def __init__(self, data: bytes) -> None:
        self.found: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self.depth: dict[tuple[str, str], int] = defaultdict(int)
        names: dict[int, str] = {}
        notes: dict[int, str] = {}
        tracks: dict[int, Any] = {}
        for packet in Trace.FromString(data).packet:
            assert packet.trusted_packet_sequence_id
            if packet.sequence_flags & 1:
                names, notes = {}, {}
            names |= {each.iid: each.name for each in packet.interned_data.event_names}
            notes |= {each.iid: each.name for each in packet.interned_data.debug_annotation_names}
            if packet.HasField("track_descriptor"):
                tracks[packet.track_descriptor.uuid] = packet.track_descriptor
            if packet.HasField("track_event"):
                event = packet.track_event
                track = tracks[event.track_uuid]
                insns = {notes[each.name_iid]: each.uint_value for each in event.debug_annotations}.get("insns")
                name = names[event.name_iid] if event.name_iid else ""
                self._take((tracks[track.parent_uuid].name, track.name), track, event, packet.timestamp, name, insns)

    def _take(self, path: tuple[str, str], track: Any, event: Any, ns: int, name: str, insns: int | None) -> None:
        if event.type == TrackEvent.TYPE_COUNTER:
            assert track.HasField("counter")
            self.found[path].append((ns, event.counter_value))
            return
        assert not track.HasField("counter")
        self.depth[path] += {TrackEvent.TYPE_SLICE_BEGIN: 1, TrackEvent.TYPE_SLICE_END: -1}.get(event.type, 0)
        assert self.depth[path] >= 0
        if event.type != TrackEvent.TYPE_SLICE_END:
            self.found[path].append((ns, name, insns))


@pytest.mark.parametrize("guest", GUESTS)
def test_perfetto_has_a_slice_for_each_handler_at_its_time_and_instruction(guest: str) -> None:
    tracks = Tracks(written(guest, "perfetto"))
    handlers = tracks.found["vCPU 0", "handlers"]
    assert [(ns, insns) for ns, _, insns in handlers] == deliveries(guest)
    assert handlers
    assert not any(tracks.depth.values()), "every slice has its end"


@pytest.mark.parametrize("guest", LINED)
def test_perfetto_has_each_level_of_a_line(guest: str) -> None:
    irq, line = LINED[guest]
    assert Tracks(written(guest, "perfetto")).found["lines", f"{irq} {line}"] == levels(guest, line) != []


def test_perfetto_names_are_the_traces_words() -> None:
    handlers = Tracks(written("x86/priority_nesting", "perfetto")).found["vCPU 0", "handlers"]
    assert [name for _, name, _ in handlers[:3]] == ["0x23 (IRQ 3) irq3", "0x25 (IRQ 5) irq5", "0x26 (IRQ 6) irq6"]


def test_perfetto_interns_anew_where_there_are_too_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Tracks(written("x86/priority_nesting", "perfetto")).found
    monkeypatch.setattr("vmm.trace.export.perfetto.MOST_NAMES", 3)
    data = exported("x86/priority_nesting", "perfetto", ran("x86/priority_nesting").trace.of())
    assert Tracks(data).found == whole
    assert sum(packet.sequence_flags & 1 for packet in Trace.FromString(data).packet) > 10


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),  # protobuf.dev/programming-guides/encoding
        (16383, "ff7f"),
        (16384, "808001"),
        ((1 << 28) - 1, "ffffff7f"),
        (1 << 28, "8080808001"),
        ((1 << 64) - 1, "ffffffffffffffffff01"),
    ],
)
def test_varints_are_seven_bits_a_byte_the_lowest_first(value: int, encoded: str) -> None:
    assert varint(value).hex() == encoded


# ---- Chrome ----


@pytest.mark.parametrize("guest", GUESTS)
def test_chrome_has_each_handler_and_every_begin_its_end(guest: str) -> None:
    told = json.loads(written(guest, "chrome"))
    groups = {each["pid"]: each["args"]["name"] for each in told["traceEvents"] if each.get("name") == "process_name"}
    lanes = {each["tid"]: each["args"]["name"] for each in told["traceEvents"] if each.get("name") == "thread_name"}
    begun, depth = [], 0
    for each in told["traceEvents"]:
        if each["ph"] in "BE" and (groups[each["pid"]], lanes[each["tid"]]) == ("vCPU 0", "handlers"):
            depth += 1 if each["ph"] == "B" else -1
            assert depth >= 0
            if each["ph"] == "B":
                begun.append((round(each["ts"] * 1000), each["args"]["insns"]))
    assert begun == deliveries(guest) != []
    assert depth == 0


@pytest.mark.parametrize("guest", LINED)
def test_chrome_has_each_level_of_a_line(guest: str) -> None:
    irq, line = LINED[guest]
    counters = [each for each in json.loads(written(guest, "chrome"))["traceEvents"] if each["ph"] == "C"]
    assert [
        (round(each["ts"] * 1000), each["args"]["value"]) for each in counters if each["name"] == f"{irq} {line}"
    ] == levels(guest, line)


# ---- VCD ----


def changes(guest: str) -> dict[str, list[tuple[int, Any]]]:
    """As pyvcd reads them: by scope and name."""
    scopes: list[str] = []
    names: dict[str, str] = {}
    found: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    now = -1
    for token in tokenize(io.BytesIO(written(guest, "vcd"))):
        if token.kind is TokenKind.TIMESCALE:
            assert (int(token.timescale.magnitude), token.timescale.unit.value) == (1, "ns")
        elif token.kind is TokenKind.SCOPE:
            scopes.append(token.scope.ident)
        elif token.kind is TokenKind.UPSCOPE:
            scopes.pop()
        elif token.kind is TokenKind.VAR:
            assert token.var.id_code not in names
            names[token.var.id_code] = ".".join([*scopes, token.var.reference])
        elif token.kind is TokenKind.CHANGE_TIME:
            assert token.time_change > now
            now = token.time_change
        elif token.kind in (TokenKind.CHANGE_SCALAR, TokenKind.CHANGE_VECTOR, TokenKind.CHANGE_STRING):
            change = token.data
            found[names[change.id_code]].append((now, change.value))
    assert len(set(names.values())) == len(names)
    return found


@pytest.mark.parametrize("guest", GUESTS)
def test_vcd_has_the_handlers_under_way_as_a_string(guest: str) -> None:
    handlers = changes(guest)["vCPU_0.handlers"]
    begun, depth = [], 0
    for ns, text in handlers:
        now = 0 if text == "-" else text.count(">") + 1
        if now > depth:
            begun.append(ns)
        depth = now
    assert begun == [ns for ns, _ in deliveries(guest)] != []
    assert handlers[-1][1] == "-"


@pytest.mark.parametrize("guest", LINED)
def test_vcd_has_each_level_of_a_line(guest: str) -> None:
    irq, line = LINED[guest]
    assert changes(guest)[f"lines.{irq}_{line}"] == [(ns, str(value)) for ns, value in levels(guest, line)]


def test_vcd_goes_on_where_one_character_is_too_few_for_a_variable() -> None:
    """94 codes have one character; a guest whose masks and requests go through every INTID there is has more."""
    lanes = [Event("masked", 0, 1, 32 + n, 0, "", 0, 0, 0, 0, 0, 0, None, 0, 0, 10, 0, 0) for n in range(9000)]
    tokens = tokenize(io.BytesIO(exported("arm64/sgi_ping_pong", "vcd", lanes)))
    codes = [token.var.id_code for token in tokens if token.kind is TokenKind.VAR]
    assert len(set(codes)) == len(codes) > 9000
    assert all(len(code) <= 3 for code in codes)


# ---- all of them ----


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_says_how_its_files_are_called_and_nobody_else_does_so(format: str, tmp_path: Path) -> None:
    for ending in FORMATS[format].SUFFIXES:
        assert format_of(tmp_path / f"run{ending}") == format
