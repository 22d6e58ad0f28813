"""Rules 9 and 10, one claim a test, computed by hand from the 8259A's datasheet (Intel 231468).

Each claim is asked of the product and of the model in models/i8259.py, save what only a port can show. In the names, "a
request" is an edge on a pin that stays high. After `initialise` the vectors are 20h-27h and 28h-2Fh.
"""

from __future__ import annotations

import pytest
from models.i8259 import MASTER, SLAVE, Habits
from x86.x86_bench import X86Bench

from .product_pic import AnyPic, ModelPic, ProductPic, initialise

NON_SPECIFIC_EOI, SPECIFIC_EOI = 0x20, 0x60
ROTATE_NON_SPECIFIC_EOI, ROTATE_SPECIFIC_EOI = 0xA0, 0xE0
ROTATE_IN_AEOI_SET, ROTATE_IN_AEOI_CLEAR = 0x80, 0x00
SET_PRIORITY = 0xC0
READ_IRR, READ_ISR, POLL = 0x0A, 0x0B, 0x0C
SPECIAL_MASK_SET, SPECIAL_MASK_CLEAR = 0x68, 0x48
AEOI, SPECIAL_FULLY_NESTED = 0x02, 0x10
UPM = 0x01


@pytest.fixture(params=[ProductPic, ModelPic], ids=["product", "model"])
def pic(request: pytest.FixtureRequest) -> AnyPic:
    face: AnyPic = request.param()
    initialise(face)
    return face


def raise_lines(pic: AnyPic, *pins: int) -> None:
    for pin in pins:
        pic.set_line(pin, True)


def registers(pic: AnyPic, chip: int) -> tuple[int, int, int]:
    return pic.irr(chip), pic.isr(chip), pic.imr(chip)


# ---- initialisation ----


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


# ---- priority and end of interrupt ----


def test_ir0_comes_before_all_others_after_initialisation(pic: AnyPic) -> None:
    """Fully nested mode: priorities 0 through 7, 0 highest."""
    raise_lines(pic, 7, 3, 0)
    vectors = []
    while pic.output():
        vectors.append(pic.acknowledge())
        pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert vectors == [0x20, 0x23, 0x27]


def test_a_higher_request_nests_and_a_lower_one_waits(pic: AnyPic) -> None:
    """Fully nested mode: while an ISR bit is set, the same and lower levels are inhibited, higher ones are not."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    raise_lines(pic, 4)
    assert not pic.output()
    raise_lines(pic, 1)
    assert pic.output()
    assert pic.acknowledge() == 0x21
    assert registers(pic, MASTER) == (0x10, 0x0A, 0x00)


def test_a_non_specific_eoi_ends_the_highest_in_service(pic: AnyPic) -> None:
    """End of interrupt: non-specific EOI resets the highest ISR bit of those set."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    raise_lines(pic, 1)
    assert pic.acknowledge() == 0x21
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.isr(MASTER) == 0x08
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.isr(MASTER) == 0x00


def test_a_specific_eoi_ends_the_level_it_names(pic: AnyPic) -> None:
    """End of interrupt: specific EOI, L2-L0 name the ISR bit."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    raise_lines(pic, 1)
    assert pic.acknowledge() == 0x21
    pic.write(MASTER, 0, SPECIFIC_EOI | 3)
    assert pic.isr(MASTER) == 0x02


def test_the_no_operation_form_of_ocw2_ends_nothing(pic: AnyPic) -> None:
    """OCW2, R SL EOI = 010: no operation."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    pic.write(MASTER, 0, 0x43)
    assert pic.isr(MASTER) == 0x08


def test_aeoi_ends_service_with_inta(pic: AnyPic) -> None:
    """Automatic end of interrupt mode: the ISR bit is reset at the trailing edge of the last INTA."""
    initialise(pic, master_icw4=UPM | AEOI)
    raise_lines(pic, 3, 4)
    assert pic.acknowledge() == 0x23
    assert registers(pic, MASTER) == (0x10, 0x00, 0x00)
    assert pic.output()
    assert pic.acknowledge() == 0x24


def test_rotation_on_a_non_specific_eoi_makes_the_ended_level_the_lowest(pic: AnyPic) -> None:
    """Automatic rotation: the datasheet's own example, IR4 in service, IR4 and IR6 requesting."""
    raise_lines(pic, 4)
    assert pic.acknowledge() == 0x24
    raise_lines(pic, 6)
    pic.set_line(4, False)
    pic.set_line(4, True)
    pic.write(MASTER, 0, ROTATE_NON_SPECIFIC_EOI)
    assert pic.isr(MASTER) == 0x00
    assert pic.acknowledge() == 0x26
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.acknowledge() == 0x24


def test_rotation_on_a_non_specific_eoi_with_nothing_in_service_keeps_priorities(pic: AnyPic) -> None:
    """Automatic rotation: no level was ended, so none becomes the lowest."""
    pic.write(MASTER, 0, ROTATE_NON_SPECIFIC_EOI)
    raise_lines(pic, 0, 1)
    assert pic.acknowledge() == 0x20


def test_rotation_on_a_specific_eoi_ends_and_lowers_the_level_it_names(pic: AnyPic) -> None:
    """Specific rotation: rotate on specific EOI, L2-L0 receive bottom priority."""
    raise_lines(pic, 5)
    assert pic.acknowledge() == 0x25
    raise_lines(pic, 2 + 4, 1)
    pic.write(MASTER, 0, ROTATE_SPECIFIC_EOI | 5)
    assert pic.isr(MASTER) == 0x00
    assert pic.acknowledge() == 0x26


def test_set_priority_moves_the_bottom_and_ends_nothing(pic: AnyPic) -> None:
    """Specific rotation: with IR5 as the bottom, IR6 has the highest priority."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    pic.write(MASTER, 0, SET_PRIORITY | 5)
    assert pic.isr(MASTER) == 0x08
    raise_lines(pic, 6)
    assert pic.acknowledge() == 0x26
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.isr(MASTER) == 0x08


def test_a_non_specific_eoi_follows_the_rotated_priorities(pic: AnyPic) -> None:
    """Specific rotation: "highest" means highest in the present order; bottom IR3 puts IR4 above IR1."""
    raise_lines(pic, 4)
    assert pic.acknowledge() == 0x24
    raise_lines(pic, 1)
    assert pic.acknowledge() == 0x21
    pic.write(MASTER, 0, SET_PRIORITY | 3)
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.isr(MASTER) == 0x02


def test_aeoi_that_is_chosen_later_ends_what_was_in_service(pic: AnyPic) -> None:
    """Automatic end of interrupt: a non-specific EOI with the last INTA. IR0, a level, is served before ICW4."""
    for a0, value in ((0, 0x19), (1, 0x20)):  # ICW1: level triggered, ICW4 comes; ICW2
        pic.write(MASTER, a0, value)
    raise_lines(pic, 0)
    assert pic.acknowledge() == 0x20
    assert registers(pic, MASTER)[1] == 1
    pic.write(MASTER, 1, 0x01)  # ICW3
    pic.write(MASTER, 0, 0x68)  # OCW3: special mask mode
    pic.write(MASTER, 1, 0x1E)  # ICW4: AEOI
    pic.acknowledge()
    assert registers(pic, MASTER)[1] == 0


def test_aeoi_with_rotation_rotates_at_inta(pic: AnyPic) -> None:
    """Automatic rotation, rotate in AEOI mode: the acknowledged level becomes the lowest at once."""
    initialise(pic, master_icw4=UPM | AEOI)
    pic.write(MASTER, 0, ROTATE_IN_AEOI_SET)
    raise_lines(pic, 0, 1)
    assert pic.acknowledge() == 0x20
    pic.set_line(0, False)
    pic.set_line(0, True)
    assert pic.acknowledge() == 0x21
    assert pic.acknowledge() == 0x20


def test_rotation_in_aeoi_can_be_switched_off(pic: AnyPic) -> None:
    """OCW2, R SL EOI = 000: rotate in automatic EOI mode, clear; the order stays as it was left."""
    initialise(pic, master_icw4=UPM | AEOI)
    pic.write(MASTER, 0, ROTATE_IN_AEOI_SET)
    pic.write(MASTER, 0, ROTATE_IN_AEOI_CLEAR)
    raise_lines(pic, 0, 1)
    assert pic.acknowledge() == 0x20
    pic.set_line(0, False)
    pic.set_line(0, True)
    assert pic.acknowledge() == 0x20


def test_rotation_in_aeoi_does_nothing_without_aeoi(pic: AnyPic) -> None:
    """Automatic rotation: the flip-flop acts on the automatic EOI only."""
    pic.write(MASTER, 0, ROTATE_IN_AEOI_SET)
    raise_lines(pic, 0)
    assert pic.acknowledge() == 0x20
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    pic.set_line(0, False)
    raise_lines(pic, 0, 1)
    assert pic.acknowledge() == 0x20


# ---- special mask mode ----


def test_special_mask_mode_lets_lower_levels_through_a_masked_service(pic: AnyPic) -> None:
    """Special mask mode: a mask bit inhibits its own level and enables all others that are not masked."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    raise_lines(pic, 6)
    pic.write(MASTER, 1, 0x08)
    assert not pic.output()
    pic.write(MASTER, 0, SPECIAL_MASK_SET)
    assert pic.output()
    assert pic.acknowledge() == 0x26
    assert registers(pic, MASTER) == (0x00, 0x48, 0x08)


def test_special_mask_mode_does_not_lift_an_unmasked_service(pic: AnyPic) -> None:
    """Special mask mode: only levels whose mask bit is set stop inhibiting."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    raise_lines(pic, 6)
    pic.write(MASTER, 0, SPECIAL_MASK_SET)
    assert not pic.output()


def test_special_mask_mode_is_left_by_its_own_command(pic: AnyPic) -> None:
    """OCW3, ESMM = 1 with SMM = 0: back to the normal mask mode."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    raise_lines(pic, 6)
    pic.write(MASTER, 1, 0x08)
    pic.write(MASTER, 0, SPECIAL_MASK_SET)
    pic.write(MASTER, 0, SPECIAL_MASK_CLEAR)
    assert not pic.output()


def test_an_ocw3_without_esmm_keeps_the_mask_mode(pic: AnyPic) -> None:
    """OCW3: with ESMM = 0 the SMM bit is a don't care."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    raise_lines(pic, 6)
    pic.write(MASTER, 1, 0x08)
    pic.write(MASTER, 0, 0x28)
    assert not pic.output()


def test_a_non_specific_eoi_passes_over_masked_services_in_special_mask_mode(pic: AnyPic) -> None:
    """End of interrupt: an ISR bit masked by IMR is not cleared by a non-specific EOI in special mask mode."""
    raise_lines(pic, 3)
    assert pic.acknowledge() == 0x23
    raise_lines(pic, 6)
    pic.write(MASTER, 1, 0x08)
    pic.write(MASTER, 0, SPECIAL_MASK_SET)
    assert pic.acknowledge() == 0x26
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.isr(MASTER) == 0x08
    pic.write(MASTER, 0, NON_SPECIFIC_EOI)
    assert pic.isr(MASTER) == 0x08
    pic.write(MASTER, 0, SPECIFIC_EOI | 3)
    assert pic.isr(MASTER) == 0x00


# ---- poll ----


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


# ---- cascade ----


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


# ---- how INT behaves ----


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


# ---- what KVM and QEMU do instead: their pic_get_irq and pic_set_irq, by hand ----


@pytest.fixture(params=[ProductPic, ModelPic], ids=["product", "model"])
def emulated(request: pytest.FixtureRequest) -> AnyPic:
    face: AnyPic = request.param(Habits(admits_lower=True, withdraws_int=True, keeps_edges=True))
    initialise(face)
    return face


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
