"""Rule 25: the control registers that are a Cortex-A's own, which firmware writes first (DDI0488 4.2)."""

from __future__ import annotations

import pytest

from arm.arm_bench import CODE, DAIF, EL1H, EL3H, ELXH_GROUP, LOWER_A64, SYSREG, UNKNOWN, Arm64Bench, syndrome

RW, TIDCP = 1 << 31, 1 << 20
REGISTERS = {
    "L2CTLR_EL1": (11, 0, 2), "L2ECTLR_EL1": (11, 0, 3), "L2ACTLR_EL1": (15, 0, 0), "CPUACTLR_EL1": (15, 2, 0),
    "CPUECTLR_EL1": (15, 2, 1), "CPUMERRSR_EL1": (15, 2, 2), "L2MERRSR_EL1": (15, 2, 3),
}  # fmt: skip
"""CRn, CRm, op2; op0 is 3, op1 1. L2CTLR_EL1 [25:24] is the number of cores less one, read-only."""


def access(name: str, register: int, *, read: bool) -> bytes:
    crn, crm, op2 = REGISTERS[name]
    fields = 3 << 19 | 1 << 16 | crn << 12 | crm << 8 | op2 << 5 | register
    return (0xD5000000 | read << 21 | fields).to_bytes(4, "little")


@pytest.mark.parametrize("cpu", ["cortex-a53", "cortex-a57", "cortex-a72"])
@pytest.mark.parametrize("level", [EL1H, EL3H])
def test_they_keep_what_is_written(cpu: str, level: int) -> None:
    """From 0, each its own; the number of cores cannot be written."""
    names = list(REGISTERS)
    code = [access(name, 1, read=True) for name in names]
    code += [access(name, 2 + n, read=False) for n, name in enumerate(names)]
    code += [access(name, 10 + n, read=True) for n, name in enumerate(names)]
    bench = Arm64Bench(b"".join(code), level | DAIF, cpu=cpu, board=",secure=on", smp=2)
    bench.registers(**{f"x{2 + n}": 0x1_0203_0405 + n for n in range(len(names))})
    for name in names:
        bench.step()
        assert bench.cpu["x1"] == (1 << 24 if name == "L2CTLR_EL1" else 0), name
    bench.step(2 * len(names))
    assert bench.numbers == []
    kept = [int(bench.cpu[f"x{10 + n}"]) for n in range(len(names))]
    assert kept == [0x1_0103_0405, *(0x1_0203_0405 + n for n in range(1, len(names)))]


@pytest.mark.parametrize("name", REGISTERS)
@pytest.mark.parametrize("read", [False, True])
def test_a_hypervisor_traps_its_guests_by_tidcp(name: str, read: bool) -> None:
    """DDI0487 HCR_EL2.TIDCP: IMPLEMENTATION DEFINED registers of EL1, to EL2."""
    bench = Arm64Bench(access(name, 1, read=read), EL1H | DAIF, board=",virtualization=on", hcr_el2=RW | TIDCP)
    bench.step()
    crn, crm, op2 = REGISTERS[name]
    iss = 3 << 20 | op2 << 17 | 1 << 14 | crn << 10 | 1 << 5 | crm << 1 | read
    bench.assert_taken(SYSREG, LOWER_A64, el=2, after=1, elr=CODE, spsr=EL1H | DAIF, esr=syndrome(SYSREG, iss))


@pytest.mark.parametrize("name", REGISTERS)
def test_another_processor_does_not_have_them(name: str) -> None:
    bench = Arm64Bench(access(name, 1, read=True), EL1H | DAIF, cpu="max")
    bench.step()
    bench.assert_taken(UNKNOWN, ELXH_GROUP, after=1, elr=CODE, spsr=EL1H | DAIF, esr=syndrome(UNKNOWN))
