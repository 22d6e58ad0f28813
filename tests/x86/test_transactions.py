"""Restricted transactional memory (SDM vol. 1 chapter 16; vol. 2C XBEGIN, XEND, XABORT; 2D XTEST): status in EAX, what
is rolled back, and what aborts. Each guest keeps EAX at its fallback in `status`.
"""

from pathlib import Path

import pytest

import vmm
from vmm.devices.dma import BYTES as BYTES_AT
from vmm.devices.dma import SOURCE as SOURCE_AT
from vmm.devices.dma import START as START_AT
from vmm.devices.dma import TARGET as TARGET_AT

XABORT, RETRY, CONFLICT, CAPACITY, DEBUG, NESTED = 1, 2, 4, 8, 16, 32
CPU = "max,+rtm"
SOURCE = """#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    movl $0x11111111, %ebx
    movl $0x22222222, word
    movl $0xDEAD, status
    stc
{body}
    xbegin fallback
inside:
    movl $1, %ebx
    movl $2, word
    clc
{inside}
    xend
    incl committed
    jmp over
fallback:
    pushf
    popl flags
    movl %eax, status
    movl %ebx, ebx
{behind}
over:
    POWER_OFF
handler:
    incl taken
    PIC_EOI 5
    iret
    VAR status
    VAR ebx
    VAR flags
    VAR word
    VAR committed
    VAR taken
    VAR array, 65536
"""


def booted(folder: Path, inside: str = "", body: str = "", behind: str = "", **options) -> vmm.Machine:
    path = folder / "guest.S"
    path.write_text(SOURCE.format(inside=inside, body=body, behind=behind))
    return vmm.boot(path, console=None, **{"cpu": CPU, "board": "pc,pit=off"} | options)


def aborted(m: vmm.Machine, status: int) -> None:
    """Registers, flags and memory are as at XBEGIN."""
    assert (m.u32("status"), m.u32("ebx"), m.u32("word")) == (status, 0x11111111, 0x22222222)
    assert (m.u32("committed"), m.u32("flags") & 1) == (0, 1)


def test_what_is_committed_stays(tmp_path: Path) -> None:
    m = booted(tmp_path)
    m.run()
    assert (m.u32("committed"), m.u32("word"), m.cpu["ebx"], m.u32("status")) == (1, 2, 1, 0xDEAD)


@pytest.mark.parametrize(
    ("inside", "status"),
    [
        ("xabort $0x5A", 0x5A << 24 | XABORT),
        ("cpuid", 0),
        ("pause", 0),
        ("hlt", 0),
        ("ud2", 0),
        ("int $0x25", 0),
        ("int3", DEBUG),
        ("xorl %ecx, %ecx; divl %ecx", 0),
        ("movl 0xFEC00000, %ecx", 0),
        ("inb $0x61, %al", 0),
        ("movl $array + 8191, %edi; andl $~4095, %edi; movl $1, -2(%edi)", 0),
        ("xbegin nested; nested: xabort $1", 1 << 24 | XABORT | NESTED),
        ("nop\n.rept 7\nxbegin fallback\n.endr", NESTED),
        ("movl $65, %ecx; movl $array, %edi; 1: movl $1, (%edi); addl $64, %edi; loop 1b", CAPACITY),
        ("movl $600, %ecx; movl $array, %edi; 1: movl (%edi), %eax; addl $64, %edi; loop 1b", CAPACITY),
    ],
)
def test_what_aborts(inside: str, status: int, tmp_path: Path) -> None:
    m = booted(tmp_path, inside)
    m.run()
    aborted(m, status)
    assert m.read("array", 65536) == bytes(65536)


@pytest.mark.parametrize("inside", [
    "rdtsc", "movl $62, %ecx; movl $array, %edi; 1: movl $1, (%edi); addl $64, %edi; loop 1b",
    "xbegin fallback; movl $3, array; xend",
])  # fmt: skip
def test_what_does_not(inside: str, tmp_path: Path) -> None:
    m = booted(tmp_path, inside)
    m.run()
    assert (m.u32("committed"), m.u32("word")) == (1, 2)


def test_an_interrupt_comes_at_the_fallback_and_finds_nothing_of_it(tmp_path: Path) -> None:
    m = booted(tmp_path, "1: jmp 1b", "sti\nnop")
    with m.trace.record():
        m.run(until="inside")
        m.run(insns=50)
        assert m.u32("word") == 2
        m.irq(5).until_served()
        m.run()
    aborted(m, 0)
    (delivered,) = m.trace.of(kind="delivered")
    assert delivered.pc == m.address("fallback")
    assert [m.trace.describe(event).partition(" at ")[0] for event in m.trace.of(kind="transaction")] == [
        "a transaction begins",
        "a transaction is aborted by an interrupt",
    ]


def test_one_that_is_masked_does_not(tmp_path: Path) -> None:
    m = booted(tmp_path, "nop")
    m.run(until="inside")
    m.irq(5).raise_()
    m.run()
    assert (m.u32("committed"), m.u32("taken")) == (1, 0)


def test_vectors_are_rolled_back(tmp_path: Path) -> None:
    body = "movl %cr4, %eax; orl $0x600, %eax; movl %eax, %cr4; movl $7, array; movdqa array, %xmm3"
    m = booted(tmp_path, "pxor %xmm3, %xmm3\nxabort $0", body, "movdqa %xmm3, array+16")
    m.run()
    assert (m.u32("status"), m.u32(m.address("array") + 16)) == (XABORT, 7)


PAGING = """
    movl $0x11, 0x800000
    movl $0x22, 0x400000
    movl $0x200000, %edi
    movl $0x83, (%edi)
    movl $0x800083, 4(%edi)
    movl $0x400083, 8(%edi)
    movl %edi, %cr3
    movl %cr4, %edi
    orl $0x10, %edi
    movl %edi, %cr4
    movl %cr0, %edi
    orl $0x80000000, %edi
    movl %edi, %cr0
    stc
"""
"""Pages of 4 MiB: the second and the third have each other's memory."""


def test_memory_is_rolled_back_where_pages_lead(tmp_path: Path) -> None:
    m = booted(tmp_path, "movl $0x77, 0x400000; movl $0x99, 0x800000; xabort $1", PAGING)
    m.run()
    aborted(m, 1 << 24 | XABORT)
    assert (m.memory.read(0x800000, 4), m.memory.read(0x400000, 4)) == (b"\x11\0\0\0", b"\x22\0\0\0")


def test_xtest_and_xend_outside(tmp_path: Path) -> None:
    m = booted(tmp_path, "xtest; setz array", "xtest; setz array+1; xabort $3\nnop")
    m.run()
    assert m.read("array", 2) == b"\0\1"
    m = booted(tmp_path, "", "IDT_GATE VECTOR_GP, over\nxend")
    m.run()
    assert (m.u32("committed"), m.u32("status")) == (0, 0xDEAD)


def test_a_snapshot_in_the_middle(tmp_path: Path) -> None:
    m = booted(tmp_path, "nop\nmiddle: nop\nxabort $1")
    m.run(until="middle")
    kept = m.snapshot()
    m.run()
    m.restore(kept)
    assert m.u32("word") == 2
    m.run()
    aborted(m, 1 << 24 | XABORT)


def test_init_aborts_it(tmp_path: Path) -> None:
    """By port 92h, from outside: what the transaction wrote is gone, and the reset vector is run, in none."""
    m = booted(tmp_path, "1: jmp 1b")
    m.run(until="inside")
    m.run(insns=20)
    assert m.u32("word") == 2
    m.board.devices["port92"].port_write(0x92, 1, 1)
    with m.trace.record():
        m.run(insns=1)
    assert [event.number for event in m.trace.of(kind="transaction")] == [3], "by an interrupt"
    assert m.u32("word") == 0x22222222


def test_nobody_has_it_who_has_not_asked(tmp_path: Path) -> None:
    for cpu in ("max", "haswell"):
        m = booted(tmp_path, "", "IDT_GATE VECTOR_UD, over", cpu=cpu)
        assert not m.cpu.cpuid(7)[1] >> 11 & 1
        m.run()
        assert (m.u32("committed"), m.u32("status"), m.u32("word")) == (0, 0xDEAD, 0x22222222)


def test_it_is_in_the_precise_gear_whatever_is_asked_for(tmp_path: Path) -> None:
    assert booted(tmp_path, gear="fast").gear == "precise"


TWO = """#include "x86/guest.h"
#include "x86/smp.inc"
    GUEST_PROTECTED32
    SMP_START other, 1
    movl $1, go
    xbegin fallback
    movl $1, written
    movl only_read, %ebx
    movl $5000, %ecx
1:
    loop 1b
    xend
    incl committed
    jmp over
fallback:
    movl %eax, status
over:
    POWER_OFF
other:
    WAIT_FOR go, 1
    movl $300, %ecx
1:
    loop 1b
    {access}
    movl %eax, seen
2:
    pause
    jmp 2b
    .macro LINE name
    .pushsection .bss, "aw", @nobits
    .balign 64
\\name:
    .skip 64
    .popsection
    .endm
    LINE status
    LINE committed
    LINE go
    LINE seen
    LINE written
    LINE only_read
"""


@pytest.mark.parametrize(
    ("access", "status", "written", "seen"),
    [
        ("movl $7, only_read", CONFLICT | RETRY, 0, None),
        ("movl $7, written+60", CONFLICT | RETRY, 0, None),
        ("movl written, %eax", CONFLICT | RETRY, 0, 0),
        ("movl only_read, %eax", 0, 1, None),
    ],
)
def test_conflicts(access: str, status: int, written: int, seen: int | None, tmp_path: Path) -> None:
    """Another vCPU writes a line of either set, or reads one of the write set, and finds what was there before."""
    path = tmp_path / "guest.S"
    path.write_text(TWO.format(access=access))
    m = vmm.boot(path, console=None, cpu=CPU, smp=2)
    m.run()
    assert (m.u32("status"), m.u32("committed"), m.u32("written")) == (status, int(not status), written)
    if seen is not None:
        assert m.u32("seen") == seen


DMA_AT = 0xFEB02000
TOLD_CONFLICT = 7  # enum vmm_transaction
BURST_INSNS = 100
"""Of 1 us, by 10 ns."""
READ, SPARE = 0x1000, 0x9000
"""In `array`: what the guest reads, and what is far from all that it is at."""


def copies(m: vmm.Machine, source: int, target: int) -> None:
    """The DMA engine begins to, 16 bytes in 1 us."""
    for register, value in ((SOURCE_AT, source), (TARGET_AT, target), (BYTES_AT, 16), (START_AT, 1)):
        m.board.devices["dma"].mmio_write(DMA_AT + register, 4, value)


@pytest.mark.parametrize(
    ("source", "target", "conflicts"),
    [
        ("spare", "word", True),  # into what it has written
        ("spare", "read", True),  # into what it has read
        ("word", "spare", True),  # out of what it has written
        ("read", "spare", False),  # out of what it has read
        ("spare", "spare", False),
    ],
)
def test_a_device_that_reaches_its_lines_aborts_it(source: str, target: str, conflicts: bool, tmp_path: Path) -> None:
    """At the boundary at which the burst is over; the device reads what was there before, and what it writes stays."""
    m = booted(tmp_path, f"movl array+{READ}, %ecx; 1: jmp 1b", board="pc,pit=off,dma=on")
    m.memory.write(m.address("array") + SPARE, b"\7" * 16)
    m.run(until="inside")
    m.run(insns=20)
    assert m.u32("word") == 2
    array = m.address("array")
    at = {"word": m.address("word"), "read": array + READ, "spare": array + SPARE}
    copies(m, at[source], at[target])
    begun = m.instructions
    with m.trace.record():
        m.run(insns=BURST_INSNS + 20)
    told = [(event.number, event.insns - begun) for event in m.trace.of(kind="transaction")]
    assert told == ([(TOLD_CONFLICT, BURST_INSNS)] if conflicts else [])
    if not conflicts:
        assert m.u32("word") == 2
        return
    m.run()
    assert (m.u32("status"), m.u32("ebx"), m.u32("committed")) == (CONFLICT | RETRY, 0x11111111, 0)
    assert m.u32("word") == (0x07070707 if target == "word" else 0x22222222)
    if source == "word":
        assert m.u32(at[target]) == 0x22222222


@pytest.mark.parametrize("by", ["memory", "location"])
def test_so_does_a_script_that_writes_there_and_none_that_looks(by: str, tmp_path: Path) -> None:
    m = booted(tmp_path, "1: jmp 1b")
    m.run(until="inside")
    m.run(insns=20)
    assert (m.memory.read(m.address("word"), 4), m.read("word", 4), m.u32("word")) == (b"\2\0\0\0", b"\2\0\0\0", 2)
    m.run(insns=20)
    assert m.u32("word") == 2
    if by == "memory":
        m.memory.write(m.address("word"), b"\5\0\0\0")
    else:
        m.write("word", b"\5\0\0\0")
    assert m.cpu.pc == m.address("fallback")
    m.run()
    assert (m.u32("status"), m.u32("word"), m.u32("committed")) == (CONFLICT | RETRY, 5, 0)
