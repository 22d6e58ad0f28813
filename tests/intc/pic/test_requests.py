"""Rule 10: requests, masks, edges and levels, by hand from the 8259A's datasheet (231468)."""

from __future__ import annotations

import pytest
from models.i8259 import MASTER, SLAVE
from x86.x86_bench import X86Bench

from .product_pic import NON_SPECIFIC_EOI, READ_IRR, READ_ISR, AnyPic, initialise, raise_lines, registers

# ---- requests and masks ----


def test_a_mask_hides_the_request_and_does_not_lose_it(pic: AnyPic) -> None:
    """Interrupt Mask Register: it operates on the IRR's output; IRR itself keeps the request."""
    pic.write(MASTER, 1, 0x08)
    raise_lines(pic, 3)
    assert (pic.irr(MASTER), pic.output()) == (0x08, False)
    pic.write(MASTER, 1, 0x00)
    assert pic.output()
    assert pic.acknowledge() == 0x23


def test_masking_one_level_leaves_lower_ones_alone(pic: AnyPic) -> None:
    """Interrupt Mask Register: masking a higher priority input does not affect lower ones."""
    pic.write(MASTER, 1, 0x01)
    raise_lines(pic, 0, 6)
    assert pic.acknowledge() == 0x26


def test_the_mask_reads_back_at_the_odd_port(pic: AnyPic) -> None:
    """Reading status: IMR is read with A0 = 1, without an OCW3."""
    pic.write(SLAVE, 1, 0x5A)
    pic.write(SLAVE, 0, READ_ISR)
    assert pic.read(SLAVE, 1) == 0x5A


def test_the_read_register_selection_is_kept(pic: AnyPic) -> None:
    """Reading status: no OCW3 is needed before every read that follows the first."""
    raise_lines(pic, 1)
    assert pic.acknowledge() == 0x21
    raise_lines(pic, 6)
    assert pic.read(MASTER, 0) == 0x40
    pic.write(MASTER, 0, READ_ISR)
    assert [pic.read(MASTER, 0), pic.read(MASTER, 0)] == [0x02, 0x02]
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.read(MASTER, 0) == 0x00
    pic.write(MASTER, 0, READ_IRR)
    assert [pic.read(MASTER, 0), pic.read(MASTER, 0)] == [0x40, 0x40]


def test_an_ocw3_without_rr_keeps_the_selection(pic: AnyPic) -> None:
    """OCW3: with RR = 0 the RIS bit means no action."""
    raise_lines(pic, 1)
    assert pic.acknowledge() == 0x21
    pic.write(MASTER, 0, READ_ISR)
    pic.write(MASTER, 0, 0x08)
    assert pic.read(MASTER, 0) == 0x02


# ---- edges and levels ----


def test_an_edge_is_taken_once_however_long_the_pin_stays_high(pic: AnyPic) -> None:
    """Edge triggered mode, LTIM = 0: the pin may stay high without another interrupt."""
    raise_lines(pic, 5)
    assert pic.acknowledge() == 0x25
    assert registers(pic, MASTER) == (0x00, 0x20, 0x00)
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert not pic.output()


def test_a_second_edge_while_in_service_waits_for_the_eoi(pic: AnyPic) -> None:
    """Edge triggered mode and fully nested mode: a new edge is latched, the same level is inhibited until EOI."""
    raise_lines(pic, 5)
    assert pic.acknowledge() == 0x25
    pic.set_line(5, False)
    pic.set_line(5, True)
    assert (pic.irr(MASTER), pic.output()) == (0x20, False)
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.output()
    assert pic.acknowledge() == 0x25


def test_an_edge_that_drops_before_inta_becomes_the_default_ir7(pic: AnyPic) -> None:
    """Edge and level triggered modes: if IR goes low before the first INTA, a default IR7 occurs without an ISR bit."""
    raise_lines(pic, 3)
    pic.set_line(3, False)
    assert pic.irr(MASTER) == 0x00
    assert pic.acknowledge() == 0x27
    assert registers(pic, MASTER) == (0x00, 0x00, 0x00)


def test_the_cpu_still_sees_int_for_a_request_that_has_gone(pic: AnyPic) -> None:
    """Edge and level triggered modes: the default IR7 "will occur", so INT outlives the request that raised it."""
    raise_lines(pic, 3)
    pic.set_line(3, False)
    assert pic.output()
    assert pic.acknowledge() == 0x27
    assert not pic.output()


def test_a_real_ir7_sets_its_isr_bit_and_the_default_one_does_not(pic: AnyPic) -> None:
    """Edge and level triggered modes: reading ISR is how software tells them apart."""
    pic.write(MASTER, 0, READ_ISR)
    assert pic.acknowledge() == 0x27
    assert pic.read(MASTER, 0) == 0x00
    raise_lines(pic, 7)
    assert pic.acknowledge() == 0x27
    assert pic.read(MASTER, 0) == 0x80


def test_a_default_ir7_leaves_a_real_ir7_in_service(pic: AnyPic) -> None:
    """Edge and level triggered modes: default IR7s during a normal IR7 routine neither add nor remove ISR bits."""
    raise_lines(pic, 7)
    assert pic.acknowledge() == 0x27
    assert pic.acknowledge() == 0x27
    assert pic.isr(MASTER) == 0x80


def test_a_slave_edge_that_drops_becomes_ir15_with_the_masters_ir2_in_service(pic: AnyPic) -> None:
    """Cascade and default IR7: the slave answers with its own level 7, only the master has something to end."""
    raise_lines(pic, 11)
    pic.set_line(11, False)
    assert pic.acknowledge() == 0x2F
    assert registers(pic, MASTER) == (0x00, 0x04, 0x00)
    assert registers(pic, SLAVE) == (0x00, 0x00, 0x00)
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.isr(MASTER) == 0x00


def test_ltim_makes_every_pin_a_level(pic: AnyPic) -> None:
    """ICW1, LTIM = 1: edge detect logic on the inputs is disabled; a pin already high requests at once."""
    raise_lines(pic, 4)
    initialise(pic, ltim=True)
    assert (pic.irr(MASTER), pic.output()) == (0x10, True)
    assert pic.acknowledge() == 0x24


def test_a_level_request_outlives_inta_and_comes_again_after_eoi(pic: AnyPic) -> None:
    """Level triggered mode: the request must be removed before EOI, or a second interrupt occurs."""
    initialise(pic, ltim=True)
    raise_lines(pic, 4)
    assert pic.acknowledge() == 0x24
    assert registers(pic, MASTER) == (0x10, 0x10, 0x00)
    assert not pic.output()
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.output()
    assert pic.acknowledge() == 0x24


def test_a_level_dropped_before_eoi_does_not_come_again(pic: AnyPic) -> None:
    """Level triggered mode: the counterpart of the claim above."""
    initialise(pic, ltim=True)
    raise_lines(pic, 4)
    assert pic.acknowledge() == 0x24
    pic.set_line(4, False)
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert (pic.irr(MASTER), pic.output()) == (0x00, False)


def test_elcr_chooses_the_trigger_pin_by_pin(pic: AnyPic) -> None:
    """ELCR, ports 4D0h/4D1h (82371 data sheet): a set bit makes that pin level triggered, the others stay edges."""
    pic.set_elcr(MASTER, 0x20)
    raise_lines(pic, 5, 6)
    assert pic.acknowledge() == 0x25
    assert registers(pic, MASTER) == (0x60, 0x20, 0x00)
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    pic.set_line(5, False)
    assert pic.acknowledge() == 0x26
    assert registers(pic, MASTER) == (0x00, 0x40, 0x00)


def test_elcr_governs_the_slaves_pins_too(pic: AnyPic) -> None:
    """ELCR2, port 4D1h: IRQ 11 is bit 3."""
    pic.set_elcr(SLAVE, 0x08)
    raise_lines(pic, 11)
    assert pic.acknowledge() == 0x2B
    assert registers(pic, SLAVE) == (0x08, 0x08, 0x00)


@pytest.mark.parametrize(("port", "allowed"), [(0x4D0, 0xF8), (0x4D1, 0xDE)])
def test_elcr_keeps_the_timer_keyboard_cascade_clock_and_coprocessor_edge_triggered(port: int, allowed: int) -> None:
    """ELCR1/ELCR2 (82371 data sheet): IRQ 0, 1, 2, 8 and 13 read back as 0 whatever is written."""
    write_all_ones_and_read = b"\xb0\xff\xba" + port.to_bytes(2, "little") + b"\xee\xec"
    bench = X86Bench("real", write_all_ones_and_read)
    bench.step(4)
    assert bench.cpu["al"] == allowed
