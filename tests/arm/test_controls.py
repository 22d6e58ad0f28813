"""Rule 25, what a hypervisor or firmware holds: every register that the core defines itself, against every control.

Which control traps what is the manual's (DDI0487 D1.15 and each register's own page; IHI0069 12.2 for the GIC's),
written down here once more by name. A row that nobody has looked up fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from arm.arm_bench import CODE, EL0, EL1H, LOWER_A64, SYSREG, VECTORS, Arm64Bench, syndrome
from arm.opcodes import a32, a64
from vmm.core.native import ffi, lib

RW, NS, SCR_RW = 1 << 31, 1, 1 << 10
BOARD = ",virtualization=on,secure=on"

CONTROLS = {
    "TID3": ("hcr", 1 << 18, 2),
    "TTLB": ("hcr", 1 << 25, 2),
    "TPU": ("hcr", 1 << 24, 2),
    "FMO": ("hcr", 1 << 3, 2),
    "IMO": ("hcr", 1 << 4, 2),
    "TVM": ("hcr", 1 << 26, 2),
    "TSC": ("hcr", 1 << 19, 2),
    "TACR": ("hcr", 1 << 21, 2),
    "TDA": ("mdcr2", 1 << 9, 2),
    "TDE": ("mdcr2", 1 << 8, 2),
    "TPM": ("mdcr2", 1 << 6, 2),
    "TPMCR": ("mdcr2", 1 << 5, 2),
    "EL1PCTEN": ("cnthctl", 1, 2),
    "EL1PCEN": ("cnthctl", 2, 2),
    "TDA3": ("mdcr3", 1 << 9, 3),
    "TPM3": ("mdcr3", 1 << 6, 3),
    "TRVM": ("hcr", 1 << 30, 2),
    "TCPAC": ("cptr2", 1 << 31, 2),
    "TCPAC3": ("cptr3", 1 << 31, 3),
    "SCR.IRQ": ("scr", 2, 3),
    "SCR.FIQ": ("scr", 4, 3),
    "SCR.IRQ+FIQ": ("scr", 6, 3),
}
"""Register, bits, the level it traps to. CNTHCTL_EL2's admit where they are 1."""

DEBUG, MONITOR = {"TDA", "TDE", "TDA3"}, {"TPM", "TPM3"}
ALL_GROUPS, SGI = {"SCR.IRQ+FIQ"}, {"FMO", "IMO", "SCR.IRQ+FIQ"}
TABLE: list[tuple[str, set[str]]] = [
    (r"MPIDR_EL1|ISR_EL1|RNDR|RNDRRS", set()),
    (r"ID_AA64\w+", {"TID3"}),
    (r"MDSCR_EL1|DBGW[VC]R\d+_EL1", DEBUG),
    (r"PMCR_EL0", MONITOR | {"TPMCR"}),
    (r"PM\w+", MONITOR),
    (r"CNTPCT_EL0", {"EL1PCTEN"}),
    (r"CNTP_\w+_EL0", {"EL1PCEN"}),
    (r"CNTFRQ_EL0|CNTV\w+_EL0|CNTKCTL_EL1|CNTPS_\w+", set()),
    (r"ICC_A?SGI[01]R_EL1", SGI),
    (r"ICC_\w*(IAR|EOIR|HPPIR|BPR|IGRPEN)0_EL1|ICC_AP0R0_EL1", {"SCR.FIQ", "SCR.IRQ+FIQ"}),
    (r"ICC_\w*(IAR|EOIR|HPPIR|BPR|IGRPEN)1_EL1|ICC_AP1R0_EL1", {"SCR.IRQ", "SCR.IRQ+FIQ"}),
    (r"ICC_(PMR|DIR|RPR|CTLR)_EL1", ALL_GROUPS),
    (r"ICC_SRE_EL1", set()),
    (r"(SCTLR|TTBR[01]|TCR|AFSR[01]|ESR|FAR|A?MAIR|CONTEXTIDR)_EL1", {"TVM", "TRVM"}),
    (r"CPACR_EL1", {"TCPAC", "TCPAC3"}),
    (r"(SPSR|ELR|VBAR|ZCR)_EL1", set()),
    (r"AT S1E\w+", set()),
    (r"TLBI \w+", {"TTLB"}),
    (r"IC \w+", {"TPU"}),
]
"""By name: which of them trap it. What only EL2 and EL3 reach has none."""


class Row(NamedTuple):
    name: str
    op0: int
    op1: int
    crn: int
    crm: int
    op2: int
    access: int

    def instruction(self, read: bool) -> bytes:
        """MRS, MSR or SYS with XZR."""
        fields = self.op0 << 19 | self.op1 << 16 | self.crn << 12 | self.crm << 8 | self.op2 << 5
        return (0xD500001F | read << 21 | fields).to_bytes(4, "little")

    def iss(self, read: bool) -> int:
        """D13.2.37, EC 0x18, with Rt 31."""
        return self.op0 << 20 | self.op2 << 17 | self.op1 << 14 | self.crn << 10 | 31 << 5 | self.crm << 1 | read

    def allows(self, level: int, read: bool) -> bool:
        return bool(self.access >> (2 * level + read) & 1)


def rows(bench: Arm64Bench) -> Iterator[Row]:
    """The AArch64 ones of the first vCPU."""
    own, n = ffi.new("vmm_arm_own *"), 0
    while lib.vmm_arm_own_register(bench.native.vcpus[0], n, own) == 0:
        n += 1
        if own.op0:
            name = ffi.string(own.name).decode()
            yield Row(name, own.op0, own.op1, own.crn, own.crm, own.op2, own.access)


class Prisoner(Arm64Bench):
    """Every level, several vCPUs, a GICv3; one control at a time is set."""

    def __init__(self) -> None:
        super().__init__(a64("nop"), EL1H, cpu="max", gic=3, board=BOARD, smp=2)

    def confine(self, control: str) -> None:
        values = {"hcr": RW, "mdcr2": 0, "mdcr3": 0, "cptr2": 0, "cptr3": 0, "cnthctl": 3, "scr": NS | SCR_RW}
        register, bits, _ = CONTROLS.get(control, ("hcr", 0, 0))
        values[register] ^= bits
        self.registers(hcr_el2=values["hcr"], scr_el3=values["scr"], cntkctl_el1=0x303)
        self.system(3, 4, 1, 1, 1, values["mdcr2"])
        self.system(3, 6, 1, 3, 1, values["mdcr3"])
        self.system(3, 4, 14, 1, 0, values["cnthctl"])
        self.system(3, 4, 1, 1, 2, values["cptr2"])
        self.system(3, 6, 1, 1, 2, values["cptr3"])
        self.system(3, 3, 9, 14, 0, 0xF)  # PMUSERENR_EL0
        self.registers(sctlr_el1=0x30D00800 | 1 << 26, vbar_el1=VECTORS[1])  # UCI

    def tries(self, instruction: bytes, level: int) -> tuple[int, int] | None:
        """The level and syndrome of a trap above EL1; None: there was none."""
        self.memory.write(CODE, instruction)
        self.registers(pstate=level << 2 | (level > 0), pc=CODE)
        self.step()
        cpu = self.cpu
        if cpu.el < 2 or cpu.pc != VECTORS[cpu.el] + LOWER_A64:
            return None
        return cpu.el, cpu[f"esr_el{cpu.el}"]


DIRECTIONS = {"TVM": False, "TRVM": True}
"""What traps writes, or reads, alone."""


def trapping(name: str) -> set[str]:
    found = [controls for pattern, controls in TABLE if re.fullmatch(pattern, name)]
    assert found, f"{name}: look up which controls trap it"
    return found[0]


PRISONER = Prisoner()
ROWS = list(rows(PRISONER))
REACHED = [row for row in ROWS if any(row.allows(level, read) for level in (0, 1) for read in (False, True))]


@pytest.mark.parametrize("control", ["none", *CONTROLS])
def test_a_control_traps_what_is_its_and_nothing_else(control: str) -> None:
    """From EL1, and from EL0 where that may: EC 0x18 with the register's own ISS, to the level of the control."""
    wrong = []
    for row in REACHED:
        for level, read in ((0, False), (0, True), (1, False), (1, True)):
            if not row.allows(level, read):
                continue
            PRISONER.confine(control)
            expected = (
                (CONTROLS[control][2], syndrome(SYSREG, row.iss(read))) if control in trapping(row.name) else None
            )
            if (control == "TID3" and level == 0) or DIRECTIONS.get(control, read) != read:
                expected = None
            found = PRISONER.tries(row.instruction(read), level)
            if found != expected:
                wrong.append((row.name, level, read, found, expected))
    assert wrong == []


def test_every_row_has_been_looked_up_and_is_a_known_control_s() -> None:
    """No name is left over, and every pattern is somebody's."""
    names = [row.name for row in REACHED]
    assert {name for name in names if not trapping(name) <= set(CONTROLS)} == set()
    assert [pattern for pattern, _ in TABLE if not any(re.fullmatch(pattern, name) for name in names)] == []
    assert len(REACHED) > 60


def test_el2_traps_before_el3_and_el1_before_both() -> None:
    """MDCR_EL2.TPM before MDCR_EL3.TPM; PMUSERENR_EL0 before either."""
    read = next(row for row in ROWS if row.name == "PMCCNTR_EL0")
    PRISONER.confine("TPM")
    PRISONER.system(3, 6, 1, 3, 1, 1 << 6)
    assert PRISONER.tries(read.instruction(True), 1) == (2, syndrome(SYSREG, read.iss(True)))
    PRISONER.system(3, 3, 9, 14, 0, 0)
    assert PRISONER.tries(read.instruction(True), 0) is None
    assert (PRISONER.cpu.el, PRISONER.cpu["esr_el1"]) == (1, syndrome(SYSREG, read.iss(True)))


@pytest.mark.parametrize("scr", [SCR_RW, NS | SCR_RW], ids=["Secure", "Non-secure"])
def test_secure_levels_have_no_hypervisor(scr: int) -> None:
    """DDI0487 D13.2.48: HCR_EL2 and MDCR_EL2 take effect where SCR_EL3.NS is 1."""
    row = next(row for row in ROWS if row.name == "ID_AA64PFR0_EL1")
    PRISONER.confine("TID3")
    PRISONER.cpu["scr_el3"] = scr
    assert (PRISONER.tries(row.instruction(True), 1) is None) == (scr == SCR_RW)


def test_an_aarch32_program_s_counter_is_held_alike() -> None:
    """MRC PMCCNTR at EL0 with MDCR_EL2.TPM: EC 0x03, ISS as D13.2.37 has it for MRC p15, 0, R0, c9, c13, 0."""
    bench = Arm64Bench(a64("eret"), EL1H, board=",virtualization=on", hcr_el2=RW)
    bench.system(3, 4, 1, 1, 1, 1 << 6)
    bench.system(3, 3, 9, 14, 0, 1)
    bench.memory.write(CODE + 4, a32("mrc p15, #0, r0, c9, c13, #0"))
    bench.registers(spsr_el1=0x10, elr_el1=CODE + 4)
    bench.step(2)
    iss = 1 << 24 | 0xE << 20 | 0 << 17 | 0 << 14 | 9 << 10 | 0 << 5 | 13 << 1 | 1
    assert (bench.cpu.el, bench.cpu["esr_el2"], bench.cpu["elr_el2"]) == (2, syndrome(3, iss), CODE + 4)


def test_el0_has_no_privileges_by_chance() -> None:
    """What EL0 may not reach is undefined there, whatever EL2 says."""
    PRISONER.confine("TID3")
    row = next(row for row in ROWS if row.name == "ID_AA64PFR0_EL1")
    assert PRISONER.tries(row.instruction(True), 0) is None
    assert (PRISONER.cpu.el, PRISONER.cpu["esr_el1"], PRISONER.cpu["spsr_el1"]) == (1, 1 << 25, EL0)
