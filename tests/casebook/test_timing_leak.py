"""The share of key bits that lateness alone gives away, with 200 and 800 instructions as parameters."""

import re

import pytest

from casebook.play import case, played
from vmm.casebook.case import BROKEN, FIXED


def share(name: str, variant: str, rounds: tuple[int, int] | None = None) -> float:
    data = b"".join(each.to_bytes(4, "little") for each in rounds or ())
    _, looked = played(case(name, variant), before=lambda m: m.write("rounds", data))
    return float(re.findall(r"\(([\d.]+) %\)", looked.figures["timing_leak"][-1])[0])


@pytest.mark.parametrize("arch", ["x86", "arm64", "arm"])
def test_all_or_half_of_the_key(arch: str) -> None:
    assert share(f"timing_leak/{arch}", BROKEN) >= 95
    assert abs(share(f"timing_leak/{arch}", FIXED) - 50) <= 5


def test_other_times_than_200_and_800() -> None:
    """Where the classes overlap, by half of the timer's spread, some bits are lost; where they are alike, all."""
    assert 60 < share("timing_leak/x86", BROKEN, (100, 125)) < 90
    assert abs(share("timing_leak/x86", BROKEN, (100, 100)) - 50) <= 5
