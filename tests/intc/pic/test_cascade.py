"""Rules 9 and 10: a slave behind IR2, by hand from the 8259A's datasheet (231468)."""

from __future__ import annotations

import pytest
from models.i8259 import MASTER, SLAVE

from .product_pic import (
    AEOI,
    NON_SPECIFIC_EOI,
    SET_PRIORITY,
    SPECIAL_FULLY_NESTED,
    UPM,
    AnyPic,
    initialise,
    raise_lines,
    registers,
)


@pytest.mark.parametrize("pin", range(8, 16))
def test_a_slave_request_gives_the_slaves_vector_and_two_isr_bits(pic: AnyPic, pin: int) -> None:
    """Cascade mode: the master puts the slave's id on the cascade lines, the slave answers; each needs its EOI."""
    raise_lines(pic, pin)
    assert pic.irr(MASTER) == 0x04
    assert pic.acknowledge() == 0x28 + pin - 8
    assert registers(pic, MASTER) == (0x00, 0x04, 0x00)
    assert registers(pic, SLAVE) == (0x00, 1 << pin - 8, 0x00)


def test_slave_requests_rank_between_ir1_and_ir3(pic: AnyPic) -> None:
    """Cascade mode: the slave has the priority of the master's pin it is wired to."""
    raise_lines(pic, 3, 15, 1)
    vectors = []
    while pic.output():
        vectors.append(pic.acknowledge())
        pic.write(SLAVE, 0, NON_SPECIFIC_EOI)
        pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert vectors == [0x21, 0x2F, 0x23]


def test_masking_ir2_silences_the_slave(pic: AnyPic) -> None:
    """Cascade mode with IMR: the master's mask bit of the cascade pin hides all of the slave."""
    pic.write(MASTER, 1, 0x04)
    raise_lines(pic, 8)
    assert (pic.irr(MASTER), pic.output()) == (0x04, False)


def test_a_second_slave_request_waits_for_the_masters_eoi(pic: AnyPic) -> None:
    """Fully nested mode in a cascade: IR2 in service locks out even a higher request of the same slave."""
    raise_lines(pic, 12)
    assert pic.acknowledge() == 0x2C
    raise_lines(pic, 9)
    assert (pic.irr(MASTER), pic.output()) == (0x04, False)
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.acknowledge() == 0x29
    assert pic.isr(SLAVE) == 0x12


def test_special_fully_nested_mode_lets_a_higher_slave_request_nest(pic: AnyPic) -> None:
    """Special fully nested mode: a slave in service is not locked out from the master's priority logic."""
    initialise(pic, master_icw4=UPM | SPECIAL_FULLY_NESTED)
    raise_lines(pic, 12)
    assert pic.acknowledge() == 0x2C
    raise_lines(pic, 13)
    assert not pic.output()
    raise_lines(pic, 9)
    assert pic.output()
    assert pic.acknowledge() == 0x29
    assert registers(pic, MASTER) == (0x00, 0x04, 0x00)
    assert registers(pic, SLAVE) == (0x20, 0x12, 0x00)


def test_special_fully_nested_mode_keeps_other_levels_nested(pic: AnyPic) -> None:
    """Special fully nested mode: it concerns slaves; IR5 in service still inhibits IR5."""
    initialise(pic, master_icw4=UPM | SPECIAL_FULLY_NESTED)
    raise_lines(pic, 5)
    assert pic.acknowledge() == 0x25
    pic.set_line(5, False)
    pic.set_line(5, True)
    assert not pic.output()


def test_aeoi_in_the_slave_gives_the_master_a_fresh_edge_for_the_next_request(pic: AnyPic) -> None:
    """AEOI in a slave: two waiting requests are two interrupts although nobody sends the slave an EOI."""
    initialise(pic, slave_icw4=UPM | AEOI)
    raise_lines(pic, 10, 11)
    assert pic.acknowledge() == 0x2A
    assert pic.isr(SLAVE) == 0x00
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.acknowledge() == 0x2B


def test_rotation_works_within_the_slave(pic: AnyPic) -> None:
    """Automatic rotation: each chip keeps its own order; bottom 4 puts the slave's IR5 (IRQ 13) first."""
    pic.write(SLAVE, 0, SET_PRIORITY | 4)
    raise_lines(pic, 8, 13)
    assert pic.acknowledge() == 0x2D
