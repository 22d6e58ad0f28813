"""The base of a 64-bit code segment counts as 0, whatever its descriptor says (SDM vol. 1 3.4.2.1, vol. 3A 5.2.1)."""

from __future__ import annotations

import pytest

from x86.x86_bench import A_CODE64, CODE, SPARE, STACK, WHOLE, X86Bench, le

TARGET, POINTER, BASE = CODE + 0x100, CODE + 0x200, 0x10
PUSH = b"\x68"
TO = PUSH + le(SPARE, 4) + PUSH + le(TARGET, 4)
FRAME = PUSH + le(0x10, 4) + PUSH + le(STACK, 4) + PUSH + le(2, 4)  # SS, RSP, RFLAGS
THROUGH = b"\x25" + le(POINTER, 4)
TRANSFERS = {
    "IRETQ": (FRAME + TO + b"\x48\xcf", 6),
    "RETFQ": (TO + b"\x48\xcb", 3),
    "JMP m16:32": (b"\xff\x2c" + THROUGH, 1),
    "CALL m16:32": (b"\xff\x1c" + THROUGH, 1),
}


@pytest.mark.parametrize("at_once", [True, False], ids=["in one run", "in single steps"])
@pytest.mark.parametrize("name", TRANSFERS)
def test_a_base_is_none_in_64_bit_code(name: str, at_once: bool) -> None:
    """At the target: inc ebx; behind it, where code would begin that the base were added to, ud2."""
    code, insns = TRANSFERS[name]
    bench = X86Bench("long64", code)
    bench.descriptor(SPARE, BASE, WHOLE, A_CODE64)
    bench.memory.write(TARGET, b"\xff\xc3\xeb\xfe".ljust(BASE, b"\x90") + b"\x0f\x0b")
    bench.memory.write(POINTER, le(TARGET, 4) + le(SPARE, 2))
    for count in [insns + 1] if at_once else [1] * (insns + 1):
        bench.step(count)
    assert bench.vectors == []
    assert (bench.cpu["ebx"], bench.cpu["rip"], bench.cpu.segment("cs").base) == (1, TARGET + 2, 0)
