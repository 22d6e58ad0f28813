"""Registers, commands, the codes of their errors, and messages; by hand from Arm IHI 0069."""

from __future__ import annotations

import pytest

from .its_guest import (
    BASE,
    BASER0,
    BASER1,
    CBASER,
    CPUS,
    CREADR,
    CTLR,
    CWRITER,
    DEVICE_TABLE,
    IIDR,
    ITT_SIZE,
    ITTS,
    QUEUE,
    RAM,
    TRANSLATER,
    TYPER,
    VALID,
    Guest,
    clear,
    discard,
    int_,
    inv,
    invall,
    mapc,
    mapd,
    mapi,
    mapti,
    movall,
    movi,
    sync,
)

# ---- registers ----


def test_typer_tells_physical_lpis_8_byte_entries_and_16_bit_ids():
    typer = Guest().read(TYPER)
    assert typer & 1 == 1
    assert typer >> 1 & 1 == 0  # no virtual LPIs
    assert (typer >> 4 & 0xF) + 1 == 8
    assert (typer >> 8 & 0x1F) + 1 == 16
    assert (typer >> 13 & 0x1F) + 1 == 16
    assert typer >> 18 == 0  # SEIS, PTA, HCC, CIL


def test_peripheral_id_2_names_a_gicv3():
    assert Guest().read(0xFFE8, 4) == 0x3B
    assert [Guest().read(offset, 4) for offset in range(0xFFF0, 0x10000, 4)] == [0x0D, 0xF0, 0x05, 0xB1]


@pytest.mark.parametrize("offset", [IIDR, TYPER, TYPER + 4, CREADR, CREADR + 4, 0xFFE8, BASER0 + 8 * 2])
def test_read_only_registers_keep_their_value(offset):
    guest = Guest()
    before = guest.read(offset, 4)
    for pattern in (0xFFFF_FFFF, 0xA5A5_A5A5, 0):
        guest.write(offset, pattern, 4)
        assert guest.read(offset, 4) == before
    assert not guest.reserved


def test_only_device_and_collection_tables_exist():
    guest = Guest()
    basers = [guest.read(BASER0 + 8 * number) for number in range(8)]
    assert [baser >> 56 & 7 for baser in basers] == [1, 4, 0, 0, 0, 0, 0, 0]
    assert [(baser >> 48 & 0x1F) + 1 for baser in basers[:2]] == [8, 8]
    assert basers[2:] == [0] * 6


def test_a_table_register_keeps_its_type_entry_size_and_64k_page():
    guest = Guest()
    guest.write(BASER0, 0xFFFF_FFFF_FFFF_FFFF)
    value = guest.read(BASER0)
    assert (value >> 56 & 7, value >> 48 & 0x1F, value >> 8 & 3) == (1, 7, 2)
    guest.write(BASER0, 0)
    assert guest.read(BASER0) == 1 << 56 | 7 << 48 | 2 << 8


def test_halves_of_64_bit_registers_are_written_and_read_alone():
    guest = Guest()
    guest.write(CBASER + 4, 0x8000_0001, 4)
    guest.write(CBASER, 0x2345_6C07, 4)
    assert guest.read(CBASER) == 0x8000_0001_2345_6C07
    assert (guest.read(CBASER, 4), guest.read(CBASER + 4, 4)) == (0x2345_6C07, 0x8000_0001)


def test_reserved_bits_of_cbaser_are_zero():
    guest = Guest()
    guest.write(CBASER, 0xFFFF_FFFF_FFFF_FFFF)
    assert guest.read(CBASER) & (1 << 62 | 7 << 56 | 1 << 52 | 3 << 8) == 0


def test_it_is_quiescent_unless_enabled():
    guest = Guest()
    assert guest.read(CTLR, 4) == 1 << 31
    guest.write(CTLR, 1, 4)
    assert guest.read(CTLR, 4) == 1
    guest.write(CTLR, 0, 4)
    assert guest.read(CTLR, 4) == 1 << 31


def test_tables_and_queue_stay_put_while_enabled(guest):
    before = [guest.read(offset) for offset in (CBASER, BASER0, BASER1)]
    for offset in (CBASER, BASER0, BASER1):
        guest.write(offset, VALID | RAM + 0x20_0000)
    assert [guest.read(offset) for offset in (CBASER, BASER0, BASER1)] == before


def test_writing_cbaser_rewinds_the_read_pointer(guest):
    guest.send(mapc(0, 0))
    assert guest.read(CREADR) == 32
    guest.write(CTLR, 0, 4)
    guest.write(CBASER, VALID | QUEUE)
    assert guest.read(CREADR) == 0


@pytest.mark.parametrize(
    ("offset", "size"), [(CTLR, 1), (TYPER, 2), (CBASER + 4, 8), (CREADR + 2, 4), (0x40, 4), (0xC000, 8), (0x10048, 4)]
)
def test_an_access_to_no_register_or_of_a_wrong_width_is_reported_and_ignored(guest, offset, size):
    before = [guest.read(register) for register in (CTLR, CBASER, CWRITER)]
    assert guest.read(offset, size) == 0
    guest.write(offset, (1 << 8 * size) - 1, size)
    assert guest.reserved == [BASE + offset] * 2
    assert [guest.read(register) for register in (CTLR, CBASER, CWRITER)] == before


def test_the_translation_register_is_write_only_and_at_most_a_word(guest):
    assert guest.read(TRANSLATER, 4) == 0
    guest.write(TRANSLATER, 0, 8)
    assert guest.reserved == [BASE + TRANSLATER] * 2
    assert not guest.errors


def test_reset_disables_it_and_forgets_queue_and_tables(mapped):
    mapped.its.reset()
    fresh = Guest()
    for offset in (CTLR, CBASER, CWRITER, CREADR, BASER0, BASER1):
        assert mapped.read(offset) == fresh.read(offset)


# ---- commands ----


def test_int_pends_the_lpi_on_the_processor_of_its_collection(mapped):
    mapped.send(int_(2, 20))
    assert mapped.calls() == [("pend", 1, 8195)]


def test_clear_ends_the_pending_state(mapped):
    mapped.send(clear(2, 20))
    assert mapped.calls() == [("clear", 1, 8195)]


def test_discard_ends_the_pending_state_and_the_mapping(mapped):
    mapped.send(discard(2, 20), int_(2, 20))
    assert mapped.calls() == [("clear", 1, 8195)]
    assert mapped.complaints() == [0x010307]


def test_mapi_makes_the_event_its_own_lpi(guest):
    guest.send(mapd(2, bits=14), mapc(3, 1), mapi(2, 8200, 3), int_(2, 8200))
    assert guest.calls() == [("pend", 1, 8200)]


def test_movi_moves_event_and_pending_state(mapped):
    mapped.send(movi(2, 20, 4), int_(2, 20))
    assert mapped.calls() == [("move", 1, 2, 8195), ("pend", 2, 8195)]


def test_movi_within_one_processor_moves_no_state(mapped):
    mapped.send(mapc(4, 1), movi(2, 20, 4))
    assert mapped.calls() == []
    mapped.send(mapc(4, 3), int_(2, 20))
    assert mapped.calls() == [("pend", 3, 8195)]


def test_movall_moves_all_state_of_a_processor_but_no_collection(mapped):
    mapped.send(movall(1, 3), int_(2, 20))
    assert mapped.calls() == [("move all", 1, 3), ("pend", 1, 8195)]


def test_movall_to_the_same_processor_does_nothing(mapped):
    mapped.send(movall(1, 1))
    assert (mapped.calls(), mapped.complaints()) == ([], [])


def test_inv_reloads_the_processor_of_the_event(mapped):
    mapped.send(inv(2, 20))
    assert mapped.calls() == [("reload", 1)]


def test_invall_reloads_the_processor_of_the_collection(mapped):
    mapped.send(invall(4))
    assert mapped.calls() == [("reload", 2)]


def test_sync_does_nothing_as_nothing_is_outstanding(mapped):
    mapped.send(sync(1), sync(99))
    assert (mapped.calls(), mapped.complaints()) == ([], [])


def test_mapc_again_retargets_every_event_of_the_collection(mapped):
    mapped.send(mapc(3, 3), int_(2, 20))
    assert mapped.calls() == [("pend", 3, 8195)]


def test_an_event_may_be_mapped_before_its_collection(guest):
    guest.send(mapd(2), mapti(2, 0, 8192, 5), int_(2, 0))
    assert guest.complaints() == [0x010310]
    guest.send(mapc(5, 0), int_(2, 0))
    assert guest.calls() == [("pend", 0, 8192)]


def test_unmapping_what_is_not_mapped_is_no_error(guest):
    guest.send(mapd(2, valid=False), mapc(3, 99, valid=False))
    assert guest.complaints() == []


def test_unmapping_ignores_the_size(mapped):
    mapped.send(mapd(2, bits=32, valid=False), int_(2, 20))
    assert mapped.complaints() == [0x010304]


def test_the_size_of_mapd_is_the_number_of_event_bits_minus_one(guest):
    guest.send(mapd(2, bits=1), mapti(2, 1, 8192, 0), mapti(2, 2, 8192, 0))
    assert guest.complaints() == [0x010A05]
    guest.send(mapd(2, bits=16), mapti(2, 65535, 8192, 0), mapti(2, 65536, 8192, 0))
    assert guest.complaints() == [0x010A05]


def test_two_devices_with_the_same_event_do_not_meet(mapped):
    mapped.send(mapd(7, itt=ITTS + ITT_SIZE), mapti(7, 20, 9000, 4), int_(7, 20), int_(2, 20))
    assert mapped.calls() == [("pend", 2, 9000), ("pend", 1, 8195)]


# ---- errors: one row a cause, encodings of section 5.5 ----

FAR = 8192
"""One past the tables' last entry."""

ERRORS = {
    "MOVI_DEVICE_OOR": (0x010101, movi(FAR, 20, 4)),
    "MOVI_COLLECTION_OOR": (0x010103, movi(2, 20, FAR)),
    "MOVI_UNMAPPED_DEVICE": (0x010104, movi(3, 20, 4)),
    "MOVI_ID_OOR": (0x010105, movi(2, 256, 4)),
    "MOVI_UNMAPPED_INTERRUPT": (0x010107, movi(2, 21, 4)),
    "MOVI_UNMAPPED_COLLECTION": (0x010109, movi(2, 20, 5)),
    "MOVI_UNMAPPED_COLLECTION of the old one": (0x010109, movi(2, 30, 4)),
    "INT_DEVICE_OOR": (0x010301, int_(FAR, 20)),
    "INT_DEVICE_OOR beyond 16 bits": (0x010301, int_(0x1_0002, 20)),
    "INT_UNMAPPED_DEVICE": (0x010304, int_(3, 20)),
    "INT_ID_OOR": (0x010305, int_(2, 256)),
    "INT_ID_OOR beyond 16 bits": (0x010305, int_(2, 0x8000_0014)),
    "INT_UNMAPPED_INTERRUPT": (0x010307, int_(2, 21)),
    "INT_ITE_INVALID": (0x010310, int_(2, 30)),
    "CLEAR_DEVICE_OOR": (0x010501, clear(FAR, 20)),
    "CLEAR_UNMAPPED_DEVICE": (0x010504, clear(3, 20)),
    "CLEAR_ID_OOR": (0x010505, clear(2, 256)),
    "CLEAR_UNMAPPED_INTERRUPT": (0x010507, clear(2, 21)),
    "CLEAR_ITE_INVALID": (0x010510, clear(2, 30)),
    "MAPD_DEVICE_OOR": (0x010801, mapd(FAR)),
    "MAPD_ITTSIZE_OOR": (0x010802, mapd(5, bits=17)),
    "MAPC_PROCNUM_OOR": (0x010902, mapc(5, CPUS)),
    "MAPC_PROCNUM_OOR beyond 16 bits": (0x010902, mapc(5, 0x1_0001)),
    "MAPC_COLLECTION_OOR": (0x010903, mapc(FAR, 1)),
    "MAPTI_DEVICE_OOR": (0x010A01, mapti(FAR, 1, 8192, 3)),
    "MAPTI_COLLECTION_OOR": (0x010A03, mapti(2, 1, 8192, FAR)),
    "MAPTI_UNMAPPED_DEVICE": (0x010A04, mapti(3, 1, 8192, 3)),
    "MAPTI_ID_OOR": (0x010A05, mapti(2, 256, 8192, 3)),
    "MAPTI_PHYSICALID_OOR below the LPIs": (0x010A06, mapti(2, 1, 8191, 3)),
    "MAPTI_PHYSICALID_OOR above 16 bits": (0x010A06, mapti(2, 1, 65536, 3)),
    "MAPI_DEVICE_OOR": (0x010B01, mapi(FAR, 1, 3)),
    "MAPI_COLLECTION_OOR": (0x010B03, mapi(2, 1, FAR)),
    "MAPI_UNMAPPED_DEVICE": (0x010B04, mapi(3, 1, 3)),
    "MAPI_ID_OOR": (0x010B05, mapi(2, 8192, 3)),
    "MAPI_PHYSICALID_OOR": (0x010B06, mapi(2, 255, 3)),
    "INV_DEVICE_OOR": (0x010C01, inv(FAR, 20)),
    "INV_UNMAPPED_DEVICE": (0x010C04, inv(3, 20)),
    "INV_ID_OOR": (0x010C05, inv(2, 256)),
    "INV_UNMAPPED_INTERRUPT": (0x010C07, inv(2, 21)),
    "INV_ITE_INVALID": (0x010C10, inv(2, 30)),
    "INVALL_COLLECTION_OOR": (0x010D03, invall(FAR)),
    "INVALL_UNMAPPED_COLLECTION": (0x010D09, invall(5)),
    "MOVALL_PROCNUM_OOR of the source": (0x010E01, movall(CPUS, 0)),
    "MOVALL_PROCNUM_OOR of the target": (0x010E01, movall(0, CPUS)),
    "DISCARD_DEVICE_OOR": (0x010F01, discard(FAR, 20)),
    "DISCARD_UNMAPPED_DEVICE": (0x010F04, discard(3, 20)),
    "DISCARD_ID_OOR": (0x010F05, discard(2, 256)),
    "DISCARD_UNMAPPED_INTERRUPT": (0x010F07, discard(2, 21)),
    "DISCARD_ITE_INVALID": (0x010F10, discard(2, 30)),
    "no such command": (0x012A00, (0x2A, 0, 0, 0)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_wrong_command_is_reported_changes_nothing_and_the_queue_goes_on(mapped, name):
    code, command = ERRORS[name]
    mapped.send(mapti(2, 30, 8200, 6))  # collection 6 is never mapped
    before = bytes(mapped.memory.ram[DEVICE_TABLE - RAM :])
    mapped.send(command, int_(2, 20))
    assert mapped.complaints() == [code]
    assert mapped.calls() == [("pend", 1, 8195)]
    assert bytes(mapped.memory.ram[DEVICE_TABLE - RAM :]) == before
    assert mapped.read(CREADR) == mapped.read(CWRITER)


# ---- messages ----


def test_a_devices_message_pends_its_lpi(mapped):
    mapped.its.translate(2, 20)
    assert mapped.calls() == [("pend", 1, 8195)]


def test_a_message_that_leads_nowhere_is_dropped_and_reported_as_an_int(mapped):
    mapped.its.translate(3, 20)
    mapped.its.translate(0xFFFF_FFFF, 0xFFFF_FFFF)
    mapped.its.translate(2, 21)
    assert (mapped.calls(), mapped.complaints()) == ([], [0x010304, 0x010301, 0x010307])


def test_messages_are_ignored_while_disabled(mapped):
    mapped.write(CTLR, 0, 4)
    mapped.its.translate(2, 20)
    mapped.write(CTLR, 1, 4)
    assert (mapped.calls(), mapped.complaints()) == ([], [])


@pytest.mark.parametrize("size", [2, 4])
def test_a_write_to_the_translation_register_is_an_event_of_device_0(mapped, size):
    mapped.send(mapd(0, itt=ITTS + ITT_SIZE), mapti(0, 9, 8300, 4))
    mapped.write(TRANSLATER, 9, size)
    assert mapped.calls() == [("pend", 2, 8300)]
