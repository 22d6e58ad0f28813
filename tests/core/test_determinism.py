"""A run is a function of its inputs: the same again, in slices, observed, or interrupted anywhere (rule 7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from x86.x86_bench import CODE, DATA, DATA2, FIXED, IF, IRETQ, JMP_SELF, NMI, PF, STACK, X86Bench, handler, le

from vmm.trace import Event

TORTURE = b"".join(
    bytes.fromhex(line)
    for line in (
        "48be 00f0000000000000",  # mov rsi, DATA
        "48bf 0000010000000000",  # mov rdi, DATA2
        "b908000000",             # mov ecx, 8
        "f3a4",                   # rep movsb
        "fd",                     # std
        "488d77ff",               # lea rsi, [rdi-1]
        "488d7f07",               # lea rdi, [rdi+7]
        "b908000000",             # mov ecx, 8
        "f3a4",                   # rep movsb: the eight bytes again, backwards, at DATA2+8
        "fc",                     # cld
        "48b8 ffffffffffffffff",  # mov rax, -1
        "31d2",                   # xor edx, edx
        "31db",                   # xor ebx, ebx
        "4883c001",               # add rax, 1: carry out
        "4883d200",               # adc rdx, 0
        "4883d300",               # adc rbx, 0
        "48f7d8",                 # neg rax
        "f9",                     # stc
        "48d1d2",                 # rcl rdx, 1
        "41b805000000",           # mov r8d, 5
        "6a07",                   # push 7
        "4c0fc10424",             # xadd [rsp], r8: 12 in memory, 7 in R8
        "5d",                     # pop rbp
        "e801000000",             # call +1
        "90",                     # nop: skipped
        "58",                     # pop rax: the return address, which is the nop's
        "50",                     # push rax
        "488b0c24",               # mov rcx, [rsp]
        "4c89c0",                 # mov rax, r8
    )
)  # fmt: skip
END = CODE + len(TORTURE)
SOURCE = bytes(range(0x11, 0x19))
CLOBBER = bytes.fromhex("50 fc f9 b07f 0401 58") + IRETQ
"""push rax; cld; stc; mov al, 7Fh; add al, 1; pop rax; iretq: every arithmetic flag and DF change."""
RETURN_ADDRESS = CODE + TORTURE.index(bytes.fromhex("e801000000")) + 5


def torture() -> X86Bench:
    bench = X86Bench("long64", TORTURE, flags=IF)
    bench.memory.write(DATA, SOURCE)
    for vector in (NMI, 0x40):
        bench.handler(vector, CLOBBER)
    return bench


def result(bench: X86Bench) -> tuple[bytes, dict[str, int]]:
    return bench.memory.read(DATA2, 16), {name: bench.cpu[name] for name in EXPECTED[1]}


EXPECTED = (
    SOURCE + SOURCE,
    {
        "rax": 7, "rbx": 0, "rcx": RETURN_ADDRESS, "rdx": 3, "rbp": 12, "r8": 7, "rsp": STACK - 8,
    },
)  # fmt: skip
"""By hand: -1 + 1 carries into RDX = 1, which RCL with CF = 1 makes 3."""


def run_to_end(bench: X86Bench) -> None:
    assert bench.machine.run(until=END, insns=500).reason == "breakpoint"


@cache
def boundaries() -> int:
    bench = torture()
    run_to_end(bench)
    return bench.cpu.count


def test_the_torture_sequence_gives_what_was_worked_out_by_hand() -> None:
    bench = torture()
    run_to_end(bench)
    assert result(bench) == EXPECTED


@pytest.mark.parametrize("request_event", [lambda b: b.external(0x40), lambda b: b.machine.nmi()], ids=["INTR", "NMI"])
def test_an_interrupt_at_any_boundary_changes_no_result(request_event: Callable[[X86Bench], None]) -> None:
    """SDM vol. 3A 6.6: the interrupted program goes on as if nothing had been, whatever the handler did to flags."""
    for boundary in range(boundaries()):
        bench = torture()
        if boundary:
            bench.step(boundary)
        request_event(bench)
        run_to_end(bench)
        assert len(bench.vectors) == 1, f"boundary {boundary}"
        assert result(bench) == EXPECTED, f"boundary {boundary}"


# ---- the same run, told differently ----


def with_timers(prepare: Callable[[X86Bench], None] = lambda bench: None) -> X86Bench:
    """A loop that counts in memory, HLT, a wave on IRQ 5 with EOIs, NMIs from a timer."""
    loop = bytes.fromhex("ff0425 00f00000 f4 ebf6")  # again: inc dword [0f000h]; hlt; jmp again
    bench = X86Bench("long64", loop, flags=IF)
    bench.initialise_pic()
    bench.handler(0x25, bytes.fromhex("50 b020 e620 58") + IRETQ)  # push rax; mov al, 20h; out 20h, al; pop rax
    bench.handler(NMI, CLOBBER)
    wave = bench.machine.clock.wave(bench.machine.bus.line(5))
    wave.start(origin_ns=0, hz_num=1_193_182, hz_den=1, level=False, first_tick=1, high_ticks=1, low_ticks=2)
    bench.machine.clock.timer(bench.machine.nmi).at(7777)
    prepare(bench)
    return bench


INSNS = 400


def state(bench: X86Bench) -> tuple[str, int, bytes, int, int]:
    return bench.machine.trace.hash, bench.machine.now_ns, bench.memory.read(0, 0x20000), bench.rip, bench.cpu["rsp"]


@cache
def reference() -> tuple[str, int, bytes, int, int]:
    bench = with_timers()
    bench.step(INSNS)
    return state(bench)


def test_the_run_used_here_takes_interrupts_and_an_nmi() -> None:
    bench = with_timers()
    bench.step(INSNS)
    assert set(bench.vectors) == {NMI, 0x25}
    assert bench.vectors.count(0x25) > 20


def test_the_same_run_twice_has_the_same_trace_hash() -> None:
    bench = with_timers()
    bench.step(INSNS)
    assert state(bench) == reference()


@pytest.mark.parametrize("slice_", [1, 2, 7])
def test_a_run_in_slices_is_the_run_in_one_piece(slice_: int) -> None:
    bench = with_timers()
    left = INSNS
    while left:
        part = min(slice_, left)
        bench.step(part)
        left -= part
    assert state(bench) == reference()


def test_observing_the_trace_does_not_change_it() -> None:
    events: list[Event] = []
    bench = with_timers(lambda bench: bench.machine.trace.observe(events.append))
    bench.step(INSNS)
    bench.machine.trace.drain()
    assert state(bench) == reference()
    assert [event.number for event in events if event.kind == "delivered"] == bench.vectors


def test_looking_at_registers_memory_and_shadow_between_steps_changes_nothing() -> None:
    bench = with_timers()
    for _ in range(INSNS):
        bench.step()
        bench.outcome()
        bench.cpu.read(bench.cpu.pc, 16)
        looked = bench.cpu.shadow, bench.cpu.recent(), bench.cpu.fault_chain()
        assert looked[1][-1] != 0
    assert state(bench) == reference()


def test_a_breakpoint_on_the_way_changes_nothing_but_the_record_of_the_stop() -> None:
    """Time, memory and deliveries are those of the run without it."""
    bench = with_timers()
    while (left := INSNS - bench.cpu.count) > 0:
        bench.machine.run(until=handler(0x25), insns=left)
    assert state(bench)[1:] == reference()[1:]


def test_a_different_run_has_a_different_hash() -> None:
    """Else the tests above could not fail."""
    bench = with_timers(lambda bench: bench.machine.nmi())
    bench.step(INSNS)
    assert state(bench)[0] != reference()[0]


# ---- what the core looks at must not be seen by the guest ----


def test_an_nmi_near_the_end_of_a_page_whose_neighbour_is_absent_brings_no_page_fault() -> None:
    """The core reads the bytes of the last instruction to know the shadow; the guest never touched the next page."""
    bench = X86Bench("paged32", b"", rip=CODE + 0xFF0)
    loop = bytes.fromhex("eb0c") + b"\x90" * 12 + bytes.fromhex("ebf0")  # at the end of the page: jmp to its start
    bench.memory.write(CODE + 0xFF0, loop)
    for vector in (NMI, PF):
        bench.gate(vector, offset=CODE + 4 * vector)
        bench.memory.write(CODE + 4 * vector, JMP_SELF)
    bench.page(CODE + 0x1000, 0)
    bench.step(2)
    bench.machine.nmi()
    bench.step(4)
    assert bench.vectors == [NMI]
    assert bench.rip == CODE + 4 * NMI
    assert bench.cpu["cr2"] == 0


def test_a_delivery_leaves_memory_outside_its_frame_alone() -> None:
    """SDM vol. 3A 6.14.2: five quadwords, and not a byte more."""
    bench = X86Bench("long64", b"\x90", flags=IF)
    before = bench.memory.read(0, 0x100000)
    bench.external(0x40)
    bench.step()
    after = bench.memory.read(0, 0x100000)
    changed = [at for at in range(len(before)) if before[at] != after[at] and not 0x4000 <= at < 0x8000]
    assert changed
    assert all(STACK - 40 <= at < STACK for at in changed)
    assert after[STACK - 40 : STACK - 32] == le(CODE, 8)
    assert after[STACK - 24 : STACK - 16] == le(IF | FIXED, 8)
