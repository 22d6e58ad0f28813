"""The largest number of packets for one interrupt with which each is done in time: derived, and measured to be that."""

import re

import pytest

from casebook.play import case, played
from vmm.casebook.case import BROKEN
from vmm.devices import nic
from vmm.machine.machine import Machine

EVERY_NS, ALLOWED_NS, INSN_NS = 10_000, 80_000, 10
ENTRY_LOOP, SUM_LOOP = 2 * 400, 5 * 96
FIRST = {
    "x86": 4 + ENTRY_LOOP + 3 + 5 + SUM_LOOP + 4 + 1,
    "arm64": 1 + 6 + 5 + 2 + 2 + 1 + 1 + ENTRY_LOOP + 3 + 6 + SUM_LOOP + 4 + 3 + 1 + 1,
}
"""Instructions from the delivery to the write of TAIL for the first packet, counted in the sources."""


def largest(arch: str) -> int:
    """(k - 1) periods and FIRST are allowed at most."""
    return 1 + (ALLOWED_NS - FIRST[arch] * INSN_NS) // EVERY_NS


def with_count(count: int, arch: str, *words: str) -> list[str]:
    """What the diagnosis has measured, and its verdicts, with so many packets for an interrupt."""
    of = case(f"nic_coalescing/{arch}", BROKEN)
    _, looked = played(of, *words, before=lambda m: m.write("count", count.to_bytes(4, "little")))
    return [*looked.figures.get("late_service", ()), *(verdict.diagnosis for verdict in looked.verdicts)]


@pytest.mark.parametrize("arch", ["x86", "arm64"])
def test_the_largest_that_is_in_time(arch: str) -> None:
    assert largest(arch) == 7
    for count in (2, largest(arch), largest(arch) + 1):
        measured, *verdicts = with_count(count, arch)
        expected = (count - 1) * EVERY_NS + FIRST[arch] * INSN_NS
        assert re.findall(r"latest done after ([\d.]+) us", measured) == [f"{expected / 1000:.2f}"]
        assert verdicts == ["late_service"] * (count > largest(arch))


def test_an_interrupt_for_each_packet_leaves_nothing_to_the_program() -> None:
    """8 us and 5 us for each packet, where one comes every 10."""
    assert with_count(1, "x86", "starvation=500us") == ["starvation"]
    assert with_count(2, "x86", "starvation=500us") == []


def test_without_its_timer_the_last_packets_wait_for_ever() -> None:
    def before(m: Machine) -> None:
        m.limit(insns=150_000)
        m.run(until="loop")
        m.board.devices["nic"].mmio_write(nic.TIMER, 4, 0)

    m, looked = played(case("nic_coalescing/x86", BROKEN), before=before)
    (verdict,) = looked.verdicts
    assert m.u32("taken") == 96, "the largest multiple of 8 packets below 100"
    assert verdict.text.startswith("work 96 of IRQ 10 has waited")
    assert "the device has not asked for an interrupt" in verdict.text
