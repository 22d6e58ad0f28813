"""How many instructions a bit of the key takes, as whoever interrupts each of them counts."""

import re

import pytest

from casebook.play import case, played
from vmm.casebook.case import BROKEN, FIXED

ZERO = {"x86": 4, "arm64": 7, "arm": 8}
"""Instructions from `one_bit` to its return where a bit is 0, by the sources; where it is 1 there is one more."""


@pytest.mark.parametrize("arch", ZERO)
def test_each_instruction_is_counted(arch: str) -> None:
    _, looked = played(case(f"single_step/{arch}", BROKEN))
    (verdict,) = looked.verdicts
    assert re.findall(r"([\d.]+) times in the mean where a bit is 0 .* ([\d.]+) where it is 1", verdict.text) == [
        (f"{ZERO[arch]}.00", f"{ZERO[arch] + 1}.00")
    ]
    branch, zero, one = [each.where.rpartition(" ")[0].rpartition(" ")[2] for each in verdict.evidence]
    assert [branch.partition("+")[0], zero] == ["one_bit", "leave"]
    assert one.partition("+")[0] == "one_bit"


def test_the_fix_takes_as_many_whatever_the_bit_is() -> None:
    _, looked = played(case("single_step/x86", FIXED))
    assert looked.verdicts == []
    assert any("5.00 times in the mean where a bit is 0" in line for line in looked.figures["step_leak"])
    assert any("5.00 where it is 1 (144), t = 0.0" in line for line in looked.figures["step_leak"])
