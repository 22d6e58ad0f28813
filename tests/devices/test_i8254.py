"""The 8254 against its datasheet: waveforms by hand, and a pulse-by-pulse model over random programs."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.i8254 import CounterModel

from vmm.devices.i8254 import I8254

from .fakes import FakeClock, FakeLine


def pulse_ns(pulse: int) -> int:
    """The nanosecond of a clock pulse: 12 crystal cycles of 14.31818 MHz each, rounded up."""
    return ceil(Fraction(pulse * 12 * 10**9, 14_318_180))


class Pit:
    """An 8254 with a clock that is moved pulse by pulse."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.irq = FakeLine(self.clock)
        self.chip = I8254(clock=self.clock, irq=self.irq)
        self.pulse = 0

    def control(self, value: int) -> None:
        self.chip.port_write(0x43, 1, value)

    def write(self, *values: int, counter: int = 0) -> None:
        for value in values:
            self.chip.port_write(0x40 + counter, 1, value)

    def read(self, counter: int = 0) -> int:
        return self.chip.port_read(0x40 + counter, 1)

    def read_word(self, counter: int = 0) -> int:
        return self.read(counter) | self.read(counter) << 8

    def pulses(self, number: int) -> None:
        self.pulse += number
        self.clock.advance_to(pulse_ns(self.pulse))

    def waveform(self, number: int) -> str:
        """IRQ 0 after each of the next pulses."""
        levels = ""
        for _ in range(number):
            self.pulses(1)
            assert self.chip.out(0) == self.irq.level
            levels += "#" if self.irq.level else "."
        return levels


@pytest.fixture
def pit() -> Pit:
    return Pit()


def control(mode: int, access: int = 1, counter: int = 0, bcd: int = 0) -> int:
    return counter << 6 | access << 4 | mode << 1 | bcd


# ---- one waveform a mode, as the datasheet draws it ----


def test_mode_0_goes_high_one_pulse_more_than_the_count_after_the_write(pit):
    pit.control(control(0))
    pit.write(4)
    assert pit.waveform(8) == "....####"


def test_mode_0_counts_anew_from_a_count_written_while_it_runs(pit):
    pit.control(control(0))
    pit.write(4)
    pit.pulses(3)
    pit.write(3)
    assert pit.waveform(6) == "...###"


def test_mode_0_stands_still_between_the_bytes_of_a_new_count(pit):
    pit.control(control(0, access=3))
    pit.write(2, 0)
    pit.pulses(4)
    assert pit.irq.level
    pit.write(5)
    assert not pit.irq.level
    pit.pulses(100)
    assert not pit.irq.level
    pit.write(0)
    assert pit.waveform(7) == ".....##"


def test_mode_0_loads_with_the_gate_low_and_counts_when_it_rises(pit):
    pit.control(control(0))
    pit.chip.set_gate(0, False)
    pit.write(3)
    pit.pulses(5)
    assert pit.read() == 3
    pit.chip.set_gate(0, True)
    assert pit.waveform(5) == "..###"


def test_mode_1_pulses_low_for_the_count_after_each_trigger(pit):
    pit.control(control(1))
    pit.write(3)
    pit.chip.set_gate(0, False)
    pit.pulses(5)
    assert pit.irq.level
    pit.chip.set_gate(0, True)
    assert pit.waveform(6) == "...###"
    pit.chip.set_gate(0, False)
    pit.chip.set_gate(0, True)
    assert pit.waveform(6) == "...###"


def test_mode_1_is_lengthened_by_a_trigger_while_it_is_low(pit):
    pit.control(control(1))
    pit.write(3)
    pit.chip.set_gate(0, False)
    pit.chip.set_gate(0, True)
    pit.pulses(2)
    pit.chip.set_gate(0, False)
    pit.chip.set_gate(0, True)
    assert pit.waveform(5) == "...##"


def test_mode_1_takes_no_trigger_before_it_has_a_count(pit):
    pit.control(control(1))
    pit.chip.set_gate(0, False)
    pit.chip.set_gate(0, True)
    pit.write(3)
    assert pit.waveform(6) == "######"


def test_mode_2_is_low_for_the_last_pulse_of_each_period(pit):
    pit.control(control(2))
    pit.write(3)
    assert pit.waveform(12) == "##.##.##.##."


def test_mode_2_takes_a_new_count_at_the_end_of_the_period(pit):
    pit.control(control(2))
    pit.write(4)
    pit.pulses(2)
    pit.write(3)
    assert pit.waveform(9) == "#.##.##.#"


def test_mode_2_goes_high_at_once_when_the_gate_falls_and_starts_over_when_it_rises(pit):
    pit.control(control(2))
    pit.write(3)
    pit.pulses(3)
    assert not pit.irq.level
    pit.chip.set_gate(0, False)
    assert pit.irq.level
    assert pit.waveform(9) == "#########"
    pit.chip.set_gate(0, True)
    assert pit.waveform(6) == "##.##."


@pytest.mark.parametrize(("mode", "periods"), [(2, "####.####."), (3, "###..###..")])
def test_a_rising_gate_starts_a_period_over_in_its_middle(pit, mode, periods):
    pit.control(control(mode))
    pit.write(5)
    pit.pulses(2)
    pit.chip.set_gate(0, False)
    pit.chip.set_gate(0, True)
    assert pit.waveform(10) == periods


@pytest.mark.parametrize(("mode", "waveform"), [(1, "....##"), (5, "####.#")])
def test_a_low_gate_does_not_stop_modes_1_and_5(pit, mode, waveform):
    pit.control(control(mode))
    pit.write(4)
    pit.chip.set_gate(0, False)
    pit.chip.set_gate(0, True)
    pit.chip.set_gate(0, False)
    assert pit.waveform(6) == waveform


def test_mode_3_is_a_square_wave_for_an_even_count(pit):
    pit.control(control(3))
    pit.write(4)
    assert pit.waveform(12) == "##..##..##.."


def test_mode_3_is_high_one_pulse_longer_for_an_odd_count(pit):
    pit.control(control(3))
    pit.write(5)
    assert pit.waveform(15) == "###..###..###.."


def test_mode_4_strobes_low_for_one_pulse_once(pit):
    pit.control(control(4))
    pit.write(3)
    assert pit.waveform(8) == "###.####"
    pit.pulses(2 * 65536)
    pit.chip.set_gate(0, True)  # changes nothing, but makes the counter look ahead anew
    pit.pulses(2 * 65536)
    assert len(pit.irq.rises) == 2  # the control word's and the strobe's


def test_mode_4_stands_still_while_the_gate_is_low(pit):
    pit.control(control(4))
    pit.write(3)
    pit.pulses(2)
    pit.chip.set_gate(0, False)
    assert pit.waveform(5) == "#####"
    pit.chip.set_gate(0, True)
    assert pit.waveform(4) == "#.##"


def test_mode_5_strobes_after_each_trigger_and_not_for_the_count_alone(pit):
    pit.control(control(5))
    pit.write(3)
    assert pit.waveform(8) == "########"
    pit.chip.set_gate(0, False)
    pit.chip.set_gate(0, True)
    assert pit.waveform(7) == "###.###"


# ---- counts ----


def test_a_count_of_zero_is_65536_in_binary_and_10000_in_bcd(pit):
    pit.control(control(0, access=3))
    pit.write(0, 0)
    pit.pulses(65536)
    assert not pit.irq.level
    pit.pulses(1)
    assert pit.irq.level
    pit.control(control(0, access=3, bcd=1))
    pit.write(0, 0)
    pit.pulses(10000)
    assert not pit.irq.level
    pit.pulses(1)
    assert pit.irq.level


def test_a_bcd_count_borrows_digit_by_digit(pit):
    pit.control(control(2, access=3, bcd=1))
    pit.write(0x00, 0x10)
    pit.pulses(2)
    assert pit.read_word() == 0x0999


def test_a_high_byte_count_has_a_zero_low_byte(pit):
    pit.control(control(2, access=2))
    pit.write(0x03)
    pit.pulses(1)
    assert pit.read() == 0x03
    pit.pulses(1)
    assert pit.read() == 0x02


def test_mode_3_reads_even_numbers_and_falls_by_two(pit):
    pit.control(control(3, access=3))
    pit.write(0x05, 0x01)
    pit.pulses(1)
    assert pit.read_word() == 0x0104
    pit.pulses(1)
    assert pit.read_word() == 0x0102


def test_modes_6_and_7_are_2_and_3_and_their_status_shows_what_was_written(pit):
    pit.control(control(7))
    pit.write(4)
    assert pit.waveform(8) == "##..##.."
    pit.control(0xE2)
    assert pit.read() & 0x3F == control(7)


# ---- latches and read-back ----


def test_a_latched_count_stays_until_both_bytes_are_read(pit):
    pit.control(control(2, access=3))
    pit.write(0x00, 0x10)
    pit.pulses(1)
    pit.control(0x00)
    pit.pulses(0x123)
    pit.control(0x00)
    assert pit.read_word() == 0x1000
    assert pit.read_word() == 0x1000 - 0x123


def test_a_count_latched_after_half_an_unlatched_read_starts_with_its_first_byte(pit):
    pit.control(control(2, access=3))
    pit.write(0x34, 0x12)
    pit.pulses(1)
    assert pit.read() == 0x34
    pit.control(0x00)
    assert pit.read_word() == 0x1234


def test_read_back_gives_status_first_then_the_count(pit):
    pit.control(control(2, access=3))
    pit.write(0x34, 0x12)
    pit.pulses(1)
    pit.control(0xC2)
    pit.pulses(5)
    assert pit.read() == 0x80 | control(2, access=3)
    assert pit.read_word() == 0x1234


def test_read_back_latches_every_selected_counter_at_the_same_pulse(pit):
    for counter in (0, 1):
        pit.control(control(2, access=3, counter=counter))
        pit.write(0x00, 0x20, counter=counter)
    pit.pulses(11)
    pit.control(0xC0 | 0x10 | 0x06)
    pit.pulses(7)
    assert pit.read_word(0) == pit.read_word(1) == 0x2000 - 10


def test_null_count_is_set_from_the_second_byte_until_the_count_is_loaded(pit):
    def null_count() -> bool:
        pit.control(0xE2)
        return bool(pit.read() & 0x40)

    pit.control(control(2, access=3))
    assert null_count()
    pit.write(4, 0)
    assert null_count()
    pit.pulses(1)
    assert not null_count()
    pit.write(6)
    assert not null_count()
    pit.write(0)
    assert null_count()
    pit.pulses(3)
    assert null_count()
    pit.pulses(1)
    assert not null_count()


def test_the_control_port_reads_as_all_ones(pit):
    assert pit.chip.port_read(0x43, 1) == 0xFF


# ---- the PC's wiring ----


def test_irq_0_ticks_a_hundred_times_a_second_without_drift(pit):
    pit.control(control(2, access=3))
    pit.write(11932 & 0xFF, 11932 >> 8)
    pit.clock.advance(10 * 10**9)
    # 14318180 / 12 / 11932 = 99.9985 Hz; the control word raised the line once, the count was loaded at pulse 1.
    periods = pit.irq.rises[1:]
    assert len(periods) == 999
    assert periods[0] == pulse_ns(1 + 11932)
    assert periods[-1] == pulse_ns(1 + 999 * 11932)


def test_nothing_is_to_come_before_the_first_programming(pit):
    assert pit.clock.idle
    assert not pit.irq.level


def test_at_power_on_each_counter_shows_mode_0_without_a_count(pit):
    pit.control(0xEE)
    assert [pit.read(counter) for counter in range(3)] == [0x40 | control(0, access=3)] * 3


def test_the_gate_of_counter_2_alone_is_low_at_power_on(pit):
    assert [pit.chip.gate(counter) for counter in range(3)] == [True, True, False]


def test_reset_silences_a_running_counter(pit):
    pit.control(control(2))
    pit.write(4)
    pit.pulses(10)
    pit.chip.reset()
    assert pit.clock.idle
    assert not pit.irq.level


# ---- against the model ----

BYTES = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x21, 0x99])  # valid in binary and in BCD
COMMANDS = st.one_of(
    st.tuples(st.just("control"), st.integers(0x10, 0x3F)),
    st.tuples(st.just("write"), BYTES),
    st.tuples(st.just("count"), st.integers(1, 9)),
    st.tuples(st.just("gate"), st.booleans()),
    st.tuples(st.just("gate pulse"), st.integers(0, 5)),
    st.tuples(st.just("pulses"), st.integers(0, 12)),
    st.tuples(st.just("pulses"), st.integers(0, 700)),
    st.tuples(st.just("latch"), st.none()),
    st.tuples(st.just("read back"), st.integers(0, 3)),
    st.tuples(st.just("read"), st.none()),
)


class Both:
    """The product and the model, given the same commands; `changes` is what the model says IRQ 0 did."""

    def __init__(self) -> None:
        self.pit = Pit()
        self.model = CounterModel()
        self.changes: list[tuple[int, bool]] = []
        self.level = False

    def do(self, command: str, value: int | bool | None) -> None:
        if command == "pulses":
            for pulse in range(self.pit.pulse + 1, self.pit.pulse + value + 1):
                self.model.pulse()
                self._note(pulse_ns(pulse))
            self.pit.pulses(value)
        elif command == "control":
            self.pit.control(value)
            self.model.control_word(value)
        elif command == "write":
            self.pit.write(value)
            self.model.write(value)
        elif command == "count":
            for byte in {"low": [value], "high": [value], "both": [value, 0]}[self.model.bytes_used]:
                self.do("write", byte)
        elif command == "gate pulse":
            self.do("gate", False)
            self.do("pulses", value)
            self.do("gate", True)
        elif command == "gate":
            self.pit.chip.set_gate(0, value)
            self.model.set_gate(value)
        elif command == "latch":
            self.pit.control(0)
            self.model.hold_count()
        elif command == "read back":
            self.pit.control(0xC2 | value << 4)
            if not value & 2:
                self.model.hold_count()
            if not value & 1:
                self.model.hold_status()
        else:
            expected = self.model.read()
            assert self.pit.read() == expected or expected is None
        self._note(self.pit.clock.time)
        assert self.pit.chip.out(0) == bool(self.model.output)

    def _note(self, ns: int) -> None:
        if self.level != bool(self.model.output):
            self.level = not self.level
            self.changes.append((ns, self.level))


@pytest.mark.slow
@settings(max_examples=400)
@given(st.integers(0x10, 0x3F), st.integers(1, 9), st.lists(COMMANDS, max_size=40))
def test_random_programs_agree_with_the_pulse_by_pulse_model(control_word, count, commands):
    both = Both()
    both.do("control", control_word)
    both.do("count", count)
    for command in commands:
        both.do(*command)
    assert both.pit.irq.changes == both.changes


@pytest.mark.parametrize("mode", range(6))
def test_the_longest_bcd_count_agrees_with_the_model_beyond_its_wrap(mode):
    both = Both()
    both.do("control", control(mode, access=3, bcd=1))
    both.do("write", 0)
    both.do("write", 0)
    both.do("gate", False)
    both.do("gate", True)
    for _ in range(5):
        both.do("pulses", 4999)
        both.do("read", None)
        both.do("read", None)
    assert both.pit.irq.changes == both.changes


def test_the_model_itself_follows_the_datasheet_table_of_an_odd_square_wave():
    model = CounterModel()
    model.control_word(control(3))
    model.write(5)
    seen = []
    for _ in range(10):
        model.pulse()
        seen.append((model.ce, model.output))
    assert seen == [(4, 1), (2, 1), (0, 1), (4, 0), (2, 0), (4, 1), (2, 1), (0, 1), (4, 0), (2, 0)]
