"""Rules 24 and 27 with EL3: who may reach the GIC's system registers and the secure timer (DDI0487 SCR_EL3).

Whoever routes a group's interrupts to EL3 has that group's registers there; whoever routes both has all of them.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from arm.arm_bench import (
    CODE,
    DAIF,
    EL1H,
    EL2H,
    EL3H,
    ELXH_GROUP,
    LOWER_A64,
    SYSREG,
    UNKNOWN,
    Arm64Bench,
    syndrome,
)  # fmt: skip

NS, IRQ, FIQ, HCE, RW, ST = 1, 1 << 1, 1 << 2, 1 << 8, 1 << 10, 1 << 11
"""SCR_EL3."""
FMO, IMO, HCR_RW = 1 << 3, 1 << 4, 1 << 31


class Register(NamedTuple):
    """Its encoding, and whether it can be read; what cannot is written."""

    op1: int
    crn: int
    crm: int
    op2: int
    read: bool = True

    def access(self) -> bytes:
        """MRS X3 or MSR of X3 (DDI0487 C5.2)."""
        fields = 3 << 19 | self.op1 << 16 | self.crn << 12 | self.crm << 8 | self.op2 << 5 | 3
        return (0xD5000000 | self.read << 21 | fields).to_bytes(4, "little")

    def trapped(self) -> int:
        """ESR_ELx of EC 0x18: Op0, Op2, Op1, CRn, Rt, CRm, direction (DDI0487 D13.2.37)."""
        iss = 3 << 20 | self.op2 << 17 | self.op1 << 14 | self.crn << 10 | 3 << 5 | self.crm << 1 | self.read
        return syndrome(SYSREG, iss)


GROUP0 = {
    "IAR0": Register(0, 12, 8, 0), "EOIR0": Register(0, 12, 8, 1, False), "HPPIR0": Register(0, 12, 8, 2),
    "BPR0": Register(0, 12, 8, 3), "AP0R0": Register(0, 12, 8, 4), "IGRPEN0": Register(0, 12, 12, 6),
}  # fmt: skip
GROUP1 = {
    "IAR1": Register(0, 12, 12, 0), "EOIR1": Register(0, 12, 12, 1, False), "HPPIR1": Register(0, 12, 12, 2),
    "BPR1": Register(0, 12, 12, 3), "AP1R0": Register(0, 12, 9, 0), "IGRPEN1": Register(0, 12, 12, 7),
}  # fmt: skip
BOTH = {
    "DIR": Register(0, 12, 11, 1, False), "RPR": Register(0, 12, 11, 3), "PMR": Register(0, 4, 6, 0),
    "CTLR": Register(0, 12, 12, 4),
}  # fmt: skip
SGIS = {
    "SGI1R": Register(0, 12, 11, 5, False), "ASGI1R": Register(0, 12, 11, 6, False),
    "SGI0R": Register(0, 12, 11, 7, False),
}  # fmt: skip
OF_EL3 = {
    "ICC_CTLR_EL3": Register(6, 12, 12, 4), "ICC_SRE_EL3": Register(6, 12, 12, 5),
    "ICC_IGRPEN1_EL3": Register(6, 12, 12, 7),
}  # fmt: skip
CNTPS = {"TVAL": Register(7, 14, 2, 0), "CTL": Register(7, 14, 2, 1), "CVAL": Register(7, 14, 2, 2)}
NEEDS = (
    [(name, register, FIQ) for name, register in GROUP0.items()]
    + [(name, register, IRQ) for name, register in GROUP1.items()]
    + [(name, register, FIQ | IRQ) for name, register in (BOTH | SGIS).items()]
)
"""The bits of SCR_EL3 that, all of them set, make an access below EL3 trap."""


def bench_of(register: Register, pstate: int, scr: int, *, hcr: int = HCR_RW, gic: int = 3) -> Arm64Bench:
    return Arm64Bench(
        register.access(), pstate | DAIF, gic=gic, board=",secure=on,virtualization=on", scr_el3=scr | RW | HCE,
        hcr_el2=hcr,
    )  # fmt: skip


def assert_no_exception(bench: Arm64Bench) -> None:
    assert (bench.numbers, bench.cpu.pc) == ([], CODE + 4)


@pytest.mark.parametrize("routed", [0, FIQ, IRQ, FIQ | IRQ], ids=["none", "FIQ", "IRQ", "both"])
@pytest.mark.parametrize(
    ("level", "ns"), [(EL1H, 0), (EL1H, NS), (EL2H, NS), (EL3H, 0), (EL3H, NS)], ids=["S1", "N1", "N2", "E3", "E3NS"]
)
def test_a_cpu_interface_register_traps_where_its_interrupts_are_taken(level: int, ns: int, routed: int) -> None:
    """IHI0069 12.2, accessibility of each register; EC 0x18, to EL3."""
    bench = bench_of(NEEDS[0][1], level, ns | routed)
    for begun, (name, register, bits) in enumerate(NEEDS):
        delivered = len(bench.numbers)
        bench.memory.write(CODE + 16 * begun, register.access())
        bench.registers(pstate=level | DAIF, pc=CODE + 16 * begun)
        bench.step()
        if level == EL3H or routed & bits != bits:
            assert (len(bench.numbers), bench.cpu.pc) == (delivered, CODE + 16 * begun + 4), name
            continue
        at = CODE + 16 * begun
        bench.assert_taken(SYSREG, LOWER_A64, el=3, after=begun + 1, elr=at, spsr=level | DAIF, esr=register.trapped())


@pytest.mark.parametrize("register", SGIS.values(), ids=SGIS)
@pytest.mark.parametrize("hcr", [FMO, IMO, FMO | IMO])
def test_a_hypervisors_guest_traps_to_it_with_sgis(register: Register, hcr: int) -> None:
    """DDI0487 HCR_EL2.FMO, IMO: there are no virtual SGI registers; before EL3's trap, and not in Secure state."""
    bench = bench_of(register, EL1H, NS | FIQ | IRQ, hcr=HCR_RW | hcr)
    bench.step()
    bench.assert_taken(SYSREG, LOWER_A64, el=2, after=1, elr=CODE, spsr=EL1H | DAIF, esr=register.trapped())
    bench = bench_of(register, EL1H, 0, hcr=HCR_RW | hcr)
    bench.step()
    assert_no_exception(bench)


@pytest.mark.parametrize("register", OF_EL3.values(), ids=OF_EL3)
@pytest.mark.parametrize("level", [EL1H, EL2H, EL3H])
def test_el3s_registers_are_undefined_below_it(register: Register, level: int) -> None:
    bench = bench_of(register, level, NS)
    bench.step()
    if level == EL3H:
        assert_no_exception(bench)
        return
    el = 1 if level == EL1H else 2
    bench.assert_taken(UNKNOWN, ELXH_GROUP, el=el, after=1, elr=CODE, spsr=level | DAIF, esr=syndrome(UNKNOWN))


@pytest.mark.parametrize(("op1", "crm", "value"), [(0, 12, 7), (4, 9, 0xF), (6, 12, 0xF)], ids=["EL1", "EL2", "EL3"])
def test_the_system_registers_are_always_there(op1: int, crm: int, value: int) -> None:
    """ICC_SRE_ELx: SRE, DFB and DIB are RAO/WI, so Enable, which lets the levels below at theirs, is so, too."""
    register = Register(op1, 12, crm, 5)
    bench = bench_of(register, EL3H, NS)
    bench.step()
    assert_no_exception(bench)
    assert bench.cpu["x3"] == value


@pytest.mark.parametrize("register", CNTPS.values(), ids=CNTPS)
@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize(
    ("level", "scr", "outcome"),
    [
        (EL3H, 0, None),
        (EL3H, NS, None),
        (EL1H, ST, None),
        (EL1H, 0, SYSREG),
        (EL1H, NS | ST, UNKNOWN),
        (EL1H, NS, UNKNOWN),
        (EL2H, NS | ST, UNKNOWN),
    ],
)
def test_the_secure_timer_is_el3s_and_by_st_secure_el1s(
    register: Register, written: bool, level: int, scr: int, outcome: int | None
) -> None:
    """DDI0487 D13.8 CNTPS_*_EL1 and SCR_EL3.ST."""
    register = register._replace(read=not written)
    bench = bench_of(register, level, scr)
    bench.step()
    if outcome is None:
        assert_no_exception(bench)
    elif outcome == SYSREG:
        bench.assert_taken(SYSREG, LOWER_A64, el=3, after=1, elr=CODE, spsr=level | DAIF, esr=register.trapped())
    else:
        el = 1 if level == EL1H else 2
        bench.assert_taken(UNKNOWN, ELXH_GROUP, el=el, after=1, elr=CODE, spsr=level | DAIF, esr=syndrome(UNKNOWN))
