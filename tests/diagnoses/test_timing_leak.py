"""Two classes of lateness: the statistic by hand, and what is said of it."""

from math import inf, isclose
from pathlib import Path

import pytest
from findings.guests import x86

import vmm
from vmm.diagnoses.timing_leak import Difference
from vmm.errors import VmmError

BODY = """
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    xorl %esi, %esi
next:
    xorl %eax, %eax
    btl %esi, secret
    adcl $0, %eax
    cli
masked:
    movl rounds(,%eax,4), %ecx
1:
    decl %ecx
    jnz 1b
    sti
    incl %esi
    cmpl $64, %esi
    jb next
    POWER_OFF
"""
HANDLER = """
handler:
    PIC_EOI 5
    iret
    .data
rounds:
    .long {rounds}
secret:
    .quad 0x0123456789ABCDEF
"""


def looked(folder: Path, rounds: str, words: str = "timing_leak=secret", bits: int = 64):
    m = x86(folder, BODY, HANDLER.format(rounds=rounds))

    async def scenario(m: vmm.Machine) -> None:
        for _ in range(bits):
            await m.reach("masked")
            await vmm.Elapsed(insns=1)
            m.irq(5).until_served()

    m.start(scenario)
    with m.diagnose(words) as diagnoses:
        m.run()
        m.close()
        return m, diagnoses.looked()


def test_welchs_t_by_hand() -> None:
    # means 2 and 5, variances 1 and 4, three of each: 3 / sqrt(1/3 + 4/3)
    assert isclose(Difference([1, 2, 3], [3, 5, 7]).t, 3 / (5 / 3) ** 0.5)
    assert Difference([4, 4], [9, 9]).t == inf
    assert Difference([4, 4], [4, 4]).t == 0


def test_all_bits_of_a_secret(tmp_path: Path) -> None:
    m, found = looked(tmp_path, "20, 40")
    (verdict,) = found.verdicts
    assert verdict.certain
    assert "difference of 40.0 " in verdict.text, "two instructions a round"
    assert "64 of 64 bits right (100.0 %)" in verdict.text
    assert verdict.evidence[0].where == m.where(m.address("masked") - 1), "CLI"


def test_a_shorter_time_for_ones_tells_as_much(tmp_path: Path) -> None:
    _, found = looked(tmp_path, "40, 20")
    assert "64 of 64 bits right" in found.verdicts[0].text


@pytest.mark.parametrize(
    ("rounds", "words", "bits"),
    [("40, 40", "timing_leak=secret", 64), ("20, 40", "all", 64), ("20, 40", "timing_leak=secret", 30)],
    ids=["as long for both", "no secret", "fewer than 16 of each"],
)
def test_nothing_is_said_of(rounds: str, words: str, bits: int, tmp_path: Path) -> None:
    found = looked(tmp_path, rounds, words, bits)[1].verdicts
    assert [each for each in found if each.diagnosis == "timing_leak"] == []


def test_a_secret_there_is_not(tmp_path: Path) -> None:
    m = x86(tmp_path, BODY, HANDLER.format(rounds="1, 1"))
    with pytest.raises(VmmError, match="secret"):
        m.diagnose("timing_leak=secert")
