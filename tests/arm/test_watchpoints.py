"""Rule 25, A64: watchpoints compare virtual addresses, and only those of bytes that are accessed (DDI0487 D2.10)."""

from __future__ import annotations

import pytest

from arm.arm_bench import (
    CODE,
    DATA,
    EL1H,
    ELXH_GROUP,
    PAGE_EL1,
    RAM,
    TABLES,
    Arm64Bench,
    syndrome,
)  # fmt: skip
from arm.opcodes import a64

WATCHPOINT, DEBUG, WNR = 0x35, 0x22, 1 << 6
"""EC from the same level, the fault status code, and ISS bit 6 of stores."""
KDE, MDE = 1 << 13, 1 << 15
LOADS, STORES, ANY = 1, 2, 3
ENABLED_AT_EL1 = 1 | 1 << 1
ALIAS = DATA + 0x8000


def watching(
    code: str, address: int, bytes_: int = 0xFF, access: int = ANY, *, mask: int = 0, **registers: int
) -> Arm64Bench:
    """Watchpoint 0 on bytes of the doubleword at `address`, or on 2**mask bytes; ALIAS is mapped to DATA."""
    bench = Arm64Bench(a64(code), EL1H)
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    bench.write(TABLES + 0x1000 + 8 * (ALIAS - RAM >> 12), DATA | PAGE_EL1, size=8)
    bench.system(2, 0, 0, 0, 6, address)
    bench.system(2, 0, 0, 0, 7, ENABLED_AT_EL1 | access << 3 | bytes_ << 5 | mask << 24)
    bench.system(2, 0, 0, 2, 2, KDE | MDE)
    bench.registers(**registers)
    return bench


def assert_hit(bench: Arm64Bench, far: int, *, write: bool, after: int = 1, elr: int = CODE) -> None:
    iss = DEBUG | (WNR if write else 0)
    bench.assert_taken(WATCHPOINT, ELXH_GROUP, after=after, elr=elr, spsr=EL1H, esr=syndrome(WATCHPOINT, iss), far=far)


@pytest.mark.parametrize(
    ("code", "access", "hits"),
    [("ldr x0, [x1]", LOADS, True), ("ldr x0, [x1]", STORES, False), ("str x0, [x1]", STORES, True),
     ("str x0, [x1]", LOADS, False), ("ldxr x0, [x1]", LOADS, True), ("stp x2, x3, [x1]", ANY, True)],
)  # fmt: skip
@pytest.mark.parametrize("at", [DATA, ALIAS])
def test_the_virtual_address_is_compared(code: str, access: int, hits: bool, at: int) -> None:
    """Where it is another than the physical one, too; nothing is loaded or stored where one hits."""
    bench = watching(code, at + 0x40, access=access, x0=0x77, x1=at + 0x40)
    bench.write(DATA + 0x40, 0x55, size=8)
    bench.step()
    if not hits:
        assert bench.numbers == []
        return
    assert_hit(bench, at + 0x40, write=code.startswith("st"))
    assert (bench.cpu["x0"], bench.memory.read(DATA + 0x40, 1)) == (0x77, b"\x55")


@pytest.mark.parametrize("code", ["ldr x0, [x1]", "str x0, [x1]"])
@pytest.mark.parametrize(("watched", "used"), [(DATA, ALIAS), (ALIAS, DATA)])
def test_another_address_of_the_same_memory_does_not_hit(code: str, watched: int, used: int) -> None:
    bench = watching(code, watched + 0x40, x1=used + 0x40)
    bench.step()
    assert bench.numbers == []


@pytest.mark.parametrize("code", ["ldr x0, [x1]", "str x0, [x1]"])
@pytest.mark.parametrize(
    ("offset", "bytes_", "hits"),
    [
        (0x44, 0b11110000, True),
        (0x44, 0b00010000, True),
        (0x44, 0b00001111, False),
        (0x3C, 0b00001111, True),
        (0x3C, 0b00001000, True),
        (0x3C, 0b11110000, False),
        (0x39, 0b00000001, True),
        (0x39, 0b00000010, False),
        (0x38, 0b00000001, False),
    ],
)
def test_bytes_that_an_unaligned_access_leaves_out_do_not_hit(code: str, offset: int, bytes_: int, hits: bool) -> None:
    """D2.10.2: the doubleword at 40h; the access has the eight bytes from `offset` on."""
    bench = watching(code, ALIAS + 0x40, bytes_, x1=ALIAS + offset)
    bench.step()
    if hits:
        assert_hit(bench, ALIAS + offset, write=code.startswith("st"))
    else:
        assert bench.numbers == []


@pytest.mark.parametrize("code", ["ldr x0, [x1]", "str x0, [x1]"])
@pytest.mark.parametrize(
    ("watched", "bytes_", "hits"),
    [(0xFF8, 0x80, True), (0xFF8, 0x0F, False), (0x1000, 0x0F, True), (0x1000, 0x20, False)],
)
def test_an_access_that_crosses_pages_hits_on_either(code: str, watched: int, bytes_: int, hits: bool) -> None:
    """From FFDh on: three bytes of one page and five of the next; nothing of a store has been made."""
    bench = watching(code, DATA + watched, bytes_, x0=0x77, x1=DATA + 0xFFD)
    bench.step()
    if hits:
        assert_hit(bench, DATA + 0xFFD, write=code.startswith("st"))
        assert bench.memory.read(DATA + 0xFFD, 8) == bytes(8)
    else:
        assert bench.numbers == []


@pytest.mark.parametrize(("offset", "hits"), [(0x1FF8, False), (0x2000, True), (0x2FFF, True), (0x3000, False)])
def test_a_mask_watches_a_range(offset: int, hits: bool) -> None:
    """D2.10.4: MASK 12 is 4 KiB."""
    bench = watching("ldrb w0, [x1]", DATA + 0x2000, mask=12, x1=DATA + offset)
    bench.step()
    assert bench.numbers == ([WATCHPOINT] if hits else [])


def test_it_is_the_same_after_a_snapshot_and_once_it_is_switched_off() -> None:
    bench = watching("str x0, [x1]", ALIAS + 0x40, x1=ALIAS + 0x40)
    armed = bench.machine.snapshot()
    bench.system(2, 0, 0, 0, 7, 0)
    bench.step()
    assert bench.numbers == []
    bench.machine.restore(armed)
    bench.step()
    assert_hit(bench, ALIAS + 0x40, write=True)


def test_a_watchpoint_moves_with_its_value_register() -> None:
    """D2.10: DBGWVR is written while it is enabled."""
    bench = watching("ldr x0, [x1]", DATA + 0x40, x1=ALIAS + 0x40)
    bench.step()
    assert bench.numbers == []
    bench.system(2, 0, 0, 0, 6, ALIAS + 0x40)
    bench.registers(pc=CODE)
    bench.step()
    assert_hit(bench, ALIAS + 0x40, write=False, after=2)
