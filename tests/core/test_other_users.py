"""Who uses Unicorn by itself in the same process finds it as it is, whatever machines have run before."""

from __future__ import annotations

import pytest
from unicorn import UC_ARCH_ARM64, UC_ARCH_X86, UC_MODE_64, UC_MODE_ARM, Uc
from unicorn.arm64_const import UC_ARM64_REG_X0, UC_ARM64_REG_X1
from unicorn.x86_const import UC_X86_REG_EAX, UC_X86_REG_RBX

import vmm

CODE, DATA = 0x1000, 0x1800
CASES = {
    # mov [rbx], eax; inc eax; mov [rbx], eax; mov eax, [rbx]; add eax, 1
    "x86/hello": (UC_ARCH_X86, UC_MODE_64, "8903 ffc0 8903 8b03 83c001", UC_X86_REG_EAX, UC_X86_REG_RBX),
    # str w0, [x1]; add w0, w0, #1; str w0, [x1]; ldr w0, [x1]; add w0, w0, #1
    "arm64/hello": (
        UC_ARCH_ARM64, UC_MODE_ARM, "200000b9 00040011 200000b9 200040b9 00040011", UC_ARM64_REG_X0, UC_ARM64_REG_X1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("guest", CASES)
@pytest.mark.parametrize("insns", [None, 137])
def test_a_machine_leaves_nothing_behind_in_the_library(guest: str, insns: int | None) -> None:
    """Code and data share a page, which a load reaches first."""
    arch, mode, code, value, pointer = CASES[guest]
    machine = vmm.boot(guest, console=None)
    machine.run(insns=insns)
    other = Uc(arch, mode)
    other.mem_map(0, 0x10000)
    other.mem_write(CODE, bytes.fromhex(code))
    other.reg_write(value, 40)
    other.reg_write(pointer, DATA)
    other.emu_start(CODE, CODE + len(bytes.fromhex(code)))
    assert other.reg_read(value) == 42
    assert other.mem_read(DATA, 4) == (41).to_bytes(4, "little")


def test_floating_point_of_others_is_not_held() -> None:
    """Unicorn alone lets EL1 use it after reset: fmov d0, #1.0; fmov x0, d0."""
    vmm.boot("arm64/hello", console=None).run()
    other = Uc(UC_ARCH_ARM64, UC_MODE_ARM)
    other.mem_map(0, 0x10000)
    other.mem_write(CODE, bytes.fromhex("00106e1e 0000669e"))
    other.emu_start(CODE, CODE + 8)
    assert other.reg_read(UC_ARM64_REG_X0) == 0x3FF0000000000000
