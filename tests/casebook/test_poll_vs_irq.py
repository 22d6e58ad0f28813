"""Where asking and interrupts cost the same: derived from the sources' instructions, and measured."""

import pytest

import vmm
from casebook.play import case, played
from vmm.casebook.case import BROKEN, FIXED

ALWAYS_INTERRUPTS, BOTH, ALWAYS_ASKS = 0, 1, 2
RUN = 200_000
"""Instructions in which packets come."""
RATES = (2_000, 10_000)
"""Instructions from a packet to the next: more packets than at the break-even, and fewer."""


def costs(arch: str) -> tuple[int, int, int, int]:
    """Instructions of a piece of work, of a question that finds nothing, of an interrupt and of a packet."""
    work, entry, read, words = 2 * 450, 2 * 200, 2 * 50, 16 * 5
    if arch == "x86":
        take = 1 + read + 1 + 3 + 1
        eoi = 2 * 7
        return 1 + work + 5, 3 + take + 4, 1 + 1 + entry + 4 + take + 1 + eoi + 2, 5 + words + 6 + 3
    take = 1 + read + 1 + 3 + 1
    if arch == "arm":
        enter, acknowledge, end, leave = 1 + 4, 3, 6, 2
        interrupt = enter + acknowledge + 1 + 1 + entry + 5 + take + 1 + 1 + end + leave
        return 1 + work + 5 + 3 + 3, 2 + take + 3 + 2, interrupt, 7 + words + 11 + 3
    enter, acknowledge, end, leave = 1 + 6, 5, 5, 6 + 1
    piece = 1 + work + 3 + 3 + 2
    interrupt = enter + acknowledge + 1 + 1 + entry + 4 + take + 1 + 1 + end + leave
    return piece, 2 + take + 3 + 2, interrupt, 6 + words + 10 + 3


def break_even(arch: str) -> float:
    """Instructions from packet to packet: P questions' pieces and N interrupts' cost the same, E N = P pieces."""
    piece, question, interrupt, packet = costs(arch)
    return interrupt * (piece + question) / question + packet


def pieces(arch: str, mode: int, every: int, insns: int = RUN) -> int:
    m = vmm.boot(case(f"poll_vs_irq/{arch}", BROKEN).image, console=None)
    m.write("mode", mode.to_bytes(4, "little"))
    m.run(until="loop")
    m.board.devices["nic"].traffic(insns // every, every * m.insn_ns, 64)
    m.run(insns=insns)
    return m.u32("pieces")


@pytest.mark.parametrize("arch", ["x86", "arm64", "arm"])
def test_the_break_even_is_where_it_was_derived(arch: str) -> None:
    """What is left for the program falls linearly with the rate, in both modes."""
    gains = [pieces(arch, ALWAYS_ASKS, every) - pieces(arch, ALWAYS_INTERRUPTS, every) for every in RATES]
    assert gains[0] > 0 > gains[1]
    often, rarely = (1 / every for every in RATES)
    measured = 1 / (rarely + (often - rarely) * gains[1] / (gains[1] - gains[0]))
    assert measured == pytest.approx(break_even(arch), rel=0.05)


def test_both_is_nearly_as_good_as_the_better_one() -> None:
    for every, insns in ((400, 78_000), (20_000, RUN)):
        always = [pieces("x86", mode, every, insns) for mode in (ALWAYS_INTERRUPTS, ALWAYS_ASKS)]
        assert pieces("x86", BOTH, every, insns) >= 0.95 * max(always)


@pytest.mark.parametrize("arch", ["x86", "arm64", "arm"])
def test_every_packet_is_taken(arch: str) -> None:
    for variant in (BROKEN, FIXED):
        m, _ = played(case(f"poll_vs_irq/{arch}", variant))
        assert m.u32("taken") == 200
