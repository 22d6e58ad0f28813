"""The ITS against Arm IHI 0069: registers, commands, error encodings, tables, queue; and a model of dictionaries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from models.agreement import checked

from vmm.errors import VmmError
from vmm.intc.its import Its

BASE = 0x0808_0000
CTLR, IIDR, TYPER, CBASER, CWRITER, CREADR, BASER0, BASER1 = 0x00, 0x04, 0x08, 0x80, 0x88, 0x90, 0x100, 0x108
TRANSLATER = 0x10040
VALID = 1 << 63
INDIRECT = 1 << 62
STALLED = RETRY = 1

RAM = 0x4000_0000
RAM_SIZE = 0x40_0000
QUEUE = RAM
DEVICE_TABLE = RAM + 0x2_0000
COLLECTION_TABLE = RAM + 0x3_0000
LEVEL_2 = RAM + 0x4_0000
ITTS = RAM + 0x10_0000
ITT_SIZE = 0x8_0000
"""65536 events of 8 bytes."""

CPUS = 4


class FakeMemory:
    def __init__(self) -> None:
        self.ram = bytearray(RAM_SIZE)

    def _place(self, address: int, size: int) -> int:
        if not RAM <= address <= RAM + RAM_SIZE - size:
            raise VmmError(f"no RAM at {address:#x}")
        return address - RAM

    def read(self, address: int, size: int) -> bytes:
        place = self._place(address, size)
        return bytes(self.ram[place : place + size])

    def write(self, address: int, data: bytes) -> None:
        place = self._place(address, len(data))
        self.ram[place : place + len(data)] = data


class FakeRedistributors:
    """Remembers every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def lpi(self, cpu: int, intid: int, pending: bool) -> None:
        self.calls.append(("pend" if pending else "clear", cpu, intid))

    def reload(self, cpu: int) -> None:
        self.calls.append(("reload", cpu))

    def move(self, source: int, target: int, intid: int) -> None:
        self.calls.append(("move", source, target, intid))

    def move_all(self, source: int, target: int) -> None:
        self.calls.append(("move all", source, target))


# ---- commands as the manual's figures draw them ----


def mapd(device, *, itt=ITTS, bits=8, valid=True):
    return (0x08 | device << 32, bits - 1, itt | valid << 63, 0)


def mapc(collection, target, *, valid=True):
    return (0x09, 0, collection | target << 16 | valid << 63, 0)


def mapti(device, event, intid, collection):
    return (0x0A | device << 32, event | intid << 32, collection, 0)


def mapi(device, event, collection):
    return (0x0B | device << 32, event, collection, 0)


def movi(device, event, collection):
    return (0x01 | device << 32, event, collection, 0)


def movall(source, target):
    return (0x0E, 0, source << 16, target << 16)


def of_event(opcode):
    return lambda device, event: (opcode | device << 32, event, 0, 0)


int_, clear, inv, discard = of_event(0x03), of_event(0x04), of_event(0x0C), of_event(0x0F)


def invall(collection):
    return (0x0D, 0, collection, 0)


def sync(target):
    return (0x05, 0, target << 16, 0)


class Guest:
    """A guest with a 4 KiB queue and one 64 KiB page for each table, 8192 entries."""

    def __init__(self, redistributors=None) -> None:
        self.memory = FakeMemory()
        self.redistributors = redistributors or FakeRedistributors()
        self.errors: list[int] = []
        self.reserved: list[int] = []
        self.its = Its(
            memory=self.memory,
            redistributors=self.redistributors,
            cpus=CPUS,
            guest_error=self.errors.append,
            reserved=self.reserved.append,
        )
        self.tail = 0
        self.queue_size = 0x1000

    def set_up(self) -> Guest:
        self.write(BASER0, VALID | DEVICE_TABLE)
        self.write(BASER1, VALID | COLLECTION_TABLE)
        self.write(CBASER, VALID | QUEUE)
        self.write(CTLR, 1, 4)
        return self

    def read(self, offset, size=8):
        return self.its.mmio_read(BASE + offset, size)

    def write(self, offset, value, size=8):
        self.its.mmio_write(BASE + offset, size, value)

    def poke(self, address, *doublewords):
        self.memory.write(address, b"".join(value.to_bytes(8, "little") for value in doublewords))

    def peek(self, address):
        return int.from_bytes(self.memory.read(address, 8), "little")

    def queue(self, *commands):
        """Put commands into the queue's memory; GITS_CWRITER does not know yet."""
        for command in commands:
            self.poke(QUEUE + self.tail, *command)
            self.tail = (self.tail + 32) % self.queue_size

    def send(self, *commands):
        self.queue(*commands)
        self.write(CWRITER, self.tail)

    def calls(self):
        """What reached the redistributors since last asked."""
        calls, self.redistributors.calls = self.redistributors.calls, []
        return calls

    def complaints(self):
        """The error codes since last asked."""
        errors = self.errors[:]
        self.errors.clear()
        return errors


@pytest.fixture
def guest():
    return Guest().set_up()


@pytest.fixture
def mapped(guest):
    """Device 2, event 20 → LPI 8195 → collection 3 → processor 1; collection 4 → processor 2."""
    guest.send(mapd(2), mapc(3, 1), mapc(4, 2), mapti(2, 20, 8195, 3))
    assert (guest.calls(), guest.complaints()) == ([], [])
    return guest


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


# ---- tables in guest memory ----


def test_entries_stand_in_guest_memory_in_the_documented_format(mapped):
    assert mapped.peek(DEVICE_TABLE + 8 * 2) == VALID | ITTS | 7
    assert mapped.peek(COLLECTION_TABLE + 8 * 3) == VALID | 1
    assert mapped.peek(ITTS + 8 * 20) == VALID | 8195 << 16 | 3


def test_unmapping_clears_the_entries(mapped):
    mapped.send(mapd(2, valid=False), mapc(3, 1, valid=False))
    assert (mapped.peek(DEVICE_TABLE + 16), mapped.peek(COLLECTION_TABLE + 24)) == (0, 0)


def test_without_tables_nothing_is_in_range():
    guest = Guest()
    guest.write(CBASER, VALID | QUEUE)
    guest.write(CTLR, 1, 4)
    guest.send(mapd(0), mapc(0, 0), int_(0, 0), invall(0))
    assert guest.complaints() == [0x010801, 0x010903, 0x010301, 0x010D03]


def test_a_table_of_more_pages_holds_more_devices():
    guest = Guest()
    guest.write(BASER0, VALID | ITTS + ITT_SIZE | 1)
    guest.write(CBASER, VALID | QUEUE)
    guest.write(CTLR, 1, 4)
    guest.send(mapd(16383), mapd(16384))
    assert guest.complaints() == [0x010801]
    assert guest.peek(ITTS + ITT_SIZE + 8 * 16383) == VALID | ITTS | 7


def test_no_table_holds_ids_of_more_than_16_bits():
    guest = Guest()
    guest.write(BASER0, VALID | ITTS | 15)
    guest.write(CBASER, VALID | QUEUE)
    guest.write(CTLR, 1, 4)
    guest.send(mapd(65536), mapd(65535, itt=RAM))
    assert guest.complaints() == [0x010801]


def two_levels():
    guest = Guest().set_up()
    guest.write(CTLR, 0, 4)
    guest.write(BASER0, VALID | INDIRECT | DEVICE_TABLE)
    guest.write(CTLR, 1, 4)
    return guest


def test_a_two_level_table_is_walked_by_pages_of_8192_entries():
    guest = two_levels()
    guest.poke(DEVICE_TABLE + 8 * 2, VALID | LEVEL_2)
    device = 2 * 8192 + 5
    guest.send(mapd(device), mapc(3, 1), mapti(device, 20, 8195, 3), int_(device, 20))
    assert guest.calls() == [("pend", 1, 8195)]
    assert guest.peek(LEVEL_2 + 8 * 5) == VALID | ITTS | 7


def test_a_device_without_a_second_level_cannot_be_mapped_and_is_not():
    guest = two_levels()
    guest.send(mapd(5), int_(5, 0))
    assert guest.complaints() == [0x010801, 0x010304]


def test_a_collection_without_a_second_level_is_not_mapped():
    guest = Guest().set_up()
    guest.write(CTLR, 0, 4)
    guest.write(BASER1, VALID | INDIRECT | COLLECTION_TABLE)
    guest.write(CTLR, 1, 4)
    guest.send(mapc(5, 0), invall(5))
    assert guest.complaints() == [0x010903, 0x010D09]


@pytest.mark.parametrize("itt", [0, 0x000F_FFFF_FFFF_FF00])
def test_an_itt_outside_memory_is_reported_by_each_command_that_needs_it(guest, itt):
    guest.send(mapd(2, itt=itt), mapti(2, 0, 8192, 3), int_(2, 0), discard(2, 0), mapc(3, 1))
    assert guest.complaints() == [0x010AFF, 0x0103FF, 0x010FFF]


@pytest.mark.parametrize("flags", [0, INDIRECT])
def test_tables_outside_memory_are_reported(flags):
    guest = Guest()
    guest.write(BASER0, VALID | flags | 0x9_0000)
    guest.write(BASER1, VALID | flags | COLLECTION_TABLE | 0xF000)  # address bits 51-48
    guest.write(CBASER, VALID | QUEUE)
    guest.write(CTLR, 1, 4)
    guest.send(mapd(0), mapc(0, 0), int_(0, 0), invall(0))
    assert guest.complaints() == [0x0108FF, 0x0109FF, 0x0103FF, 0x010DFF]


@pytest.mark.parametrize(
    ("address", "entry", "code"),
    [
        (ITTS + 8 * 20, VALID | 8191 << 16 | 3, 0x010310),
        (ITTS + 8 * 20, VALID | 0xFFFF_FFFF << 16 | 3, 0x010310),
        (ITTS + 8 * 20, VALID | 8195 << 16 | 0xFFFF, 0x010310),
        (COLLECTION_TABLE + 8 * 3, VALID | 0xFFFF, 0x010310),
        (DEVICE_TABLE + 8 * 2, VALID | 0x1F, 0x0103FF),
        (DEVICE_TABLE + 8 * 2, 0x7FFF_FFFF_FFFF_FFFF, 0x010304),
    ],
)
def test_what_a_guest_scribbles_into_its_tables_is_checked_when_it_is_used(mapped, address, entry, code):
    mapped.poke(address, entry)
    mapped.send(int_(2, 20))
    assert (mapped.calls(), mapped.complaints()) == ([], [code])


def test_a_scribbled_intid_is_not_moved(mapped):
    mapped.poke(ITTS + 8 * 20, VALID | 8191 << 16 | 3)
    mapped.send(movi(2, 20, 4))
    assert (mapped.calls(), mapped.complaints()) == ([], [0x010110])


# ---- the queue ----


def test_commands_wait_until_the_its_is_enabled(mapped):
    mapped.write(CTLR, 0, 4)
    mapped.send(int_(2, 20), clear(2, 20))
    assert mapped.calls() == []
    mapped.write(CTLR, 1, 4)
    assert mapped.calls() == [("pend", 1, 8195), ("clear", 1, 8195)]


def test_commands_wait_for_a_valid_queue():
    guest = Guest()
    guest.queue(invall(0))
    guest.write(CTLR, 1, 4)
    guest.write(CWRITER, 32)
    assert (guest.complaints(), guest.read(CREADR)) == ([], 0)


def test_the_write_pointer_may_be_written_by_halves(mapped):
    mapped.queue(int_(2, 20))
    mapped.write(CWRITER + 4, 0, 4)
    assert mapped.calls() == []
    mapped.write(CWRITER, mapped.tail, 4)
    assert mapped.calls() == [("pend", 1, 8195)]
    mapped.write(CWRITER + 4, 0, 4)
    assert mapped.calls() == []


def test_the_queue_wraps_at_its_end(mapped):
    mapped.send(*[sync(0)] * 100)
    mapped.send(*[int_(2, 20)] * 50)
    assert mapped.calls() == [("pend", 1, 8195)] * 50
    assert mapped.read(CREADR) == mapped.tail == (4 + 100 + 50 - 128) * 32


def test_a_queue_pointer_that_does_not_move_runs_nothing_again(mapped):
    mapped.send(int_(2, 20))
    mapped.write(CWRITER, mapped.tail)
    mapped.write(CTLR, 1, 4)
    assert mapped.calls() == [("pend", 1, 8195)]


def test_a_write_runs_at_most_one_length_of_the_queue(mapped):
    for slot in range(128):
        mapped.poke(QUEUE + 32 * slot, *int_(2, 20))
    mapped.write(CWRITER, mapped.tail - 32)
    assert len(mapped.calls()) == 127


def test_the_queue_stalls_where_there_is_no_memory_until_it_is_retried(guest):
    guest.write(CTLR, 0, 4)
    guest.write(CBASER, VALID | RAM + RAM_SIZE - 0x1000 | 1)  # its second page is beyond RAM
    guest.write(CTLR, 1, 4)
    guest.write(CWRITER, 0x1020)
    assert guest.complaints() == [0x010000] * 128 + [0x0100FF]
    assert guest.read(CREADR) == 0x1000 | STALLED
    guest.write(CWRITER, 0x1020)
    assert guest.complaints() == []
    guest.write(CWRITER, 0x1020 | RETRY)
    assert guest.complaints() == [0x0100FF]
    guest.write(CWRITER, 0x1000 | RETRY)
    assert (guest.complaints(), guest.read(CREADR), guest.read(CWRITER)) == ([], 0x1000, 0x1000)


def test_a_write_pointer_beyond_the_queue_stalls_it(mapped):
    mapped.write(CWRITER, 0x1000)
    assert (mapped.complaints(), mapped.read(CREADR) & STALLED) == ([0x0100FF], STALLED)
    mapped.queue(int_(2, 20))
    mapped.write(CWRITER, mapped.tail | RETRY)
    assert (mapped.calls(), mapped.complaints()) == ([("pend", 1, 8195)], [])


def test_another_queue_ends_a_stall(mapped):
    mapped.write(CWRITER, 0xF_FFE0)
    mapped.write(CTLR, 0, 4)
    mapped.write(CBASER, VALID | QUEUE)
    assert mapped.read(CREADR) == 0
    mapped.complaints()
    mapped.tail = 0
    mapped.send(int_(2, 20))
    mapped.write(CTLR, 1, 4)
    assert (mapped.calls(), mapped.complaints()) == ([("pend", 1, 8195)], [])


addresses = st.one_of(st.integers(RAM, RAM + 0x8_0000), st.integers(0, 2**64 - 1))


@given(
    accesses=st.lists(
        st.tuples(
            st.one_of(st.sampled_from((CTLR, CBASER, CWRITER, BASER0, BASER1, TRANSLATER)), st.integers(0, 0x1_FFFF)),
            st.sampled_from((1, 2, 4, 8)),
            st.one_of(addresses.map(lambda value: value | VALID), addresses, st.just(1)),
        ),
        max_size=20,
    ),
    commands=st.binary(max_size=0x1000),
)
def test_no_sequence_of_accesses_breaks_it(accesses, commands):
    guest = Guest().set_up()
    guest.memory.write(QUEUE, commands)
    for offset, size, value in accesses:
        guest.write(offset, value & (1 << 8 * size) - 1, size)
        assert 0 <= guest.read(offset, size) < 1 << 8 * size
    assert all(call[1] < CPUS for call in guest.calls())


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


# ---- the sequences of kvm-unit-tests: arm/gic.c, lib/arm64/gic-v3-its*.c ----


class CachingRedistributors:
    """Redistributors that read LPI enables from `config` only when told to, and deliver what is pending and enabled."""

    def __init__(self) -> None:
        self.config: dict[int, bool] = {}
        self.cached: dict[int, dict[int, bool]] = {cpu: {} for cpu in range(CPUS)}
        self.pending: set[tuple[int, int]] = set()
        self.taken: list[tuple[int, int]] = []

    def lpi(self, cpu: int, intid: int, pending: bool) -> None:
        (self.pending.add if pending else self.pending.discard)((cpu, intid))
        self._deliver()

    def reload(self, cpu: int) -> None:
        self.cached[cpu] = dict(self.config)
        self._deliver()

    def _deliver(self) -> None:
        for cpu, intid in sorted(self.pending):
            if self.cached[cpu].get(intid):
                self.pending.remove((cpu, intid))
                self.taken.append((cpu, intid))


class KvmUnitTest:
    """its_init, its_enable_defaults and one command at a time, each waited for, in a 64 KiB queue."""

    def __init__(self) -> None:
        self.redistributors = CachingRedistributors()
        self.guest = Guest(self.redistributors)
        self.guest.queue_size = 0x1_0000
        for kind, table in ((1, DEVICE_TABLE), (4, COLLECTION_TABLE)):
            offset, value = self.baser_of(kind)
            self.guest.write(offset, value | table | VALID)
        self.guest.write(CBASER, QUEUE | 0xF | VALID)
        self.guest.write(CWRITER, 0)
        self.guest.write(CTLR, 1, 4)
        self.itts = iter(range(ITTS, RAM + RAM_SIZE, 0x1000))

    def baser_of(self, kind):
        found = [offset for offset in range(0x100, 0x140, 8) if self.guest.read(offset) >> 56 & 7 == kind]
        value = self.guest.read(found[0])
        assert value & 0x300 == 0x200, "64 KiB pages before the first write"
        return found[0], value

    def send(self, command):
        self.guest.send(command)
        assert self.guest.read(CREADR) == self.guest.tail

    def create_device(self, device):
        self.itt = next(self.itts)
        self.send(mapd(device, itt=self.itt, bits=8))

    def set_up_1(self):
        self.redistributors.config.update({8195: True, 8196: True})
        self.create_device(2)
        self.create_device(7)
        for command in (mapc(3, 3), mapc(2, 2), invall(2), invall(3), mapti(2, 20, 8195, 3), mapti(7, 255, 8196, 2)):
            self.send(command)
        return self

    def taken(self):
        taken, self.redistributors.taken = self.redistributors.taken, []
        return taken


def test_kvm_unit_tests_its_introspection():
    guest = Guest()
    for offset in (IIDR, TYPER):
        original = guest.read(offset, 4)
        for pattern in (0xFFFF_FFFF, ~original & 0xFFFF_FFFF, 0):
            guest.write(offset, pattern, 4)
            assert guest.read(offset, 4) == original
    typer = guest.read(TYPER)
    assert typer & 1
    assert not typer >> 19 & 1
    assert ((typer >> 4 & 0xF) + 1) * 256 <= 0x1000, "a page must hold the table of 256 events it allots"


def test_kvm_unit_tests_its_trigger():
    test = KvmUnitTest().set_up_1()
    test.send(int_(2, 20))
    assert test.taken() == [(3, 8195)]
    test.send(int_(7, 255))
    assert test.taken() == [(2, 8196)]

    test.redistributors.config[8195] = False
    test.send(inv(2, 20))
    test.send(int_(2, 20))
    assert test.taken() == []
    test.redistributors.config[8195] = True
    test.send(int_(2, 20))
    test.send(invall(3))
    assert test.taken() == [(3, 8195)]
    test.send(int_(2, 20))
    assert test.taken() == [(3, 8195)]

    assert test.guest.errors == []
    test.send(mapd(2, itt=ITTS, valid=False))
    test.send(int_(2, 20))
    assert test.taken() == []
    assert test.guest.errors == [0x010304]


def test_kvm_unit_tests_unmapped_collection():
    test = KvmUnitTest().set_up_1()
    test.send(mapti(2, 0, 8192, 0))
    test.redistributors.config[8192] = True
    test.send(mapc(0, 0))
    test.send(invall(0))
    test.send(int_(7, 255))
    test.send(int_(2, 0))
    assert test.taken() == [(2, 8196), (0, 8192)]
    assert test.guest.errors == []


def test_kvm_unit_tests_pending_lpis_of_256_events_on_two_processors():
    test = KvmUnitTest()
    test.create_device(2)
    test.send(mapc(3, 3))
    test.send(mapc(2, 2))
    for event in range(256):
        collection = 3 if event % 2 else 2
        test.send(mapti(2, event, 8192 + event, collection))
        test.redistributors.config[8192 + event] = True
        test.redistributors.pending.add((collection, 8192 + event))
    test.send(invall(3))
    test.send(invall(2))
    taken = test.taken()
    assert [sum(cpu == wanted for cpu, _ in taken) for wanted in range(CPUS)] == [0, 0, 128, 128]
    assert test.guest.errors == []


# ---- against a second model ----

DEVICES = (0, 1, 2, 8191, 8192, 70000)
EVENTS = (0, 1, 3, 4, 8192, 8193, 16384, 65535, 65536)
INTIDS = (0, 8191, 8192, 8193, 65535, 65536)
COLLECTIONS = (0, 1, 2, 8191, 8192, 65535)
PROCESSORS = (0, 1, 2, 3, 4, 0xFFFF)
EVENT_OPCODES = {0x03: "INT", 0x04: "CLEAR", 0x0C: "INV", 0x0F: "DISCARD"}

device_ids, event_ids, intids = st.sampled_from(DEVICES), st.sampled_from(EVENTS), st.sampled_from(INTIDS)
collection_ids, processors = st.sampled_from(COLLECTIONS), st.sampled_from(PROCESSORS)
bits = st.sampled_from((1, 2, 14, 16, 17, 32))


class Mappings(RuleBasedStateMachine):
    """Every command against device → event → (INTID, collection) → processor in dictionaries.

    The manual does not say which error is told when several apply: any of them will do.
    """

    @initialize(indirect=st.booleans())
    def start(self, indirect):
        self.guest = Guest().set_up()
        if indirect:  # with a second level for devices 0-8191 only
            self.guest.write(CTLR, 0, 4)
            self.guest.write(BASER0, VALID | INDIRECT | DEVICE_TABLE)
            self.guest.poke(DEVICE_TABLE, VALID | LEVEL_2)
            self.guest.write(CTLR, 1, 4)
        self.reachable = 65536 if indirect else 8192
        self.devices: dict[int, int] = {}  # number of events
        self.events: dict[int, dict[int, tuple[int, int]]] = {}
        self.processors: dict[int, int] = {}

    def expect(self, command, faults, calls=()):
        """True when the command was right."""
        self.guest.send(command)
        errors, seen = self.guest.complaints(), self.guest.calls()
        if not faults:
            assert (errors, seen) == ([], list(calls))
            return True
        group = 0x05 if command[0] & 0xFF == 0x04 else command[0] & 0xFF
        assert len(errors) == 1
        assert errors[0] in {0x010000 | group << 8 | fault for fault in faults}
        assert seen == []
        return False

    def event_faults(self, device, event):
        if device >= self.reachable:
            return {0x01}
        if device not in self.devices:
            return {0x04}
        return {0x05} if event >= self.devices[device] else set()

    def route_faults(self, device, event):
        faults = self.event_faults(device, event)
        if faults:
            return faults
        if event not in self.events[device]:
            return {0x07}
        return set() if self.events[device][event][1] in self.processors else {0x10}

    @rule(device=device_ids, bits=bits)
    def map_device(self, device, bits):
        itt = ITTS + ITT_SIZE * (DEVICES.index(device) % 5)
        faults = ({0x01} if device >= 8192 else set()) | ({0x02} if bits > 16 else set())
        if not faults:
            self.guest.memory.write(itt, bytes(ITT_SIZE))  # the manual wants an ITT of zeros
        if self.expect(mapd(device, itt=itt, bits=bits), faults):
            self.devices[device], self.events[device] = 1 << bits, {}

    @rule(device=device_ids)
    def unmap_device(self, device):
        if self.expect(mapd(device, valid=False), {0x01} if device >= 8192 else set()):
            self.devices.pop(device, None)

    @rule(collection=collection_ids, cpu=processors)
    def map_collection(self, collection, cpu):
        faults = ({0x02} if cpu >= CPUS else set()) | ({0x03} if collection >= 8192 else set())
        if self.expect(mapc(collection, cpu), faults):
            self.processors[collection] = cpu

    @rule(collection=collection_ids)
    def unmap_collection(self, collection):
        if self.expect(mapc(collection, 0, valid=False), {0x03} if collection >= 8192 else set()):
            self.processors.pop(collection, None)

    @rule(device=device_ids, event=event_ids, intid=intids, collection=collection_ids, own=st.booleans())
    def map_event(self, device, event, intid, collection, own):
        command = mapi(device, event, collection) if own else mapti(device, event, intid, collection)
        lpi = event if own else intid
        faults = self.event_faults(device, event)
        faults |= {0x03} if collection >= 8192 else set()
        faults |= set() if 8192 <= lpi < 65536 else {0x06}
        if self.expect(command, faults):
            self.events[device][event] = (lpi, collection)

    @rule(device=device_ids, event=event_ids, collection=collection_ids)
    def move_event(self, device, event, collection):
        faults = {0x03} if collection >= 8192 else set() if collection in self.processors else {0x09}
        way = self.route_faults(device, event)
        faults |= {0x09} if way == {0x10} else way
        calls = []
        if not faults:
            intid, old = self.events[device][event]
            source, target = self.processors[old], self.processors[collection]
            calls = [("move", source, target, intid)] if source != target else []
        if self.expect(movi(device, event, collection), faults, calls):
            self.events[device][event] = (intid, collection)

    @rule(source=processors, to=processors)
    def move_all(self, source, to):
        faults = {0x01} if source >= CPUS or to >= CPUS else set()
        self.expect(movall(source, to), faults, [("move all", source, to)] if source != to else [])

    @rule(collection=collection_ids)
    def invalidate_collection(self, collection):
        faults = {0x03} if collection >= 8192 else set() if collection in self.processors else {0x09}
        self.expect(invall(collection), faults, [("reload", self.processors.get(collection))])

    @rule(device=device_ids, event=event_ids, opcode=st.sampled_from(sorted(EVENT_OPCODES)))
    def use_event(self, device, event, opcode):
        faults = self.route_faults(device, event)
        calls = []
        if not faults:
            intid, collection = self.events[device][event]
            cpu = self.processors[collection]
            name = EVENT_OPCODES[opcode]
            calls = [("reload", cpu) if name == "INV" else ("pend" if name == "INT" else "clear", cpu, intid)]
        if self.expect(of_event(opcode)(device, event), faults, calls) and EVENT_OPCODES[opcode] == "DISCARD":
            del self.events[device][event]

    @invariant()
    def every_event_leads_where_the_dictionaries_say(self):
        for device in sorted(getattr(self, "devices", ())):
            for event, (intid, collection) in sorted(self.events[device].items()):
                self.guest.its.translate(device, event)
                cpu = self.processors.get(collection)
                assert self.guest.calls() == ([] if cpu is None else [("pend", cpu, intid)])
                assert self.guest.complaints() == ([0x010310] if cpu is None else [])


TestMappings = pytest.mark.slow(checked(Mappings, examples=100, steps=40))
