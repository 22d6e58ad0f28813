"""The event timers against the IA-PC HPET specification 1.0a; every count below is 10 ns of virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.devices.hpet import Hpet
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

from .fakes import FakeClock, FakeCounter

BASE = 0xFED00000
CAPABILITIES, CONFIGURATION, STATUS, COUNTER = 0x000, 0x010, 0x020, 0x0F0
ENABLE, LEGACY = 1, 2
LEVEL, INTERRUPT, PERIODIC, SET_VALUE, WIDTH_32 = 0x02, 0x04, 0x08, 0x40, 0x100
ALL_ONES = (1 << 64) - 1
ROUTES = (16, 20, 23)
TICK = 10


def timer(number: int) -> int:
    return 0x100 + 0x20 * number


def comparator(number: int) -> int:
    return timer(number) + 8


def route(line: int) -> int:
    return line << 9


class Board:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.lines = {number: self.clock.line() for number in ROUTES}
        self.irq0, self.irq8 = self.clock.line(), self.clock.line()
        self.replaced: list[bool] = []
        self.hpet = Hpet(
            clock=self.clock, counter=FakeCounter(self.clock), lines=self.lines, irq0=self.irq0, irq8=self.irq8,
            replace=self.replaced.append,
        )  # fmt: skip

    def read(self, register: int, size: int = 8) -> int:
        return self.hpet.mmio_read(BASE + register, size)

    def write(self, register: int, value: int, size: int = 8) -> None:
        self.hpet.mmio_write(BASE + register, size, value)

    def ticks(self, count: int) -> None:
        self.clock.advance(count * TICK)

    def one_shot(self, value: int, config: int = 0, number: int = 0, line: int = 20) -> None:
        """As an operating system does: configure, set, and let the counter run from 0."""
        self.write(timer(number), config | INTERRUPT | route(line))
        self.write(comparator(number), value)
        self.write(CONFIGURATION, ENABLE)

    def periodic(self, first: int, period: int, config: int = 0, number: int = 0, line: int = 20) -> None:
        self.write(timer(number), config | INTERRUPT | PERIODIC | SET_VALUE | route(line))
        self.write(comparator(number), first)
        self.write(comparator(number), period)
        self.write(CONFIGURATION, ENABLE)

    def rises(self, line: int = 20) -> list[int]:
        return [ns // TICK for ns in self.lines[line].rises]


@pytest.fixture
def board() -> Board:
    return Board()


# ---- identification and access ----


def test_capabilities_are_three_64_bit_timers_of_10_ns_with_legacy_replacement(board):
    assert board.read(CAPABILITIES) == 10_000_000 << 32 | 0x8086A201
    assert board.read(CAPABILITIES, 4) == 0x8086A201
    assert board.read(CAPABILITIES + 4, 4) == 10_000_000


def test_each_timer_is_periodic_capable_64_bits_wide_and_shows_the_boards_routes(board):
    mask = 1 << 16 | 1 << 20 | 1 << 23
    assert [board.read(timer(n)) for n in range(3)] == [mask << 32 | 0x30] * 3
    assert [board.read(comparator(n)) for n in range(3)] == [ALL_ONES] * 3


def test_there_is_no_fourth_timer_and_no_fsb_delivery(board):
    for register in (timer(0) + 0x10, timer(3), comparator(3), 0x3F8):
        board.write(register, ALL_ONES)
        assert board.read(register) == 0
    board.write(timer(0), 0xC000)
    assert board.read(timer(0)) & 0xC000 == 0


def test_capabilities_and_reserved_bits_ignore_writes(board):
    before = board.read(CAPABILITIES)
    board.write(CAPABILITIES, ALL_ONES)
    assert board.read(CAPABILITIES) == before
    board.write(CONFIGURATION, ALL_ONES & ~ENABLE)
    assert board.read(CONFIGURATION) == LEGACY
    board.write(timer(1), 0xFFFFFFFF_00000001)
    assert board.read(timer(1)) & 0xFFFFFFFF == 0x30


def test_a_route_the_board_does_not_have_is_not_taken(board):
    board.write(timer(2), route(23))
    board.write(timer(2), route(22) | LEVEL)
    assert board.read(timer(2)) & 0xFFFFFFFF == 0x30 | route(23) | LEVEL


def test_halves_are_written_apart(board):
    board.write(COUNTER, 0x11223344, 4)
    board.write(COUNTER + 4, 0x55667788, 4)
    assert board.read(COUNTER) == 0x5566778811223344
    board.write(comparator(1), 0x99AABBCC, 4)
    assert board.read(comparator(1)) == 0xFFFFFFFF99AABBCC
    board.write(CONFIGURATION, ENABLE)
    board.write(CONFIGURATION + 4, 0, 4)
    assert board.read(CONFIGURATION) == ENABLE
    board.write(timer(1), PERIODIC)
    board.write(timer(1) + 4, 0, 4)
    assert board.read(timer(1), 4) == 0x30 | PERIODIC


@pytest.mark.parametrize(("offset", "size"), [(0, 1), (0, 2), (2, 4), (4, 8)])
def test_writes_of_other_widths_or_places_are_ignored(board, offset, size):
    board.write(COUNTER + offset, 0x55, size)
    assert board.read(COUNTER) == 0


# ---- the main counter ----


def test_the_counter_stands_until_enabled_and_then_counts_10_ns(board):
    board.ticks(5)
    assert board.read(COUNTER) == 0
    board.write(CONFIGURATION, ENABLE)
    board.clock.advance(39)
    assert board.read(COUNTER) == 3
    board.clock.advance(1)
    assert board.read(COUNTER) == 4


def test_every_read_an_instruction_later_is_larger(board):
    board.write(CONFIGURATION, ENABLE)
    reads = []
    for _ in range(1000):
        board.ticks(1)
        reads.append(board.read(COUNTER))
    assert reads == list(range(1, 1001))


def test_halting_keeps_the_count_and_enabling_goes_on_from_it(board):
    board.write(CONFIGURATION, ENABLE)
    board.ticks(7)
    board.write(CONFIGURATION, 0)
    board.ticks(100)
    assert board.read(COUNTER) == 7
    board.write(CONFIGURATION, ENABLE)
    board.ticks(3)
    assert board.read(COUNTER) == 10


def test_writing_the_configuration_while_running_loses_no_part_of_a_tick(board):
    board.write(CONFIGURATION, ENABLE)
    for _ in range(10):
        board.clock.advance(9)
        board.write(CONFIGURATION, ENABLE)
    assert board.read(COUNTER) == 9


def test_the_counter_is_written_only_while_halted(board):
    board.write(COUNTER, 1000)
    board.write(CONFIGURATION, ENABLE)
    board.ticks(1)
    board.write(COUNTER, 5)
    assert board.read(COUNTER) == 1001


def test_the_counter_goes_round_after_64_bits(board):
    board.write(COUNTER, ALL_ONES)
    board.write(CONFIGURATION, ENABLE)
    board.ticks(3)
    assert board.read(COUNTER) == 2


# ---- one-shot ----


def test_a_one_shot_timer_gives_one_edge_when_the_counter_arrives(board):
    board.one_shot(100)
    board.ticks(1000)
    assert board.rises() == [100]
    assert board.read(comparator(0)) == 100
    assert board.read(STATUS) == 0, "edge-triggered timers have no status"


def test_the_edge_is_held_so_that_an_8259a_can_acknowledge_it_and_comes_again_at_the_next_match(board):
    board.one_shot(100)
    board.ticks(150)
    assert board.lines[20].level
    board.write(comparator(0), 200)
    board.ticks(100)
    assert board.rises() == [100, 200]
    assert board.lines[20].changes[1] == (200 * TICK, False)


def test_a_comparator_in_the_past_waits_for_the_counter_to_go_round(board):
    board.write(COUNTER, 50)
    board.one_shot(50)
    board.write(comparator(0), 49)
    board.ticks(10**6)
    assert board.rises() == []


def test_a_32_bit_timer_matches_each_time_its_half_of_the_counter_goes_round(board):
    board.one_shot(0x1_0000_0005, config=WIDTH_32)
    assert board.read(comparator(0)) == 5
    board.ticks(2 * 2**32 + 5)
    assert board.rises() == [5, 2**32 + 5, 2 * 2**32 + 5]


def test_narrowing_a_timer_drops_the_upper_half_of_its_comparator(board):
    board.write(timer(0), WIDTH_32)
    assert board.read(comparator(0)) == 0xFFFFFFFF
    board.write(comparator(0) + 4, 1, 4)
    assert board.read(comparator(0)) == 0xFFFFFFFF


def test_each_timer_has_its_own_comparator_and_route(board):
    board.one_shot(30, number=0, line=16)
    board.one_shot(20, number=1, line=20)
    board.one_shot(10, number=2, line=23)
    board.ticks(100)
    assert [board.rises(line) for line in ROUTES] == [[30], [20], [10]]


def test_moving_a_timer_to_another_line_takes_its_level_but_makes_no_edge(board):
    board.one_shot(10)
    board.ticks(20)
    board.write(timer(0), INTERRUPT | route(23))
    assert not board.lines[20].level
    assert board.rises(23) == []


def test_without_its_interrupt_enabled_a_timer_is_silent_and_nothing_is_due(board):
    board.one_shot(10)
    board.write(timer(0), route(20))
    assert board.clock.idle
    board.ticks(100)
    board.write(timer(0), INTERRUPT | route(20))
    assert board.rises() == []


def test_a_match_too_far_for_virtual_time_is_not_due(board):
    board.one_shot(ALL_ONES)
    assert board.clock.idle


def test_halting_the_counter_silences_every_timer_and_ends_edges(board):
    board.one_shot(10)
    board.ticks(10)
    assert board.lines[20].level
    board.write(CONFIGURATION, 0)
    assert not board.lines[20].level
    assert board.clock.idle
    board.write(CONFIGURATION, ENABLE)
    assert board.rises() == [10]


# ---- periodic ----


def test_a_periodic_timer_starts_at_the_value_set_and_goes_on_by_the_period(board):
    board.periodic(100, 30)
    board.ticks(195)
    assert board.rises() == [100, 130, 160, 190]
    assert board.read(comparator(0)) == 220


def test_one_write_with_value_set_is_both_first_match_and_period(board):
    board.write(timer(0), INTERRUPT | PERIODIC | SET_VALUE | route(20))
    board.write(comparator(0), 40)
    board.write(CONFIGURATION, ENABLE)
    board.ticks(130)
    assert board.rises() == [40, 80, 120]


def test_value_set_reads_as_0_and_lasts_for_one_write(board):
    board.write(timer(0), PERIODIC | SET_VALUE)
    assert board.read(timer(0)) & SET_VALUE == 0
    board.write(comparator(0), 100)
    board.write(comparator(0), 7)
    assert board.read(comparator(0)) == 100


def test_value_set_means_nothing_to_a_one_shot_timer(board):
    board.write(timer(0), SET_VALUE)
    board.write(timer(0), PERIODIC)
    board.write(comparator(0), 100)
    assert board.read(comparator(0)) == ALL_ONES


def test_a_new_period_takes_effect_at_the_next_match(board):
    board.periodic(100, 100)
    board.ticks(150)
    board.write(comparator(0), 10)
    board.ticks(75)
    assert board.rises() == [100, 200, 210, 220]


def test_half_a_period_is_written_with_the_other_half_kept(board):
    board.periodic(100, 2**32 + 50)
    board.write(comparator(0) + 4, 0, 4)
    board.ticks(250)
    assert board.rises() == [100, 150, 200, 250]


def test_narrowing_a_periodic_timer_drops_the_upper_half_of_its_period(board):
    board.periodic(100, 2**32 + 50)
    board.write(timer(0), PERIODIC | WIDTH_32)
    board.ticks(220)
    assert board.read(comparator(0)) == 250


def test_a_32_bit_periodic_timer_carries_on_over_the_end_of_its_half(board):
    board.write(COUNTER, 2**32 - 10)
    board.periodic(2**32 - 5, 10, config=WIDTH_32)
    board.ticks(30)
    assert board.rises() == [5, 15, 25]
    assert board.read(comparator(0)) == 25


def test_a_period_of_0_never_moves_the_comparator(board):
    board.periodic(10, 0)
    board.ticks(1000)
    assert board.rises() == [10]
    assert board.read(comparator(0)) == 10


@pytest.mark.slow
@settings(max_examples=60)
@given(
    first=st.integers(1, 500),
    period=st.integers(1, 300),
    start=st.integers(0, 2**32),
    steps=st.lists(st.integers(0, 4000), max_size=30),
)
def test_looking_in_between_changes_neither_edges_nor_comparator(first, period, start, steps):
    looked, alone = Board(), Board()
    for board in (looked, alone):
        board.write(COUNTER, start)
        board.periodic(start + first, period)
    for step in steps:
        looked.clock.advance(step)
        looked.read(comparator(0))
    elapsed = sum(steps)
    alone.clock.advance(elapsed)
    expected = list(range(first, elapsed // TICK + 1, period))
    assert looked.rises() == alone.rises() == expected
    assert looked.read(comparator(0)) == alone.read(comparator(0)) == start + first + len(expected) * period


@settings(max_examples=60)
@given(first=st.integers(1, 500), period=st.integers(1, 300), elapsed=st.integers(0, 5000))
def test_a_silent_periodic_timer_keeps_its_comparator_ahead_of_the_counter(first, period, elapsed):
    board = Board()
    board.periodic(first, period)
    board.write(timer(0), PERIODIC)
    board.ticks(elapsed)
    matches = len(range(first, elapsed + 1, period))
    assert board.read(comparator(0)) == first + matches * period
    assert board.rises() == []


# ---- level-triggered ----


def test_a_level_triggered_timer_holds_its_line_until_its_status_is_cleared(board):
    board.periodic(100, 100, config=LEVEL)
    board.ticks(350)
    assert board.lines[20].changes == [(100 * TICK, True)]
    assert board.clock.idle, "nothing more can happen to the line"
    assert board.read(STATUS) == 1
    board.write(STATUS, 0b110)
    assert board.lines[20].level
    board.write(STATUS, 1)
    assert not board.lines[20].level
    board.ticks(50)
    assert board.rises() == [100, 400]


def test_status_is_one_bit_a_timer_and_cleared_by_ones_alone(board):
    for number in range(3):
        board.one_shot(10, config=LEVEL, number=number)
    board.ticks(10)
    assert board.read(STATUS) == 0b111
    board.write(STATUS, 0)
    board.write(STATUS, 0b010, 4)
    assert board.read(STATUS, 4) == 0b101


def test_timers_share_a_level_triggered_line(board):
    board.one_shot(10, config=LEVEL, number=0)
    board.one_shot(20, config=LEVEL, number=1)
    board.ticks(30)
    board.write(STATUS, 1)
    assert board.lines[20].level
    board.write(STATUS, 2)
    assert not board.lines[20].level


def test_status_is_kept_without_the_interrupt_enabled_and_enabling_it_raises_the_line(board):
    board.write(timer(0), LEVEL | route(20))
    board.write(comparator(0), 10)
    board.write(CONFIGURATION, ENABLE)
    assert board.clock.idle
    board.ticks(20)
    assert board.read(STATUS) == 1
    assert not board.lines[20].level
    board.write(timer(0), LEVEL | INTERRUPT | route(20))
    assert board.rises() == [20]


def test_setting_a_comparator_anew_does_not_undo_its_unseen_match(board):
    board.write(timer(0), LEVEL)
    board.write(comparator(0), 10)
    board.write(CONFIGURATION, ENABLE)
    board.ticks(20)
    board.write(comparator(0), 1000)
    assert board.read(STATUS) == 1


def test_halting_lowers_the_line_but_keeps_the_status(board):
    board.one_shot(10, config=LEVEL)
    board.ticks(10)
    board.write(CONFIGURATION, 0)
    assert not board.lines[20].level
    assert board.read(STATUS) == 1
    board.write(CONFIGURATION, ENABLE)
    assert board.lines[20].level


def test_making_a_timer_edge_triggered_forgets_its_status(board):
    board.one_shot(10, config=LEVEL)
    board.ticks(10)
    board.write(timer(0), INTERRUPT | route(20))
    assert board.read(STATUS) == 0
    assert not board.lines[20].level


# ---- legacy replacement ----


def test_legacy_replacement_takes_timers_0_and_1_to_irq_0_and_irq_8(board):
    board.periodic(10, 10, number=0)
    board.one_shot(15, number=1)
    board.one_shot(25, number=2)
    board.write(CONFIGURATION, ENABLE | LEGACY)
    board.ticks(32)
    assert [ns // TICK for ns in board.irq0.rises] == [10, 20, 30]
    assert [ns // TICK for ns in board.irq8.rises] == [15]
    assert board.rises() == [25], "timer 2 keeps its route"


def test_the_board_is_told_once_when_replacement_begins_and_ends(board):
    assert board.replaced == []
    board.write(CONFIGURATION, LEGACY)
    board.write(CONFIGURATION, LEGACY | ENABLE)
    assert board.replaced == [True]
    board.write(CONFIGURATION, ENABLE)
    assert board.replaced == [True, False]


def test_ending_replacement_moves_a_level_back_to_its_route(board):
    board.one_shot(10, config=LEVEL)
    board.write(CONFIGURATION, ENABLE | LEGACY)
    board.ticks(10)
    assert (board.irq0.level, board.lines[20].level) == (True, False)
    board.write(CONFIGURATION, ENABLE)
    assert (board.irq0.level, board.lines[20].level) == (False, True)


# ---- reset ----


def test_reset_is_power_on_again(board):
    board.periodic(10, 10, config=LEVEL | WIDTH_32)
    board.write(CONFIGURATION, ENABLE | LEGACY)
    board.ticks(15)
    assert board.irq0.level
    board.hpet.reset()
    assert not board.irq0.level
    assert board.replaced == [True, False]
    assert board.clock.idle
    registers = [CONFIGURATION, STATUS, COUNTER, timer(0), comparator(0), timer(1)]
    assert [board.read(register) for register in registers] == [Board().read(register) for register in registers]
    board.ticks(100)
    assert board.read(COUNTER) == 0


def test_a_guest_reads_the_counter_whole_and_in_halves():
    """An instruction is a tick. The 2nd starts it; the 4th, 5th and 6th load it, 2, 3 and 4 ticks on."""
    m = Machine(Config(memory=4 * MIB, board="pc", console=None))
    code = (
        "c705f400d0fe44332211"  # mov dword [0fed000f4h],11223344h
        "c7051000d0fe01000000"  # mov dword [0fed00010h],1
        "90"
        "a1f000d0fe"  # mov eax,[0fed000f0h]
        "8b1df400d0fe"  # mov ebx,[0fed000f4h]
        "0f6f05f000d0fe"  # movq mm0,[0fed000f0h]
        "0f7f0500300000"  # movq [3000h],mm0
        "c7051000d0fe00000000"  # mov dword [0fed00010h],0
        "9090a1f000d0fe"  # mov eax,[0fed000f0h], where it stands
    )
    m.memory.write(0x1000, bytes.fromhex(code))
    m.cpu.enter_protected32(0x1000, {"cr4": m.cpu["cr4"]})
    m.run(insns=4)
    assert m.cpu["rax"] == 2
    m.run(insns=3)
    assert m.cpu["rbx"] == 0x11223344
    assert m.memory.read(0x3000, 8) == (0x11223344_00000004).to_bytes(8, "little")
    m.run(insns=4)
    assert m.cpu["rax"] == 6
