"""When INT is up, by hand from the 8259A's datasheet (231468)."""

from __future__ import annotations

from models.i8259 import MASTER, SLAVE

from .product_pic import POLL, AnyPic, raise_lines, registers


def test_masking_a_waiting_request_takes_int_away(pic: AnyPic) -> None:
    """Interrupt Mask Register: a masked request is not presented, so STI after masking finds nothing."""
    raise_lines(pic, 3)
    pic.write(MASTER, 1, 0x08)
    assert not pic.output()


def test_masking_a_waiting_slave_request_takes_the_masters_request_away(pic: AnyPic) -> None:
    """Interrupt Mask Register, in a cascade: the slave's INT falls, which to the master is a request that went away."""
    raise_lines(pic, 11)
    pic.write(SLAVE, 1, 0x08)
    assert (pic.irr(MASTER), pic.irr(SLAVE)) == (0x00, 0x08)
    assert pic.acknowledge() == 0x27
    assert registers(pic, MASTER) == (0x00, 0x00, 0x00)


def test_a_poll_withdraws_int_for_a_request_that_has_gone(pic: AnyPic) -> None:
    """Poll command: its read is an INTA, so the default interrupt is used up by it and does not reach the CPU."""
    raise_lines(pic, 3)
    pic.set_line(3, False)
    pic.write(MASTER, 0, POLL)
    assert pic.read(MASTER, 0) & 0x80 == 0
    assert not pic.output()


def test_an_edge_that_comes_and_goes_masked_leaves_no_trace(pic: AnyPic) -> None:
    """Interrupt Mask Register and edge mode: INT was never raised, so nothing is owed to the CPU after unmasking."""
    pic.write(MASTER, 1, 0x08)
    raise_lines(pic, 3)
    pic.set_line(3, False)
    pic.write(MASTER, 1, 0x00)
    assert (pic.irr(MASTER), pic.output()) == (0x00, False)
