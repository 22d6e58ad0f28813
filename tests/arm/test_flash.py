"""Flash at physical address 0, where vectors are at reset: it is loaded, read and executed, and never programmed."""

from __future__ import annotations

from arm.arm_bench import CODE, Arm32Bench, Arm64Bench
from arm.opcodes import a32, a64

EXTERNAL_WRITE = 0x25 << 26 | 1 << 25 | 1 << 6 | 0b010000
"""ESR of a write that nothing answers, from EL1 (DDI0487 D13.2.37)."""


def test_vectors_may_lie_in_flash_where_vbar_points_at_reset() -> None:
    bench = Arm64Bench(a64("svc #0"), 5, vbar_el1=0)
    bench.memory.write(0x200, a64("b #0"))
    bench.step(2)
    assert (bench.cpu.pc, bench.cpu["elr_el1"]) == (0x200, CODE + 4)


def test_flash_is_read_and_a_write_is_an_external_abort_that_leaves_it_alone() -> None:
    bench = Arm64Bench(a64("ldr x0, [x1]", "str x0, [x2]"), 5, x1=0x1000, x2=0x1008)
    bench.memory.write(0x1000, (0x1122334455667788).to_bytes(8, "little"))
    bench.step(2)
    assert bench.cpu["x0"] == 0x1122334455667788
    assert (bench.cpu["esr_el1"], bench.cpu["far_el1"]) == (EXTERNAL_WRITE, 0x1008)
    assert bench.memory.read(0x1008, 8) == b"\xff" * 8
    assert bench.machine.trace.guest_errors == 1


def test_armv7_code_runs_in_flash() -> None:
    bench = Arm32Bench(a32("nop"), "svc", 0)
    bench.memory.write(0x4000, a32("nop", "b #0"))
    bench.cpu["pc"] = 0x4000
    bench.step(2)
    assert (bench.cpu.pc, bench.numbers) == (0x4004, [])
