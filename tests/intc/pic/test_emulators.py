"""What KVM and QEMU do instead: their pic_get_irq and pic_set_irq, by hand; and the datasheet (231468)."""

from __future__ import annotations

from models.i8259 import MASTER, SLAVE

from .product_pic import SPECIAL_FULLY_NESTED, UPM, AnyPic, initialise, raise_lines


def test_special_fully_nested_mode_holds_back_the_masters_lower_inputs(pic: AnyPic) -> None:
    """By the datasheet only the slave is not locked out."""
    initialise(pic, master_icw4=UPM | SPECIAL_FULLY_NESTED)
    raise_lines(pic, 12)
    assert pic.acknowledge() == 0x2C
    raise_lines(pic, 5)
    assert not pic.output()


def test_the_emulators_special_fully_nested_mode_admits_them(emulated: AnyPic) -> None:
    initialise(emulated, master_icw4=UPM | SPECIAL_FULLY_NESTED)
    raise_lines(emulated, 12)
    assert emulated.acknowledge() == 0x2C
    raise_lines(emulated, 5)
    assert emulated.output()
    assert emulated.acknowledge() == 0x25
    assert emulated.isr(MASTER) == 0x24
    raise_lines(emulated, 6)
    assert not emulated.output()  # IR5 holds back as it always does
    initialise(emulated)
    raise_lines(emulated, 11)
    assert emulated.acknowledge() == 0x2B
    emulated.set_line(5, False)
    raise_lines(emulated, 5)
    assert not emulated.output()  # without the mode


def test_the_emulators_withdraw_int_with_a_level_that_falls(emulated: AnyPic) -> None:
    emulated.set_elcr(MASTER, 0x20)
    raise_lines(emulated, 5)
    assert emulated.output()
    emulated.set_line(5, False)
    assert (emulated.output(), emulated.irr(MASTER)) == (False, 0)
    assert emulated.acknowledge() == 0x27  # who asks all the same gets the default


def test_a_level_that_falls_leaves_int_up_by_the_datasheet(pic: AnyPic) -> None:
    pic.set_elcr(MASTER, 0x20)
    raise_lines(pic, 5)
    pic.set_line(5, False)
    assert (pic.output(), pic.irr(MASTER)) == (True, 0)
    assert pic.acknowledge() == 0x27
    assert not pic.output()


def test_the_emulators_keep_an_edge_whose_pin_falls(emulated: AnyPic) -> None:
    raise_lines(emulated, 5)
    emulated.set_line(5, False)
    assert (emulated.output(), emulated.irr(MASTER)) == (True, 0x20)
    assert emulated.acknowledge() == 0x25
    assert (emulated.output(), emulated.irr(MASTER)) == (False, 0)


def test_a_slave_whose_level_falls_leaves_the_emulated_master_its_edge(emulated: AnyPic) -> None:
    """The slave's INT is an edge at the master's IR2: it stays, and INTA finds nothing behind it: IR15."""
    emulated.set_elcr(SLAVE, 0x08)
    raise_lines(emulated, 11)
    emulated.set_line(11, False)
    assert (emulated.output(), emulated.irr(MASTER), emulated.irr(SLAVE)) == (True, 0x04, 0)
    assert emulated.acknowledge() == 0x2F
    assert (emulated.isr(MASTER), emulated.isr(SLAVE)) == (0x04, 0)
