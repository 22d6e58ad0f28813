"""Rule 9: ICW1 to ICW4, by hand from the 8259A's datasheet (231468)."""

from __future__ import annotations

from models.i8259 import MASTER, SLAVE

from .product_pic import AEOI, READ_ISR, SET_PRIORITY, SPECIAL_MASK_SET, UPM, AnyPic, initialise, raise_lines, registers


def test_icw2_gives_the_upper_five_bits_of_the_vector(pic: AnyPic) -> None:
    """Initialization Command Words 1 and 2: T7-T3 from ICW2, the low three bits are the level."""
    pic.write(MASTER, 0, 0x11)
    for icw in (0x5F, 0x04, UPM):
        pic.write(MASTER, 1, icw)
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x5B


def test_icw1_clears_the_mask(pic: AnyPic) -> None:
    """ICW1, item b: the interrupt mask register is cleared."""
    pic.write(MASTER, 1, 0xFF)
    assert pic.imr(MASTER) == 0xFF
    pic.write(MASTER, 0, 0x11)
    assert pic.imr(MASTER) == 0x00


def test_icw1_forgets_edges_so_that_a_high_pin_needs_a_new_one(pic: AnyPic) -> None:
    """ICW1, item a: the edge sense circuit is reset, a low-to-high transition is needed afterwards."""
    raise_lines(pic, 5)
    initialise(pic)
    assert (pic.irr(MASTER), pic.output()) == (0x00, False)
    pic.set_line(5, False)
    pic.set_line(5, True)
    assert (pic.irr(MASTER), pic.output()) == (0x20, True)


def test_icw1_ends_service_and_withdraws_int(pic: AnyPic) -> None:
    """ICW1: the chip starts over; the datasheet does not name ISR, kernels that start after another one rely on it."""
    raise_lines(pic, 3, 1)
    assert pic.acknowledge() == 0x21
    pic.write(MASTER, 0, 0x11)
    assert registers(pic, MASTER) == (0x00, 0x00, 0x00)
    assert not pic.output()


def test_icw3_says_whether_ir2_carries_a_slave(pic: AnyPic) -> None:
    """ICW3, master: a clear bit means that the input has no slave, and the master gives the vector itself."""
    pic.write(MASTER, 0, 0x11)
    for icw in (0x20, 0x00, UPM):
        pic.write(MASTER, 1, icw)
    raise_lines(pic, 12)
    assert pic.acknowledge() == 0x22
    assert (pic.isr(MASTER), pic.isr(SLAVE)) == (0x04, 0x00)


def test_icw1_makes_ir7_the_lowest_priority_again(pic: AnyPic) -> None:
    """ICW1, item c: IR7 is assigned priority 7."""
    pic.write(MASTER, 0, SET_PRIORITY | 3)
    initialise(pic)
    raise_lines(pic, 1, 4)
    assert pic.acknowledge() == 0x21


def test_icw1_ends_special_mask_mode_and_selects_irr(pic: AnyPic) -> None:
    """ICW1, item e: special mask mode is cleared and status read is set to IRR."""
    pic.write(MASTER, 0, SPECIAL_MASK_SET)
    pic.write(MASTER, 0, READ_ISR)
    initialise(pic)
    raise_lines(pic, 1)
    assert pic.acknowledge() == 0x21
    raise_lines(pic, 4)
    pic.write(MASTER, 1, 0x02)
    assert pic.read(MASTER, 0) == 0x10
    assert not pic.output(), "in special mask mode, masking IR1 would let IR4 through"


def test_without_ic4_the_functions_of_icw4_are_off(pic: AnyPic) -> None:
    """ICW1, item f: IC4 = 0 sets all functions of ICW4 to zero, AEOI among them; ICW3 then ends the sequence."""
    initialise(pic, master_icw4=UPM | AEOI)
    pic.write(MASTER, 0, 0x10)
    for icw in (0x20, 0x04):
        pic.write(MASTER, 1, icw)
    pic.write(MASTER, 1, 0x80)
    raise_lines(pic, 1)
    assert pic.acknowledge() == 0x21
    assert registers(pic, MASTER) == (0x00, 0x02, 0x80)


def test_single_mode_takes_no_icw3_and_has_no_slave(pic: AnyPic) -> None:
    """ICW1, SNGL = 1: no ICW3 is issued, and IR2 is a level like any other."""
    pic.write(MASTER, 0, 0x13)
    for icw in (0x40, UPM):
        pic.write(MASTER, 1, icw)
    pic.write(MASTER, 1, 0x01)
    raise_lines(pic, 9)
    assert pic.acknowledge() == 0x42
    assert registers(pic, MASTER) == (0x00, 0x04, 0x01)
    assert registers(pic, SLAVE) == (0x02, 0x00, 0x00)


def test_single_mode_without_ic4_is_ready_after_icw2(pic: AnyPic) -> None:
    """Initialization sequence, figure 6: with SNGL = 1 and IC4 = 0 only ICW2 follows ICW1."""
    pic.write(MASTER, 0, 0x12)
    pic.write(MASTER, 1, 0x40)
    pic.write(MASTER, 1, 0xA5)
    assert pic.imr(MASTER) == 0xA5


def test_an_icw1_in_the_middle_of_a_sequence_starts_it_anew(pic: AnyPic) -> None:
    """Initialization Command Words: A0 = 0 with D4 = 1 is ICW1 at any time."""
    pic.write(MASTER, 0, 0x11)
    pic.write(MASTER, 1, 0x90)
    pic.write(MASTER, 0, 0x11)
    for icw in (0x30, 0x04, UPM):
        pic.write(MASTER, 1, icw)
    raise_lines(pic, 0)
    assert pic.acknowledge() == 0x30


def test_each_chip_is_initialised_by_its_own_ports(pic: AnyPic) -> None:
    """Initialization: the sequence of one chip leaves the other alone."""
    pic.write(SLAVE, 1, 0x7F)
    pic.write(MASTER, 0, 0x11)
    assert pic.imr(SLAVE) == 0x7F
