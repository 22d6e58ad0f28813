"""The longest mask that a budget allows is computed, and then confirmed by running with it and with one more."""

import re

import pytest

from casebook.play import case, played
from vmm.casebook.case import BROKEN

ALLOWED = 600
MASKED = 400


@pytest.mark.parametrize("arch", ["x86", "arm64", "arm"])
def test_the_longest_mask_still_allowed(arch: str) -> None:
    of = case(f"latency_budget/{arch}", BROKEN)
    m, looked = played(of)
    (verdict,) = looked.verdicts
    masked, nested, entry, left = map(
        int, re.findall(r"(\d+) masked \+ (\d+) nested \+ (\d+) entry; .* at most (\d+)", verdict.text)[0]
    )
    counted = max(row.maximum or 0 for row in m.trace.interrupts())
    assert masked + nested == counted, "as the core has counted it, apart from diagnoses"
    assert left == ALLOWED - nested - entry
    longest = MASKED - (masked - left)
    for insns, late in ((longest, 0), (longest + 1, 1)):
        _, looked = played(of, before=lambda m, insns=insns: m.write("masked", insns.to_bytes(4, "little")))
        assert len(looked.verdicts) == late, (insns, looked.verdicts)
        worst = f"{left + late} masked + {nested} nested + {entry} entry = {ALLOWED + late}"
        assert any(worst in line for line in looked.figures["latency"])
