"""Register names of ARM: the numbers Unicorn's public API has for the general ones, encodings for the system registers.

Encodings: DDI0487 D12.3 (op0, op1, CRn, CRm, op2) and DDI0406 B3.17 (opc1, CRn, CRm, opc2 of CP15).
"""

from typing import NamedTuple

from vmm.core.native import lib

GENERAL64 = {
    **{f"x{n}": lib.UC_ARM64_REG_X0 + n for n in range(29)}, "x29": lib.UC_ARM64_REG_X29, "x30": lib.UC_ARM64_REG_X30,
    "fp": lib.UC_ARM64_REG_X29, "lr": lib.UC_ARM64_REG_X30, "sp": lib.UC_ARM64_REG_SP,
    "fpcr": lib.UC_ARM64_REG_FPCR, "fpsr": lib.UC_ARM64_REG_FPSR,
}  # fmt: skip
GENERAL32 = {
    **{f"r{n}": lib.UC_ARM_REG_R0 + n for n in range(13)}, "sp": lib.UC_ARM_REG_SP, "r13": lib.UC_ARM_REG_SP,
    "lr": lib.UC_ARM_REG_LR, "r14": lib.UC_ARM_REG_LR, "spsr": lib.UC_ARM_REG_SPSR, "fpscr": lib.UC_ARM_REG_FPSCR,
}  # fmt: skip


class Encoding(NamedTuple):
    """Of a system register; AArch32's have op0 = 0."""

    op0: int
    op1: int
    crn: int
    crm: int
    op2: int

    @property
    def number(self) -> int:
        """As ESR_ELx.ISS orders the fields, without Rt and direction: 16 bits."""
        return self.op0 << 14 | self.op1 << 11 | self.crn << 7 | self.crm << 3 | self.op2


SYSTEM64 = {
    "sp_el0": Encoding(3, 0, 4, 1, 0), "sp_el1": Encoding(3, 4, 4, 1, 0), "spsr_el1": Encoding(3, 0, 4, 0, 0),
    "elr_el1": Encoding(3, 0, 4, 0, 1), "esr_el1": Encoding(3, 0, 5, 2, 0), "far_el1": Encoding(3, 0, 6, 0, 0),
    "vbar_el1": Encoding(3, 0, 12, 0, 0), "sctlr_el1": Encoding(3, 0, 1, 0, 0), "cpacr_el1": Encoding(3, 0, 1, 0, 2),
    "ttbr0_el1": Encoding(3, 0, 2, 0, 0), "ttbr1_el1": Encoding(3, 0, 2, 0, 1), "tcr_el1": Encoding(3, 0, 2, 0, 2),
    "mair_el1": Encoding(3, 0, 10, 2, 0), "tpidr_el0": Encoding(3, 3, 13, 0, 2), "tpidr_el1": Encoding(3, 0, 13, 0, 4),
    "spsr_el2": Encoding(3, 4, 4, 0, 0), "elr_el2": Encoding(3, 4, 4, 0, 1), "esr_el2": Encoding(3, 4, 5, 2, 0),
    "far_el2": Encoding(3, 4, 6, 0, 0), "vbar_el2": Encoding(3, 4, 12, 0, 0), "hcr_el2": Encoding(3, 4, 1, 1, 0),
    "spsr_el3": Encoding(3, 6, 4, 0, 0), "elr_el3": Encoding(3, 6, 4, 0, 1), "esr_el3": Encoding(3, 6, 5, 2, 0),
    "far_el3": Encoding(3, 6, 6, 0, 0), "vbar_el3": Encoding(3, 6, 12, 0, 0), "scr_el3": Encoding(3, 6, 1, 1, 0),
    "mpidr_el1": Encoding(3, 0, 0, 0, 5), "cntkctl_el1": Encoding(3, 0, 14, 1, 0),
    "cntfrq_el0": Encoding(3, 3, 14, 0, 0), "cntpct_el0": Encoding(3, 3, 14, 0, 1),
    "cntvct_el0": Encoding(3, 3, 14, 0, 2), "cntp_ctl_el0": Encoding(3, 3, 14, 2, 1),
    "cntp_cval_el0": Encoding(3, 3, 14, 2, 2), "cntp_tval_el0": Encoding(3, 3, 14, 2, 0),
    "cntv_ctl_el0": Encoding(3, 3, 14, 3, 1), "cntv_cval_el0": Encoding(3, 3, 14, 3, 2),
    "cntv_tval_el0": Encoding(3, 3, 14, 3, 0),
}  # fmt: skip
SYSTEM32 = {
    "sctlr": Encoding(0, 0, 1, 0, 0), "vbar": Encoding(0, 0, 12, 0, 0), "dfsr": Encoding(0, 0, 5, 0, 0),
    "ifsr": Encoding(0, 0, 5, 0, 1), "dfar": Encoding(0, 0, 6, 0, 0), "ifar": Encoding(0, 0, 6, 0, 2),
    "ttbcr": Encoding(0, 0, 2, 0, 2), "dacr": Encoding(0, 0, 3, 0, 0), "mpidr": Encoding(0, 0, 0, 0, 5),
    "cntfrq": Encoding(0, 0, 14, 0, 0), "cntkctl": Encoding(0, 0, 14, 1, 0), "cntp_ctl": Encoding(0, 0, 14, 2, 1),
    "cntp_tval": Encoding(0, 0, 14, 2, 0), "cntv_ctl": Encoding(0, 0, 14, 3, 1), "cntv_tval": Encoding(0, 0, 14, 3, 0),
}  # fmt: skip
