"""RF lives for the one instruction behind the IRET that loads it (SDM vol. 3B 17.3.1.1), however a run is cut."""

from __future__ import annotations

import pytest

from x86.x86_bench import CODE, DB, FIXED, JMP_SELF, KERNEL_CODE, NOP, RF, STACK, X86Bench, le

TO_DR0, TO_DR7 = bytes.fromhex("0f23c0"), bytes.fromhex("0f23fb")  # from EAX and EBX
IRET, FIRST, SECOND = b"\xcf", CODE + 0x100, CODE + 0x200
ways = pytest.mark.parametrize("steps", [(6,), (1,) * 6, (5, 1)], ids=["in one piece", "in steps", "with a stop"])


def two_returns(flags: int, breakpoint_at: int) -> X86Bench:
    """IRET to FIRST with RF; there a NOP and an IRET to SECOND with `flags`, where a NOP is."""
    bench = X86Bench("protected32", TO_DR0 + TO_DR7 + IRET, rax=breakpoint_at, rbx=0x402)  # G0
    frames = (FIRST, KERNEL_CODE, RF | FIXED, SECOND, KERNEL_CODE, flags)
    bench.memory.write(STACK - 24, b"".join(le(value, 4) for value in frames))
    bench.memory.write(FIRST, NOP + IRET)
    bench.memory.write(SECOND, NOP + JMP_SELF)
    bench.cpu["rsp"] = STACK - 24
    return bench


@ways
def test_what_a_second_iret_loads_holds_back_the_breakpoint_there(steps: tuple[int, ...]) -> None:
    bench = two_returns(RF | FIXED, SECOND)
    for count in steps:
        bench.step(count)
    assert bench.vectors == []
    assert bench.rip == SECOND + 1


@ways
def test_the_second_instruction_behind_an_iret_has_its_breakpoint_again(steps: tuple[int, ...]) -> None:
    bench = two_returns(FIXED, SECOND)
    for count in steps:
        bench.step(count)
    assert bench.vectors == [DB]
    frame = bench.frame()  # its own #DB sets no RF there (17.3.1.1)
    assert (frame.ip, frame.flags) == (SECOND, FIXED)
