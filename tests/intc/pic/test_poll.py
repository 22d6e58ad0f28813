"""Rule 9: the poll command, by hand from the 8259A's datasheet (231468)."""

from __future__ import annotations

from models.i8259 import MASTER, SLAVE

from .product_pic import POLL, READ_ISR, AnyPic, raise_lines, registers


def test_a_poll_acknowledges_by_reading(pic: AnyPic) -> None:
    """Poll command: the next read is an INTA; bit 7 says that there was a request, bits 2-0 which."""
    raise_lines(pic, 6, 3)
    pic.write(MASTER, 0, POLL)
    assert pic.read(MASTER, 0) == 0x83
    assert registers(pic, MASTER) == (0x40, 0x08, 0x00)
    assert not pic.output()


def test_a_poll_without_a_request_has_bit_7_clear(pic: AnyPic) -> None:
    """Poll command: I = 0 means no interrupt, and nothing goes into service."""
    pic.write(MASTER, 0, POLL)
    assert pic.read(MASTER, 0) & 0x80 == 0
    assert registers(pic, MASTER) == (0x00, 0x00, 0x00)


def test_a_poll_lasts_for_one_read(pic: AnyPic) -> None:
    """Poll command: the read that follows is an ordinary one."""
    raise_lines(pic, 3, 6)
    pic.write(MASTER, 0, POLL)
    assert pic.read(MASTER, 0) == 0x83
    assert pic.read(MASTER, 0) == 0x40


def test_a_poll_waits_for_its_read_whatever_is_written_meanwhile(pic: AnyPic) -> None:
    """Poll command: it is the next read that is treated as an INTA; an OCW3 with P = 0 is no poll command."""
    raise_lines(pic, 3)
    pic.write(MASTER, 0, POLL)
    pic.write(MASTER, 0, READ_ISR)
    assert pic.read(MASTER, 0) == 0x83
    assert pic.read(MASTER, 0) == 0x08


def test_a_poll_sees_neither_masked_nor_inhibited_levels(pic: AnyPic) -> None:
    """Poll command: it reads the priority level of the requests that the resolver lets through."""
    raise_lines(pic, 2 + 1)
    assert pic.acknowledge() == 0x23
    pic.write(MASTER, 1, 0x02)
    raise_lines(pic, 1, 5)
    pic.write(MASTER, 0, POLL)
    assert pic.read(MASTER, 0) & 0x80 == 0


def test_polling_the_slave_leaves_the_master_alone(pic: AnyPic) -> None:
    """Poll command: each chip of a cascade is polled by itself; the slave's INT then drops."""
    raise_lines(pic, 12)
    pic.write(SLAVE, 0, POLL)
    assert pic.read(SLAVE, 0) == 0x84
    assert registers(pic, SLAVE) == (0x00, 0x10, 0x00)
    assert registers(pic, MASTER) == (0x00, 0x00, 0x00)
