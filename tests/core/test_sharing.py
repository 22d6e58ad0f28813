"""What vCPUs share: memory with exclusives, time, code and translations (DDI0487 B2.9, B2.4.4, D5.10; DDI0406 A3.4)."""

from __future__ import annotations

import pytest

from core.smp_guests import ARCHITECTURES, machine
from vmm.machine.machine import Machine

both = pytest.mark.parametrize("architecture", ARCHITECTURES)
ROUNDS = 500


def run_to(built: Machine, name: str, value: int, insns: int = 200_000) -> None:
    """Until the word called `name` has this value."""
    while built.u32(name) != value:
        assert built.run(insns=min(insns, 2_000)).reason in ("count", "idle"), built.stop
        insns -= 2_000
        assert insns > 0, f"{name} is {built.u32(name)}, not {value}"


@pytest.mark.slow
@both
@pytest.mark.parametrize("smp", [2, 3, 4])
@pytest.mark.parametrize(("quantum", "seed"), [(3, 0), (7, 0), (7, 5), (64, 0), (1000, 9)])
def test_increments_by_exclusives_lose_nothing(architecture: str, smp: int, quantum: int, seed: int) -> None:
    built = machine("exclusive", architecture, smp=smp, quantum=quantum, seed=seed)
    run_to(built, "done", smp)
    assert built.u32("counter") == smp * ROUNDS


@both
@pytest.mark.parametrize("quantum", [1, 2])
def test_exclusive_loops_make_progress_however_short_turns_are(architecture: str, quantum: int) -> None:
    """DDI0487 B2.9.5: a loop of this kind must succeed at last."""
    built = machine("exclusive", architecture, quantum=quantum)
    run_to(built, "done", 2)
    assert built.u32("counter") == 2 * ROUNDS


@both
def test_without_exclusives_increments_are_lost_in_the_same_turns(architecture: str) -> None:
    """Else the test above could not fail."""
    built = machine("race", architecture, smp=2, quantum=7)
    built.run(insns=7_000)
    rounds = sum(cpu.count for cpu in built.cpus) // 5
    assert built.u32("counter") < rounds * 9 // 10


@both
def test_an_exclusive_store_fails_after_another_vcpu_wrote_the_same_value_back(architecture: str) -> None:
    built = machine("aba", architecture)
    run_to(built, "end", 1)
    assert (built.u32("failed"), built.u32("cell")) == (1, 0)


@both
@pytest.mark.parametrize(("quantum", "seed"), [(13, 0), (13, 1), (1000, 2)])
def test_time_never_goes_back_from_one_vcpu_to_another(architecture: str, quantum: int, seed: int) -> None:
    built = machine("time", architecture, smp=3, quantum=quantum, seed=seed)
    built.run(insns=60_000)
    assert built.u32("backwards") == 0
    assert built.u32("looks") > 1_000
    ticks = built.now_ns // 16  # 62.5 MHz
    assert ticks - 2 * quantum - 100 < built.u32("latest") <= ticks


@both
@pytest.mark.parametrize("quantum", [5, 1000])
def test_code_that_another_vcpu_writes_takes_effect_after_maintenance(architecture: str, quantum: int) -> None:
    built = machine("patch", architecture, quantum=quantum)
    run_to(built, "end", 1)
    assert (built.u32("before"), built.u32("after")) == (1, 2)


@both
@pytest.mark.parametrize("quantum", [5, 1000])
def test_an_invalidation_of_translations_reaches_the_other_vcpu(architecture: str, quantum: int) -> None:
    built = machine("remap", architecture, quantum=quantum)
    built.memory.write(0x40200000, (111).to_bytes(4, "little"))
    built.memory.write(0x40400000, (222).to_bytes(4, "little"))
    run_to(built, "end", 1)
    assert (built.u32("before"), built.u32("after")) == (111, 222)
