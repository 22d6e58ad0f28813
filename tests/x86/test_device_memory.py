"""What the core does of an instruction or an event itself reaches devices as its other accesses do.

Intel SDM vol. 2A CALL, INT n, JMP and 2B RET, "Operation": what each reads and pushes, and how wide; 3A 11.4.1: the
page of the local APIC. Neither the stack nor a table nor an operand need be memory.
"""

from __future__ import annotations

import pytest

from vmm.arch.x86.vcpu import Segment
from x86.x86_bench import CODE, FIXED, GP, INT, KERNEL_CODE, KERNEL_CODE64, WRMSR, X86Bench, le

AT, SIZE = 0xFD000000, 0x1000
ELSEWHERE, TARGET = 0x11000, 0x12000
RETF, VECTOR = b"\xcb", 0x80


class Device:
    """It remembers, and who has asked for how much."""

    def __init__(self) -> None:
        self.bytes = bytearray(SIZE)
        self.asked: list[tuple[str, int, int]] = []

    def mmio_read(self, address: int, size: int) -> int:
        at = address - AT
        self.asked.append(("read", at, size))
        return int.from_bytes(self.bytes[at : at + size], "little")

    def mmio_write(self, address: int, size: int, value: int) -> None:
        at = address - AT
        self.asked.append(("write", at, size))
        self.bytes[at : at + size] = le(value, size)

    def words(self, at: int, count: int) -> list[int]:
        return [int.from_bytes(self.bytes[at + 4 * n : at + 4 * n + 4], "little") for n in range(count)]


@pytest.fixture
def device() -> Device:
    return Device()


def beside(device: Device, mode: str, code: bytes, **registers: int) -> X86Bench:
    """In 64-bit mode, of whose tables this is none, it lies ELSEWHERE."""
    bench = X86Bench(mode, code, **registers)
    bench.machine.attach(device, memory=(AT, SIZE))
    if mode == "long64":
        bench.alias(ELSEWHERE, AT)
    return bench


@pytest.mark.parametrize("code", ["ff2b", "ff1b"], ids=["jmp", "call"])
def test_a_far_pointer_is_read_there(device: Device, code: str) -> None:
    bench = beside(device, "protected32", bytes.fromhex(code), rbx=AT + 8)
    device.bytes[8:14] = le(TARGET, 4) + le(KERNEL_CODE, 2)
    bench.step()
    assert (bench.vectors, bench.rip, device.asked) == ([], TARGET, [("read", 8, 4), ("read", 12, 2)])


def test_a_far_pointer_of_64_bits_is_read_there_in_pieces(device: Device) -> None:
    bench = beside(device, "long64", bytes.fromhex("48ff2b"), rbx=ELSEWHERE + 8)
    device.bytes[8:18] = le(TARGET, 8) + le(KERNEL_CODE64, 2)
    bench.step()
    assert (bench.vectors, bench.rip) == ([], TARGET)
    assert device.asked == [("read", 8, 4), ("read", 12, 4), ("read", 16, 2)]


def test_a_pointer_across_the_words_of_a_device_comes_in_aligned_pieces(device: Device) -> None:
    bench = beside(device, "protected32", bytes.fromhex("ff2b"), rbx=AT + 3)
    device.bytes[3:9] = le(TARGET, 4) + le(KERNEL_CODE, 2)
    bench.step()
    assert (bench.rip, device.asked) == (TARGET, [("read", 3, 1), ("read", 4, 4), ("read", 8, 1)])


def test_a_far_call_pushes_there_and_a_far_return_pops(device: Device) -> None:
    bench = beside(device, "protected32", b"\x9a" + le(TARGET, 4) + le(KERNEL_CODE, 2), rsp=AT + 16)
    bench.memory.write(TARGET, RETF)
    bench.step()
    assert (bench.rip, bench.cpu["rsp"], device.words(8, 2)) == (TARGET, AT + 8, [CODE + 7, KERNEL_CODE])
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"]) == ([], CODE + 7, AT + 16)
    assert device.asked == [("write", 12, 4), ("write", 8, 4), ("read", 8, 4), ("read", 12, 4)]


def test_a_frame_is_pushed_there(device: Device) -> None:
    bench = beside(device, "protected32", INT(VECTOR), rsp=AT + 16)
    bench.step()
    assert (bench.vectors, bench.cpu["rsp"]) == ([VECTOR], AT + 4)
    assert device.words(4, 3) == [CODE + 2, KERNEL_CODE, FIXED]


def test_a_gate_is_read_there(device: Device) -> None:
    bench = beside(device, "protected32", INT(VECTOR))
    bench.cpu.set_segment("idtr", Segment(0, AT, 0x7FF, 0))
    gate = VECTOR * 8
    device.bytes[gate : gate + 8] = le(TARGET & 0xFFFF | KERNEL_CODE << 16, 4) + le(TARGET & 0xFFFF0000 | 0x8E00, 4)
    bench.step()
    assert (bench.rip, device.asked) == (TARGET, [("read", gate, 4), ("read", gate + 4, 4)])


def test_the_local_apics_registers_cover_the_ram_below() -> None:
    """There the selector is one of the bytes behind a register, which read as 0."""
    page, initial_count = 0x120000, 0x380
    bench = X86Bench(
        "protected32", WRMSR + bytes.fromhex("ff2b"), rcx=0x1B, rax=page | 0x900, rdx=0, rbx=page + initial_count
    )
    bench.memory.write(page + initial_count, le(TARGET, 4) + le(KERNEL_CODE, 2))
    bench.step(2)
    assert (bench.vectors, bench.frame(error=True).error) == ([GP], 0)
