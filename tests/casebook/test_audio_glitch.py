"""Underruns of the audio device: one at least where handlers do all the work, none where a thread does."""

import pytest

from casebook.play import case, played
from vmm.casebook.case import BROKEN, FIXED


@pytest.mark.parametrize("arch", ["x86", "arm64", "arm"])
def test_underruns(arch: str) -> None:
    # Halves are due at each millisecond, the flood lasts from 0 to 6 ms. What is over at 1 ms is not filled again
    # until then: those that begin at 2, 3, 4, 5 and 6 ms are silent.
    for variant, underruns in ((BROKEN, 5), (FIXED, 0)):
        m, _ = played(case(f"audio_glitch/{arch}", variant))
        assert (m.u32("underruns"), m.u32("periods")) == (underruns, 20)
