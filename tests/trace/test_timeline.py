"""Marks on lanes, from events written by hand and from guests of every controller.

8259A: 231468; local APIC: SDM 3A 11.8; GIC: IHI0048B 3.2.2, 4.3.8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from vmm import Machine, boot
from vmm.arch import named
from vmm.core.event import Event
from vmm.core.native import lib
from vmm.trace.timeline import Lane, Mark, Timeline

HERE = 0x10_0000


def event(kind: str, number: int = 0, value: int = 0, insns: int = 1, **fields: object) -> Event:
    """Of vCPU 0, with one instruction each 10 ns."""
    plain = Event(kind, 0, insns, number, value, "", HERE, 0, 0, 0, 0, 0, None, 0, 0, 10 * insns, 0, 0, 0)
    return plain._replace(**fields)  # type: ignore[arg-type]


@cache
def teller(guest: str) -> Machine:
    """What knows the words and symbols; it is not run."""
    return boot(guest)


def told(marks: list[Mark]) -> list[tuple[str, object]]:
    return [
        (mark.lane.name, mark.value if mark.what == "set" else f"{mark.what} {mark.name}".strip()) for mark in marks
    ]


def drawn(guest: str, *events: Event) -> list[tuple[str, object]]:
    """Of all lanes but the code's."""
    timeline = Timeline(teller(guest))
    return told([mark for each in events for mark in timeline(each) if mark.lane.name != "code"])


@cache
def run(guest: str) -> tuple[Mark, ...]:
    """Of a whole run."""
    machine = boot(guest)
    timeline = Timeline(machine)
    with machine.trace.record():
        machine.run()
    marks = [mark for each in machine.trace.of() for mark in timeline(each)]
    last = machine.trace.last(1)[0].ns
    return (*marks, *timeline.end(last))


def of(marks: tuple[Mark, ...], group: str, name: str) -> list[Mark]:
    return [mark for mark in marks if mark.lane[:2] == (group, name)]


# ---- by hand ----


def test_a_request_of_the_pair_goes_from_irr_to_isr_and_its_end_clears_that() -> None:
    assert drawn(
        "x86/hello",
        event("line", 4, 1),
        event("pending", 4),
        event("acknowledged", 0x24, 4),
        event("line", 4, 0),
        event("ended", 4),
    ) == [("IRQ 4", 1), ("IRR 4", 1), ("IRR 4", 0), ("ISR 4", 1), ("IRQ 4", 0), ("ISR 4", 0)]


def test_what_the_slave_takes_is_in_service_on_the_master_too_and_owed_two_ends() -> None:
    took = drawn("x86/hello", event("pending", 12), event("pending", 2), event("acknowledged", 0x74, 12))
    assert took == [("IRR 12", 1), ("IRR 2", 1), ("IRR 2", 0), ("ISR 2", 1), ("IRR 12", 0), ("ISR 12", 1)]


def test_an_edge_that_is_gone_before_its_acknowledge_is_the_spurious_pin_7_with_nothing_in_service() -> None:
    marks = drawn(
        "x86/hello", event("pending", 5), event("line", 5, 1), event("line", 5, 0), event("spurious", 0x27, 7)
    )
    assert marks == [("IRR 5", 1), ("IRQ 5", 1), ("IRQ 5", 0), ("IRR 5", 0), ("spurious", "instant vector 0x27")]


def test_a_level_goes_on_requesting_until_its_line_falls_on_either_controller() -> None:
    """231468, "Level triggered mode"; IHI0048B 3.2.2: active and pending. `flags` bit 0 of an acknowledge."""
    pair = event("acknowledged", 0x25, 5, flags=1)
    assert drawn("x86/hello", event("pending", 5), pair, event("line", 5, 0)) == [
        ("IRR 5", 1), ("ISR 5", 1), ("IRQ 5", 0), ("IRR 5", 0)
    ]  # fmt: skip
    gic = event("acknowledged", 37, flags=1)
    assert drawn("arm64/hello", event("pending", 37), gic, event("line", 5, 0)) == [
        ("INTID 37 pending", 1), ("INTID 37 active", 1), ("SPI 5", 0), ("INTID 37 pending", 0)
    ]  # fmt: skip


def test_an_edge_at_a_gic_outlives_its_line() -> None:
    """`flags` bit 0 of a request."""
    assert drawn("arm64/hello", event("line", 5, 1), event("pending", 37, flags=1), event("line", 5, 0)) == [
        ("SPI 5", 1), ("INTID 37 pending", 1), ("SPI 5", 0)
    ]  # fmt: skip


def test_what_software_writes_into_a_gics_state_is_drawn() -> None:
    """ICPENDR and ISACTIVER (IHI0048B 4.3.8, 4.3.9): bit 0 pending, bit 1 active; `flags`, whose, below INTID 32."""
    taken_back, active = event("state set", 37, 0), event("state set", 37, 2)
    assert drawn("arm64/hello", event("pending", 37, flags=1), taken_back, active) == [
        ("INTID 37 pending", 1), ("INTID 37 pending", 0), ("INTID 37 active", 0), ("INTID 37 active", 1)
    ]  # fmt: skip
    others = Timeline(teller("arm64/hello"))(event("state set", 27, 2, flags=1))
    assert {mark.lane.group for mark in others if mark.lane.name.startswith("INTID")} == {"GIC vCPU 1"}
    assert " 37 active " in teller("arm64/hello").trace.describe(active)


def test_what_ends_by_itself_is_in_service_on_neither_chip() -> None:
    """AEOI: `flags` bit 1, and bit 2 of the master."""
    marks = drawn("x86/hello", event("pending", 12), event("acknowledged", 0x74, 12, flags=6))
    assert ("ISR 12", 1) not in marks
    assert ("ISR 2", 1) not in marks


def test_icw1_clears_what_a_chip_has_but_levels() -> None:
    """231468, "Initialization command words"; `value` is what is left of IRR."""
    timeline = Timeline(teller("x86/hello"))
    for each in (event("pending", 3), event("pending", 5), event("pending", 4), event("acknowledged", 0x24, 4)):
        timeline(each)
    marks = timeline(event("state set", 0, 1 << 5))
    assert [each for each in told(list(marks)) if "IMR" not in each[0]] == [("IRR 3", 0), ("ISR 4", 0)]


def test_a_mask_of_the_pair_changes_bits_of_its_chip_alone() -> None:
    timeline = Timeline(teller("x86/hello"))
    timeline(event("masked", 1, 0xFF))
    assert told([mark for mark in timeline(event("masked", 1, 0xEF)) if mark.lane.group == "8259A"]) == [("IMR 12", 0)]


def test_pin_1_and_the_local_apic_are_told_apart_by_who_requested() -> None:
    """An acknowledge has value 1 for either."""
    timeline = Timeline(teller("x86/hello"))
    events = (
        event("pending", 0x41, 1),
        event("pending", 1),
        event("acknowledged", 0x21, 1),
        event("acknowledged", 0x41, 1),
        event("ended", 0x41, 1),
        event("ended", 1),
    )
    marks = [mark for each in events for mark in timeline(each) if mark.lane.name != "code"]
    assert [(mark.lane.group, *pair) for mark, pair in zip(marks, told(marks), strict=True)] == [
        ("local APIC 0", "IRR 0x41", 1),
        ("8259A", "IRR 1", 1),
        ("8259A", "IRR 1", 0),
        ("8259A", "ISR 1", 1),
        ("local APIC 0", "IRR 0x41", 0),
        ("local APIC 0", "ISR 0x41", 1),
        ("local APIC 0", "ISR 0x41", 0),
        ("8259A", "ISR 1", 0),
    ]


def test_an_interrupt_of_a_gic_is_active_until_it_is_deactivated_not_until_its_priority_drops() -> None:
    assert drawn(
        "arm64/hello",
        event("masked", 37, 0),
        event("pending", 37),
        event("acknowledged", 37),
        event("ended", 37, 1),
        event("ended", 37, 2),
    ) == [
        ("INTID 37 enabled", 1),
        ("INTID 37 pending", 1),
        ("INTID 37 pending", 0),
        ("INTID 37 active", 1),
        ("INTID 37 active", 0),
    ]


def test_an_sgi_is_pending_at_the_vcpu_it_is_for_and_an_lpi_is_never_active() -> None:
    timeline = Timeline(teller("arm64/hello"))
    (sent,) = timeline(event("pending", 3, 1))
    assert sent.lane == Lane("GIC vCPU 1", "INTID 3 pending", "bit")
    assert drawn("arm64/hello", event("pending", 8193, 0), event("acknowledged", 8193)) == [
        ("INTID 8193 pending", 1),
        ("INTID 8193 pending", 0),
    ]


def test_masks_of_either_architecture_are_bits_and_only_those_that_changed() -> None:
    assert drawn("x86/hello", event("cpu mask", 0, 1), event("cpu mask", 1, 0)) == [("IF", 1), ("IF", 0)]
    assert drawn("arm64/hello", event("cpu mask", 0b1101, 0b1111), event("cpu mask", 0b1111, 0b1101)) == [
        ("DAIF.I", 0),
        ("DAIF.I", 1),
    ]


def test_handlers_nest_and_one_that_unwound_its_stack_ends_where_another_takes_its_depth() -> None:
    def delivered(number: int, depth: int, insns: int) -> Event:
        return event("delivered", number, 0, insns, source="IRQ 5", depth=depth, code=0x5000)

    marks = drawn(
        "x86/hello",
        delivered(0x25, 1, 10),
        delivered(0x26, 2, 20),
        delivered(0x27, 2, 30),
        event("returned", 0x27, 5, 35, depth=2),
        event("returned", 0x25, 30, 40, depth=1),
        event("returned", 0x25, 30, 41, depth=1),
    )
    assert [each for _, each in marks] == [
        "begin 0x25 (IRQ 5) 0x5000",
        "begin 0x26 (IRQ 5) 0x5000",
        "end",
        "begin 0x27 (IRQ 5) 0x5000",
        "end",
        "end",
    ]


def test_nmis_are_blocked_as_is_told_whatever_returns_meanwhile() -> None:
    nmi = event("delivered", 2, source="NMI", depth=1, code=0x5000)
    returned, told = event("returned", 2, depth=1), [event("nmi mask", 1, 0), event("nmi mask", 0, 1)]
    assert ("NMI blocking", 1) not in drawn("x86/hello", nmi, returned)
    assert drawn("x86/hello", *told) == [("NMI blocking", 1), ("NMI blocking", 0)]


def test_a_pin_of_an_ioapic_has_a_lane_for_each_bit_that_it_has_had() -> None:
    """290566 3.2.4. `value`: bit 0 masked, bit 1 remote IRR, bit 2 send pending."""
    level = [event("pin state", 5, value) for value in (0, 2, 4, 2, 0)]
    edge = [event("pin state", 6, value) for value in (0, 1)]
    assert drawn("x86/hello", *level) == [
        ("mask 5", 0),
        ("remote IRR 5", 1),
        ("remote IRR 5", 0),
        ("send pending 5", 1),
        ("remote IRR 5", 1),
        ("send pending 5", 0),
        ("remote IRR 5", 0),
    ]
    assert drawn("x86/hello", *edge) == [("mask 6", 0), ("mask 6", 1)]
    (mark,) = Timeline(teller("x86/hello"))(edge[0])
    assert mark.lane.group == "IOAPIC"


def test_a_transaction_is_a_span_and_why_it_was_aborted_a_moment() -> None:
    begins, commits, aborted = (event("transaction", n) for n in (0, 1, 3))
    assert drawn("x86/hello", begins, commits) == [("transaction", "begin transaction"), ("transaction", "end")]
    assert drawn("x86/hello", begins, aborted)[1:] == [
        ("transaction", "end"),
        ("aborts", "instant a transaction is aborted by an interrupt"),
    ]


def test_what_is_open_ends_with_what_was_told() -> None:
    timeline = Timeline(teller("x86/hello"))
    assert list(timeline.end(7)) == []
    timeline(event("delivered", 3, source="software", depth=1, code=0x5000))
    assert [(mark.lane.name, mark.what, mark.ns) for mark in timeline.end(70)] == [
        ("handlers", "end", 70),
        ("code", "end", 70),
    ]


# ---- guests ----

GUESTS = {
    "x86/pit_ticks": ("8259A", "ISR 0", "0x20 (IRQ 0) tick"),
    "x86/apic_timer": ("local APIC 0", "ISR 0x41", "0x41 (local APIC) handler"),
    "arm/timer_ticks": ("GIC vCPU 0", "INTID 27 active", "27 (PPI) vectors"),
    "arm64/timer_ticks": ("GIC vCPU 0", "INTID 27 active", "27 (PPI) vectors"),
}


@pytest.mark.parametrize("guest", [*GUESTS, "x86/priority_nesting", "x86/ipi_ping_pong", "arm64/sgi_ping_pong"])
def test_lanes_of_a_whole_run_are_sound(guest: str) -> None:
    marks = run(guest)
    values: dict[Lane, int] = {}
    depth: Counter[Lane] = Counter()
    for before, mark in zip((marks[0], *marks), marks, strict=False):
        assert mark.ns >= before.ns
        shapes = {"begin": "spans", "end": "spans", "instant": "instants"}
        assert mark.lane.shape == shapes.get(mark.what, mark.lane.shape)
        if mark.what == "set":
            assert values.get(mark.lane) != mark.value, "a mark where nothing changed"
            values[mark.lane] = mark.value
        depth[mark.lane] += {"begin": 1, "end": -1}.get(mark.what, 0)
        assert depth[mark.lane] >= 0
    assert not +depth, "everything that began has ended"
    assert all(value in (0, 1) for lane, value in values.items() if lane.shape == "bit")


@pytest.mark.parametrize("guest", GUESTS)
def test_each_delivery_is_a_handler_and_is_in_service_within_it(guest: str) -> None:
    marks, (group, service, name) = run(guest), GUESTS[guest]
    spans = [mark for mark in of(marks, "vCPU 0", "handlers") if mark.name == name or mark.what == "end"]
    began = [mark for mark in spans if mark.what == "begin"]
    taken = [mark for mark in of(marks, group, service) if mark.value]
    ended = [mark for mark in of(marks, group, service) if not mark.value]
    assert len(began) == len(taken) == len(ended) > 4
    for entry, take, end in zip(began, taken, ended, strict=True):
        assert abs(entry.insns - take.insns) < 20  # a GIC's is acknowledged by the handler
        leave = next(mark for mark in spans if mark.what == "end" and mark.insns > entry.insns)
        assert take.insns <= end.insns <= leave.insns


def code(guest: str) -> Iterator[str]:
    return (mark.name for mark in of(run(guest), "vCPU 0", "code") if mark.what == "begin")


def test_code_goes_from_what_was_interrupted_to_the_handler_and_back() -> None:
    """pit_ticks sleeps in HLT at `sleep`; the frame's address is behind it, at `awake`."""
    names = list(code("x86/pit_ticks"))
    at = names.index("tick")
    assert names[at - 2 : at + 3] == ["sleep", "awake", "tick", "awake", "sleep"]
    assert names.count("tick") == 100


# ---- against the controllers themselves ----


def high(now: dict[tuple[str, str], int], group: str, name: str) -> set[int]:
    """Numbers of the lanes that are 1, of those called so."""
    begin, _, end = name.partition("{}")
    names = [lane for (of, lane), value in now.items() if of == group and value]
    return {
        int(each[len(begin) : -len(end) or None], 0) for each in names if each.startswith(begin) and each.endswith(end)
    }


def pair_differs(machine: Machine, now: dict[tuple[str, str], int]) -> Iterator[str]:
    for name in ("irr", "isr", "imr"):
        bits = getattr(machine.pic.master, name) | getattr(machine.pic.slave, name) << 8
        drawn = high(now, "8259A", f"{name.upper()} {{}}")
        if drawn != {pin for pin in range(16) if bits >> pin & 1}:
            yield f"{name} {bits:#x}, drawn {sorted(drawn)}"


def apics_differ(machine: Machine, now: dict[tuple[str, str], int]) -> Iterator[str]:
    for vcpu in range(len(machine.cpus)):
        for name in ("irr", "isr"):
            drawn = high(now, f"local APIC {vcpu}", f"{name.upper()} {{}}")
            if drawn != set(getattr(machine.lapic[vcpu], name)):
                yield f"{name} of {vcpu}"


IOAPIC_BITS = {"mask": 1 << 16, "remote IRR": 1 << 14, "send pending": 1 << 12}
"""290566 3.2.4."""


def ioapic_differs(machine: Machine, now: dict[tuple[str, str], int]) -> Iterator[str]:
    """Of what is drawn: a pin that nobody has changed is masked, as reset leaves it."""
    native = machine._native
    selected = lib.vmm_ioapic_read(native, 0)
    for pin in range(24):
        lib.vmm_ioapic_write(native, 0, 0x10 + 2 * pin)
        entry = lib.vmm_ioapic_read(native, 0x10)
        for name, bit in IOAPIC_BITS.items():
            if now.get(("IOAPIC", f"{name} {pin}"), int(name == "mask")) != (entry & bit != 0):
                yield f"{name} of pin {pin}, which is {entry:#x}"
    lib.vmm_ioapic_write(native, 0, selected)


def nmi_differs(machine: Machine, now: dict[tuple[str, str], int]) -> Iterator[str]:
    for cpu in machine.cpus:
        if now.get((f"vCPU {cpu.index}", "NMI blocking"), 0) != cpu.nmi_blocked:  # type: ignore[attr-defined]
            yield f"NMI blocking of {cpu.index}"


def gic_differs(machine: Machine, now: dict[tuple[str, str], int]) -> Iterator[str]:
    for vcpu, cpu in enumerate(machine.gic.cpu):
        for name in ("pending", "active", "enabled"):
            always = set(range(16)) if (name, machine.gic.version) == ("enabled", 2) else set()  # SGIs, IHI0048B 4.3.5
            if high(now, f"GIC vCPU {vcpu}", f"INTID {{}} {name}") != set(getattr(cpu, name)) - always:
                yield f"{name} of {vcpu}"
    for name in ("pending", "active", "enabled"):
        if high(now, "GIC", f"INTID {{}} {name}") != set(getattr(machine.gic.dist, name)):
            yield name


DIFFERS = {"vector": (pair_differs, apics_differ, ioapic_differs, nmi_differs), "INTID": (gic_differs,)}


@pytest.mark.parametrize(
    "guest",
    [
        "x86/priority_nesting",
        "x86/level_vs_edge",
        "x86/spurious_irq7",
        "x86/ioapic_level",
        "x86/nmi_blocking",
        "x86/self_ipi",
        "x86/ipi_ping_pong",
        "x86/x2apic",
        "x86/tpr_cr8",
        "arm64/level_vs_edge",
        "arm/level_vs_edge",
        "arm64/first_isr",
        "arm/first_isr",
        "arm64/timer_ticks",
        "arm64/sgi_ping_pong",
        "arm/fiq_over_irq",
        "arm64/spurious_1023",
        "arm64/priority_nesting",
        "arm/priority_nesting",
        "arm64/eoimode_split",
    ],
)
def test_bits_are_those_of_the_controller_wherever_it_is_looked_at(guest: str) -> None:
    machine = boot(guest)
    timeline = Timeline(machine)
    now: dict[tuple[str, str], int] = {}
    differing = DIFFERS[named(machine.architecture).number]

    def draw(event: Event) -> None:
        for mark in timeline(event):
            if mark.what == "set":
                now[mark.lane[:2]] = mark.value

    for event in machine.trace.last(64):
        draw(event)
    machine.trace.observe(draw)
    for _ in range(100_000):
        stop = machine.run(insns=11)
        assert [what for differs in differing for what in differs(machine, now)] == [], stop
        if stop.reason != "count":
            break
