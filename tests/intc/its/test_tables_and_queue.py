"""Tables in guest memory and the queue of commands; by hand from Arm IHI 0069."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .its_guest import (
    BASER0,
    BASER1,
    CBASER,
    COLLECTION_TABLE,
    CPUS,
    CREADR,
    CTLR,
    CWRITER,
    DEVICE_TABLE,
    INDIRECT,
    ITT_SIZE,
    ITTS,
    LEVEL_2,
    QUEUE,
    RAM,
    RAM_SIZE,
    RETRY,
    STALLED,
    TRANSLATER,
    VALID,
    Guest,
    clear,
    discard,
    int_,
    invall,
    mapc,
    mapd,
    mapti,
    movi,
    sync,
)

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
