"""PSCI against its specification (DEN0022): ids and results, and the vCPUs' way from off through pending to on."""

from __future__ import annotations

import pytest

from vmm.devices.psci import Psci

from .fakes import FakeStop

VERSION, SUSPEND, OFF, ON, AFFINITY, MIGRATE_INFO_TYPE = (0x84000000 + n for n in (0, 1, 2, 3, 4, 6))
SYSTEM_OFF, SYSTEM_RESET, FEATURES = 0x84000008, 0x84000009, 0x8400000A
SUSPEND64, ON64, AFFINITY64 = 0xC4000001, 0xC4000003, 0xC4000004
SMCCC_VERSION, ARCH_FEATURES = 0x80000000, 0x80000001
SUCCESS, NOT_SUPPORTED, INVALID_PARAMETERS, ALREADY_ON, ON_PENDING, INVALID_ADDRESS = 0, -1, -2, -4, -5, -9
ENTRY = 0x4008_0000


class Machine:
    """Three vCPUs, of which number 0 runs and calls."""

    def __init__(self) -> None:
        self.states = ["on", "off", "off"]
        self.done = []
        self.stop = FakeStop()
        self.psci = Psci(self, self.stop)

    def state(self, cpu: int):
        return self.states[cpu] if cpu < len(self.states) else None

    def start(self, cpu: int, entry: int, context: int) -> None:
        self.states[cpu] = "pending"
        self.done.append(("start", cpu, entry, context))

    def stop_self(self) -> None:
        self.done.append(("stop",))

    def suspend_self(self) -> None:
        self.done.append(("suspend",))

    def call(self, function: int, *arguments: int, wide: bool = True) -> int | None:
        """The result as a signed number, after a look at its width."""
        first, second, third = (*arguments, 0, 0, 0)[:3]
        result = self.psci.call(function, (first, second, third), wide)
        if result is None:
            return None
        bits = 64 if wide else 32
        assert 0 <= result < 1 << bits
        return result - (1 << bits) if result >> bits - 1 else result


@pytest.fixture
def machine() -> Machine:
    return Machine()


BOTH_STATES = pytest.mark.parametrize("wide", [False, True], ids=["AArch32", "AArch64"])


@BOTH_STATES
def test_versions_and_migration_are_told(machine, wide):
    assert machine.call(VERSION, wide=wide) == 0x0001_0001
    assert machine.call(SMCCC_VERSION, wide=wide) == 0x0001_0001
    assert machine.call(MIGRATE_INFO_TYPE, wide=wide) == 2


@BOTH_STATES
@pytest.mark.parametrize("function", [1337, 0, 0x84000005, 0x84000007, 0x8400000E, 0x840000FF, 0xC4000000, 0xC4000008])
def test_an_unknown_function_is_not_supported(machine, function, wide):
    assert machine.call(function, wide=wide) == NOT_SUPPORTED
    assert not machine.done
    assert not machine.stop.calls


@pytest.mark.parametrize("function", [SUSPEND64, ON64, AFFINITY64])
def test_a_64_bit_function_is_unknown_to_an_aarch32_caller(machine, function):
    assert machine.call(function, 1, ENTRY, wide=False) == NOT_SUPPORTED
    assert not machine.done


def test_only_the_low_word_of_the_register_is_the_functions_id(machine):
    assert machine.call(0xDEAD_BEEF_0000_0000 | VERSION) == 0x0001_0001


# ---- CPU_ON and AFFINITY_INFO ----


@pytest.mark.parametrize(("function", "wide"), [(ON, False), (ON, True), (ON64, True)])
def test_cpu_on_starts_a_cpu_at_its_entry_with_its_context(machine, function, wide):
    assert machine.call(function, 2, ENTRY, 0x1234, wide=wide) == SUCCESS
    assert machine.done == [("start", 2, ENTRY, 0x1234)]


@pytest.mark.parametrize(
    ("function", "entry", "context"),
    [(ON64, 0x12_4008_0000, 0xFEDC_BA98_7654_3210), (ON, 0x4008_0000, 0x7654_3210)],
    ids=["SMC64", "SMC32"],
)
def test_arguments_are_as_wide_as_the_function(machine, function, entry, context):
    machine.call(function, 1, 0x12_4008_0000, 0xFEDC_BA98_7654_3210)
    assert machine.done == [("start", 1, entry, context)]


def test_a_cpu_is_off_then_pending_then_on(machine):
    assert machine.call(AFFINITY64, 1) == 1
    machine.call(ON64, 1, ENTRY)
    assert machine.call(AFFINITY64, 1) == 2
    assert machine.call(ON64, 1, ENTRY) == ON_PENDING
    machine.states[1] = "on"
    assert machine.call(AFFINITY64, 1) == 0
    assert machine.call(ON64, 1, ENTRY) == ALREADY_ON
    assert len(machine.done) == 1


def test_the_caller_is_on(machine):
    assert machine.call(AFFINITY, 0, wide=False) == 0
    assert machine.call(ON, 0, ENTRY, wide=False) == ALREADY_ON


@pytest.mark.parametrize("target", [3, 0xFF, 0x100, 0x1_0001, 0x8000_0001, 0x1_0000_0001, (1 << 64) - 1])
def test_a_target_that_is_no_cpu_is_an_invalid_parameter(machine, target):
    assert machine.call(ON64, target, ENTRY) == INVALID_PARAMETERS
    assert machine.call(AFFINITY64, target) == INVALID_PARAMETERS
    assert not machine.done


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_only_affinity_level_0_can_be_asked_about(machine, level):
    assert machine.call(AFFINITY64, 0, level) == INVALID_PARAMETERS


@pytest.mark.parametrize(
    ("wide", "low_bits", "result"),
    [
        (True, 1, INVALID_ADDRESS),
        (True, 2, INVALID_ADDRESS),
        (True, 3, INVALID_ADDRESS),
        (False, 1, SUCCESS),  # T32
        (False, 2, INVALID_ADDRESS),
        (False, 3, SUCCESS),  # T32, at a halfword
    ],
)
def test_an_entry_must_be_aligned_for_its_instruction_set(machine, wide, low_bits, result):
    assert machine.call(ON, 1, ENTRY + low_bits, wide=wide) == result
    assert machine.states[1] == ("pending" if result == SUCCESS else "off")


# ---- the caller itself ----


def test_cpu_off_does_not_return(machine):
    assert machine.call(OFF) is None
    assert machine.done == [("stop",)]


@pytest.mark.parametrize(("function", "wide"), [(SUSPEND, False), (SUSPEND, True), (SUSPEND64, True)])
@pytest.mark.parametrize("power_state", [0, 0xFFFF])
def test_standby_waits_and_returns_success(machine, function, wide, power_state):
    assert machine.call(function, power_state, wide=wide) == SUCCESS
    assert machine.done == [("suspend",)]


@pytest.mark.parametrize("power_state", [0x1_0000, 0x0100_0000, 0x8000_0000], ids=["power-down", "cluster", "reserved"])
def test_other_power_states_are_invalid_parameters(machine, power_state):
    assert machine.call(SUSPEND64, power_state) == INVALID_PARAMETERS
    assert not machine.done


# ---- the system ----


@BOTH_STATES
@pytest.mark.parametrize(("function", "reason"), [(SYSTEM_OFF, "poweroff"), (SYSTEM_RESET, "reset")])
def test_the_system_goes_off_or_resets_and_the_call_does_not_return(machine, function, reason, wide):
    assert machine.call(function, wide=wide) is None
    assert machine.stop.calls == [(reason, 0)]


# ---- discovery ----


@BOTH_STATES
@pytest.mark.parametrize(
    "function",
    [VERSION, SUSPEND, OFF, ON, AFFINITY, MIGRATE_INFO_TYPE, SYSTEM_OFF, SYSTEM_RESET, FEATURES, SMCCC_VERSION],
)
def test_what_is_there_is_announced_without_flags(machine, function, wide):
    assert machine.call(FEATURES, function, wide=wide) == 0


@pytest.mark.parametrize("function", [SUSPEND64, ON64, AFFINITY64])
def test_64_bit_functions_are_announced_to_aarch64_only(machine, function):
    assert machine.call(FEATURES, function, wide=True) == 0
    assert machine.call(FEATURES, function, wide=False) == NOT_SUPPORTED


@pytest.mark.parametrize("function", [0x84000005, 0x8400000E, 0xC4000002, 0xC4000008, 1337])
def test_what_is_not_there_is_not_announced(machine, function):
    assert machine.call(FEATURES, function) == NOT_SUPPORTED


def test_no_architectural_workaround_is_needed(machine):
    assert machine.call(ARCH_FEATURES, SMCCC_VERSION) == SUCCESS
    assert machine.call(ARCH_FEATURES, 0x80008000) == NOT_SUPPORTED
