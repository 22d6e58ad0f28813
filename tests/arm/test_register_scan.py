"""Nothing that a guest can read of its processor is the host's: every system register of every model, at every level.

A guest reads each encoding there is, writes back what it read, and reads it once more: MRS and MSR with op0 2 and 3 in
AArch64 (DDI0487 C5.1.3), MRC, MCR, MRRC and MCRR of coprocessors 14 and 15 in AArch32 (DDI0406 A8.8.107, A8.8.108).
What it found is held against the same guest's run in pieces, with the host's time passing between them.
"""

from __future__ import annotations

import struct
import time
from typing import NamedTuple

import pytest

from vmm.core.native import lib
from vmm.machine.config import Config
from vmm.machine.machine import Machine

RAM, RAM_SIZE = 0x40000000, 0x800000
VECTORS, START, FOUND = 0x40010000, 0x40020000, 0x40400000
ADMIT_EL0 = {"cntkctl_el1": 0x303}
PMCR, PMCNTENSET, PMUSERENR, CNTHCTL = (3, 3, 9, 12, 0), (3, 3, 9, 12, 1), (3, 3, 9, 14, 0), (3, 4, 14, 1, 0)
PMCR32, PMCNTENSET32, PMUSERENR32 = (0, 0, 9, 12, 0), (0, 0, 9, 12, 1), (0, 0, 9, 14, 0)

A64_ENCODINGS = range(1 << 15)
"""o0, op1, CRn, CRm, op2: bits 19 to 5 of the instruction."""
A32_ENCODINGS = [
    (cp, op1, crn, crm, op2)
    for cp in (14, 15)
    for op1 in range(8)
    for crn in range(16)
    for crm in range(16)
    for op2 in range(8)
]
A32_PAIRS = [(cp, op1, crm) for cp in (14, 15) for op1 in range(16) for crm in range(16)]

LDR64, STR64 = 0xF8408441, 0xF8008441
"""LDR and STR of X1 at X2, which goes on by 8."""
LDR32, STR32, LDR32_R3, STR32_R3 = 0xE4921004, 0xE4821004, 0xE4923004, 0xE4823004
"""Of R1, or R3, at R2, which goes on by 4."""
AGAIN64, AGAIN32 = 0xAA0403E2, 0xE1A02004
"""MOV X2, X4 and MOV R2, R4: back to the first result."""


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def a64_program() -> bytes:
    read = [word for n in A64_ENCODINGS for word in (0xD5300001 | n << 5, STR64)]
    write = [word for n in A64_ENCODINGS for word in (LDR64, 0xD5100001 | n << 5)]
    return words(AGAIN64, *read, AGAIN64, *write, *read)


def a32_program() -> bytes:
    read, write = [], []
    for cp, op1, crn, crm, op2 in A32_ENCODINGS:
        move = 0xEE001010 | op1 << 21 | crn << 16 | cp << 8 | op2 << 5 | crm
        read += [move | 1 << 20, STR32]
        write += [LDR32, move]
    for cp, op1, crm in A32_PAIRS:
        move = 0xEC431000 | cp << 8 | op1 << 4 | crm
        read += [move | 1 << 20, STR32, STR32_R3]
        write += [LDR32, LDR32_R3, move]
    return words(AGAIN32, *read, AGAIN32, *write, *read)


def skip64(level: int) -> bytes:
    """X1 is what was wrong with the instruction, which is left out: MRS ESR, ELR; ADD 4; MSR ELR; ERET."""
    op1 = (0, 0, 4, 6)[level] << 16
    return words(0xD5385201 | op1, 0xD5384023 | op1, 0x91001063, 0xD5184023 | op1, 0xD69F03E0)


SKIP32 = words(0xE3A010BD, 0xE1B0F00E)
"""MOV R1, #0xBD; MOVS PC, LR: the next instruction (DDI0406 B1.9.7)."""


class Found(NamedTuple):
    results: bytes
    trace: str
    instructions: int


class Scan(NamedTuple):
    """A processor and the state it reads its registers in."""

    cpu: str
    board: str
    state: int
    aarch32: bool = False

    def machine(self) -> tuple[Machine, int]:
        """About to execute the program; and where that ends."""
        machine = Machine(Config(board=f"virt,gic=3{self.board}", cpu=self.cpu, memory=RAM_SIZE))
        program = a32_program() if self.aarch32 else a64_program()
        machine.memory.write(START, program)
        if machine.cpu.bits == 64:
            self._vectors64(machine)
        else:
            machine.memory.write(VECTORS + 4, words(0xEA00003D))  # B VECTORS + 0x100
            machine.memory.write(VECTORS + 0x100, SKIP32)
            machine.cpu["vbar"] = VECTORS
            self._count(machine, PMCR32, PMCNTENSET32, PMUSERENR32)
        self._enter(machine)
        return machine, START + len(program)

    def _count(self, machine: Machine, *registers: tuple[int, int, int, int, int]) -> None:
        """PMCR.E, every counter, and EL0 may."""
        for register, value in zip(registers, (1, 1 << 31, 15), strict=True):
            lib.vmm_arm_system_set(machine._native.vcpus[0], *register, value)

    def _vectors64(self, machine: Machine) -> None:
        for level in range(1, machine.cpu.el + 1):
            base = VECTORS + 0x1000 * level
            machine.cpu[f"vbar_el{level}"] = base
            for group in (0x200, 0x400, 0x600):
                machine.memory.write(base + group, skip64(level))
        for name, value in ADMIT_EL0.items():
            machine.cpu[name] = value
        lib.vmm_arm_system_set(machine._native.vcpus[0], *CNTHCTL, 3)
        self._count(machine, PMCR, PMCNTENSET, PMUSERENR)

    def _enter(self, machine: Machine) -> None:
        cpu = machine.cpu
        if cpu.bits == 32:
            cpu["cpsr"] = self.state
            cpu["r2"] = cpu["r4"] = FOUND
            cpu["pc"] = START
            return
        level = cpu.el
        cpu["x4"] = FOUND
        cpu[f"spsr_el{level}"], cpu[f"elr_el{level}"] = self.state, START
        machine.memory.write(START - 4, words(0xD69F03E0))  # ERET
        cpu["pc"] = START - 4

    def run(self, slices: int = 1) -> Found:
        """In so many pieces, between which the host's time passes."""
        machine, end = self.machine()
        for _ in range(slices - 1):
            machine.run(insns=50021)
            time.sleep(0.002)
        stop = machine.run(until=end, insns=2_000_000)
        assert (stop.reason, machine.cpu.pc) == ("breakpoint", end), stop
        return Found(machine.memory.read(FOUND, 0x80000), machine.trace.hash, machine.instructions)


EL0, EL1H, EL2H, EL3H, USR, SVC = 0x3C0, 0x3C5, 0x3C9, 0x3CD, 0x1D0, 0x1D3
HYPERVISOR, SECURE = ",virtualization=on", ",secure=on"
SCANS64 = [
    Scan(cpu, board, state)
    for cpu in ("cortex-a53", "cortex-a57", "cortex-a72", "max")
    for board, state in (("", EL0), ("", EL1H), (HYPERVISOR, EL2H), (HYPERVISOR + SECURE, EL3H))
]
SCANS32 = [
    *(Scan(cpu, "", state, aarch32=True) for cpu in ("cortex-a7", "cortex-a15") for state in (USR, SVC)),
    *(Scan(cpu, "", USR, aarch32=True) for cpu in ("cortex-a53", "cortex-a57", "cortex-a72", "max")),
]


def differences(scan: Scan) -> list[str]:
    whole, pieces = scan.run(), scan.run(slices=5)
    size = 4 if scan.aarch32 else 8
    found = [
        hex(n // size)
        for n in range(0, len(whole.results), size)
        if whole.results[n : n + size] != pieces.results[n : n + size]
    ]
    return found or ([] if whole == pieces else ["trace"])


@pytest.mark.slow
def test_what_a_kernel_reads_comes_again() -> None:
    assert differences(Scan("max", "", EL1H)) == []


@pytest.mark.slow
@pytest.mark.parametrize("scan", [*SCANS64, *SCANS32], ids=str)
def test_every_register_of_every_model_at_every_level_comes_again(scan: Scan) -> None:
    assert differences(scan) == []


def test_the_scan_sees_registers_and_what_is_none() -> None:
    """MIDR_EL1 of a Cortex-A57 (DDI0488 4.2.1), and an encoding that DDI0487 does not allocate: EC 0."""
    results = struct.unpack(f"<{0x10000}Q", Scan("cortex-a57", "", EL1H).run().results)
    midr, unallocated = 1 << 14, 1 << 14 | 7 << 11
    assert results[midr] >> 4 & 0xFFF == 0xD07
    assert results[unallocated] == 1 << 25
