"""Rule 9: priority, end of interrupt, rotation, special mask mode; by hand from the 8259A's datasheet (231468)."""

from __future__ import annotations

from models.i8259 import MASTER

from .product_pic import (
    AEOI,
    NON_SPECIFIC_EOI,
    ROTATE_IN_AEOI_CLEAR,
    ROTATE_IN_AEOI_SET,
    ROTATE_NON_SPECIFIC_EOI,
    ROTATE_SPECIFIC_EOI,
    SET_PRIORITY,
    SPECIAL_MASK_CLEAR,
    SPECIAL_MASK_SET,
    SPECIFIC_EOI,
    UPM,
    AnyPic,
    initialise,
    raise_lines,
    registers,
)

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
