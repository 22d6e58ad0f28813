"""The delivery model against frames and faults worked out by hand from the manual's tables and figures."""

from __future__ import annotations

import pytest

from models.x86_delivery import (
    COMBINED,
    IF,
    NT,
    TF,
    VM,
    Cpu,
    Event,
    Fault,
    Kind,
    Segment,
    deliver,
    deliver_with_nesting,
)

GDT, IDT, TSS = 0x1000, 0x2000, 0x3000
CODE0, DATA0, CODE3, DATA3 = 0x08, 0x10, 0x1B, 0x23
CODE32, DATA32, USER_CODE32, USER_DATA32, CODE64 = 0xC09B00, 0xC09300, 0xC0FB00, 0xC0F300, 0xA09B00
LIMIT_4G = 0xFFFFFFFF


def put(memory: bytearray, at: int, value: int, size: int) -> None:
    memory[at : at + size] = value.to_bytes(size, "little")


def put_descriptor(memory: bytearray, selector: int, attributes: int) -> None:
    """Base 0, limit FFFFFh pages."""
    put(memory, GDT + (selector & ~7), 0x0000FFFF | (attributes | 0xF0000) << 32, 8)


def put_gate(memory: bytearray, vector: int, offset: int, kind: int, *, selector: int = CODE0, size: int = 8) -> None:
    """`kind`: the byte with P, DPL and type; in long mode the IST sits in the byte below it, given as kind >> 8."""
    value = offset & 0xFFFF | selector << 16 | (kind >> 8) << 32 | (kind & 0xFF) << 40 | (offset >> 16 & 0xFFFF) << 48
    if size == 16:
        value |= offset >> 32 << 64
    put(memory, IDT + vector * size, value, size)


@pytest.fixture
def kernel() -> Cpu:
    """CPL 0, flat 32-bit; SS0:ESP0 = 10h:5000h in a 32-bit TSS; interrupt gate 20h and trap gate 21h to 8:1234h."""
    memory = bytearray(0x10000)
    for selector, attributes in (
        (CODE0, CODE32),
        (DATA0, DATA32),
        (CODE3, USER_CODE32),
        (DATA3, USER_DATA32),
        (0x28, CODE64),
    ):
        put_descriptor(memory, selector, attributes)
    put_gate(memory, 0x20, 0x1234, 0x8E)
    put_gate(memory, 0x21, 0x1234, 0x8F)
    put(memory, TSS + 4, 0x5000, 4)
    put(memory, TSS + 8, DATA0, 2)
    segments = {name: Segment(DATA0, 0, LIMIT_4G, DATA32) for name in ("ss", "ds", "es", "fs", "gs")}
    segments |= {
        "cs": Segment(CODE0, 0, LIMIT_4G, CODE32),
        "gdtr": Segment(0, GDT, 0x2F),
        "idtr": Segment(0, IDT, 0x1FF),
        "tr": Segment(0x30, TSS, 0x67, 0x8B00),
        "ldtr": Segment(),
    }
    return Cpu("protected", 0, 0xABCD, 0x8000, 0x202, memory, segments)


@pytest.fixture
def user(kernel: Cpu) -> Cpu:
    kernel.cpl = 3
    kernel.segments["cs"] = Segment(CODE3, 0, LIMIT_4G, USER_CODE32)
    kernel.segments["ss"] = Segment(DATA3, 0, LIMIT_4G, USER_DATA32)
    return kernel


def words(cpu: Cpu, size: int, count: int) -> list[int]:
    """What lies on the stack, the last item pushed first."""
    at = cpu.segments["ss"].base + cpu.sp
    return [cpu.read(at + size * n, size) for n in range(count)]


def fault_of(cpu: Cpu, event: Event) -> tuple[int, int]:
    with pytest.raises(Fault) as caught:
        deliver(cpu, event)
    return caught.value.vector, caught.value.error


def test_an_interrupt_gate_within_a_privilege_level_pushes_three_doublewords(kernel: Cpu) -> None:
    """Vol. 3A figure 6-4, upper half."""
    after = deliver(kernel, Event(0x20, "external"))
    assert (after.ip, after.sp, after.flags) == (0x1234, 0x7FF4, 0x002)
    assert words(after, 4, 3) == [0xABCD, CODE0, 0x202]


def test_a_trap_gate_keeps_if_and_an_int_n_returns_after_itself(kernel: Cpu) -> None:
    after = deliver(kernel, Event(0x21, "int n", length=2))
    assert after.flags == 0x202
    assert words(after, 4, 3) == [0xABCF, CODE0, 0x202]


def test_both_gates_clear_tf_nt_and_vm(kernel: Cpu) -> None:
    kernel.flags |= TF | NT
    assert deliver(kernel, Event(0x21, "external")).flags & (TF | NT | VM) == 0


def test_an_inner_privilege_level_gets_the_stack_of_the_tss(user: Cpu) -> None:
    """Vol. 3A figure 6-4, lower half, with an error code."""
    put_gate(user.memory, 13, 0x1234, 0x8E)
    after = deliver(user, Event(13, "exception", error=0))
    assert (after.cpl, after.segments["cs"].selector, after.segments["ss"].selector) == (0, CODE0, DATA0)
    assert after.sp == 0x5000 - 24
    assert words(after, 4, 6) == [0, 0xABCD, CODE3, 0x10202, 0x8000, DATA3]


def test_a_16_bit_tss_and_a_16_bit_gate_make_a_frame_of_words(user: Cpu) -> None:
    user.segments["tr"].attributes = 0x8300
    put(user.memory, TSS + 2, 0x6000, 2)
    put(user.memory, TSS + 4, DATA0, 2)
    put_gate(user.memory, 0x20, 0x1234, 0x86)
    after = deliver(user, Event(0x20, "external"))
    assert after.sp == 0x6000 - 10
    assert words(after, 2, 5) == [0xABCD, CODE3, 0x202, 0x8000, DATA3]


def test_virtual_8086_mode_pushes_the_data_segments_first_and_clears_them(user: Cpu) -> None:
    """Vol. 3A figure 20-4."""
    user.flags |= VM
    for name, selector in (("cs", 0x100), ("ss", 0x200), ("es", 1), ("ds", 2), ("fs", 3), ("gs", 4)):
        user.segments[name] = Segment(selector, selector << 4, 0xFFFF, 0xF300)
    after = deliver(user, Event(0x20, "external"))
    assert words(after, 4, 9) == [0xABCD, 0x100, 0x20202, 0x8000, 0x200, 1, 2, 3, 4]
    assert [after.segments[name].selector for name in ("es", "ds", "fs", "gs")] == [0, 0, 0, 0]
    assert after.flags == 0x002


def test_int_n_in_virtual_8086_mode_needs_iopl_3(user: Cpu) -> None:
    user.flags |= VM
    assert fault_of(user, Event(0x20, "int n", length=2)) == (13, 0)


def test_long_mode_aligns_the_stack_and_always_pushes_it(kernel: Cpu) -> None:
    """Vol. 3A 6.14.2: RSP 800Bh is brought down to 8000h, then five quadwords."""
    kernel.mode = "long"
    kernel.sp = 0x800B
    put_gate(kernel.memory, 2, 0x1234, 0x8E, selector=0x28, size=16)
    after = deliver(kernel, Event(2, "external"))
    assert after.sp == 0x8000 - 40
    assert words(after, 8, 5) == [0xABCD, CODE0, 0x202, 0x800B, DATA0]


def test_long_mode_takes_rsp0_and_a_null_ss_from_ring_3(user: Cpu) -> None:
    user.mode = "long"
    put(user.memory, TSS + 4, 0x7000, 8)
    put_gate(user.memory, 2, 0x1234, 0x8E, selector=0x28, size=16)
    after = deliver(user, Event(2, "external"))
    assert (after.sp, after.segments["ss"].selector, after.cpl) == (0x7000 - 40, 0, 0)


def test_long_mode_takes_the_ist_even_within_a_privilege_level(kernel: Cpu) -> None:
    """IST2 lies at offset 44 of the TSS (vol. 3A figure 7-11)."""
    kernel.mode = "long"
    put(kernel.memory, TSS + 44, 0x6000, 8)
    put_gate(kernel.memory, 2, 0x1234, 0x28E, selector=0x28, size=16)
    after = deliver(kernel, Event(2, "external"))
    assert (after.sp, after.segments["ss"].selector) == (0x6000 - 40, DATA0)


def test_real_mode_reads_the_vector_table_and_pushes_three_words(kernel: Cpu) -> None:
    """Vol. 3A figure 20-2: vector 21h at 84h of the table."""
    kernel.mode = "real"
    put(kernel.memory, IDT + 0x84, 0x0040_0010, 4)
    after = deliver(kernel, Event(0x21, "int n", length=2))
    assert (after.segments["cs"].selector, after.segments["cs"].base, after.ip, after.flags) == (0x40, 0x400, 0x10, 2)
    assert words(after, 2, 3) == [0xABCF, CODE0, 0x202]


@pytest.mark.parametrize(
    ("kind", "gate", "expected"),
    [
        ("int n", 0x8E, (13, 0x20 << 3 | 2)),
        ("external", 0x0E, (11, 0x20 << 3 | 3)),
        ("int n", 0x6E, (11, 0x20 << 3 | 2)),
        ("external", 0x8C, (13, 0x20 << 3 | 3)),
    ],
    ids=["DPL below CPL", "not present, external", "not present, software", "a call gate"],
)
def test_a_bad_gate_faults_with_its_vector(user: Cpu, kind: Kind, gate: int, expected: tuple[int, int]) -> None:
    put_gate(user.memory, 0x20, 0x1234, gate)
    assert fault_of(user, Event(0x20, kind, length=2 if kind == "int n" else 0)) == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [(0, (13, 1)), (DATA0, (13, DATA0 | 1)), (0x400, (13, 0x401)), (0x0C, (13, 0x0D))],
    ids=["null", "data", "outside the GDT", "no LDT"],
)
def test_a_bad_code_selector_faults_with_itself(kernel: Cpu, selector: int, expected: tuple[int, int]) -> None:
    put_gate(kernel.memory, 0x20, 0x1234, 0x8E, selector=selector)
    assert fault_of(kernel, Event(0x20, "external")) == expected


@pytest.mark.parametrize(
    ("ss0", "expected"),
    [(0, (10, 1)), (DATA3, (10, 0x21)), (CODE0, (10, CODE0 | 1)), (0x402 & ~3, (10, 0x401))],
    ids=["null", "RPL 3", "code", "outside the GDT"],
)
def test_a_bad_inner_stack_is_an_invalid_tss(user: Cpu, ss0: int, expected: tuple[int, int]) -> None:
    put(user.memory, TSS + 8, ss0, 2)
    assert fault_of(user, Event(0x20, "external")) == expected


def test_a_tss_too_short_for_the_stack_pointer_names_itself(user: Cpu) -> None:
    user.segments["tr"].limit = 8
    assert fault_of(user, Event(0x20, "external")) == (10, 0x31)


def test_a_stack_without_room_is_a_stack_fault(kernel: Cpu) -> None:
    kernel.segments["ss"].limit = 0x7FFE
    assert fault_of(kernel, Event(0x20, "external")) == (12, 1)


def test_an_entry_beyond_the_code_limit_is_a_protection_fault(kernel: Cpu) -> None:
    kernel.memory[GDT + CODE0 : GDT + CODE0 + 8] = (0x0000_1233 | 0x409B00 << 32).to_bytes(8, "little")
    assert fault_of(kernel, Event(0x20, "external")) == (13, 1)


def test_a_missing_gate_leads_to_the_protection_handler(kernel: Cpu) -> None:
    put_gate(kernel.memory, 13, 0x4444, 0x8E)
    outcome = deliver_with_nesting(kernel, Event(0x30, "int n", length=2))
    assert outcome.cpu is not None
    assert outcome.cpu.ip == 0x4444
    assert words(outcome.cpu, 4, 4) == [0x30 << 3 | 2, 0xABCD, CODE0, 0x10202]


def test_two_contributory_faults_are_a_double_fault(kernel: Cpu) -> None:
    put_gate(kernel.memory, 8, 0x5555, 0x8E)
    outcome = deliver_with_nesting(kernel, Event(0x30, "external"))
    assert outcome.cpu is not None
    assert (outcome.cpu.ip, words(outcome.cpu, 4, 2)) == (0x5555, [0, 0xABCD])
    assert [event.vector for event in outcome.chain] == [0x30, 13, 8]


def test_a_fault_on_the_way_to_the_double_fault_handler_is_shutdown(kernel: Cpu) -> None:
    outcome = deliver_with_nesting(kernel, Event(0x30, "external"))
    assert outcome.cpu is None
    assert [event.vector for event in outcome.chain] == [0x30, 13, 8, 13]


def test_a_page_fault_after_a_contributory_one_is_handled_by_itself() -> None:
    """Vol. 3A table 6-5, the one asymmetry that is easy to get wrong."""
    assert COMBINED["contributory", "page fault"] == "serially"
    assert COMBINED["page fault", "contributory"] == "double fault"


def test_delivery_that_fails_changes_nothing(user: Cpu) -> None:
    before = bytes(user.memory)
    put(user.memory, TSS + 8, 0, 2)
    with pytest.raises(Fault):
        deliver(user, Event(0x20, "external"))
    put(user.memory, TSS + 8, DATA0, 2)
    assert bytes(user.memory) == before
    assert (user.sp, user.cpl, user.flags & IF) == (0x8000, 3, IF)


@pytest.mark.parametrize(
    ("attributes", "offset", "inside"),
    [
        (0x9300, 0x0FFC, True),
        (0x9300, 0x0FFD, False),
        (0x9700, 0x0FFF, False),
        (0x9700, 0x1000, True),
        (0x9700, 0xFFFC, True),
        (0x9700, 0xFFFD, False),
        (0x409700, 0xFFFFFFFC, True),
    ],
)
def test_a_segment_that_expands_down_holds_what_lies_above_its_limit(
    attributes: int, offset: int, inside: bool
) -> None:
    """Vol. 3A 5.3: with limit FFFh, 0 to the limit upwards; from limit + 1 to FFFFh or FFFFFFFFh downwards."""
    assert Segment(0, 0, 0xFFF, attributes).holds(offset, 4) is inside
