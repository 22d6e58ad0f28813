"""Guests of random bytes end with a reason: the fuzzer's own cases, that they repeat, that looking on changes none."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import fuzz
import fuzz_cases
import fuzz_encodings
import fuzz_exploring
import fuzz_looking
import fuzz_noise

SEED, HANG = 20_240, 300
KINDS = len(fuzz_cases.KINDS)
FEW, MANY = range(2 * KINDS * 2), range(2 * KINDS * 2, 2 * KINDS * 16)

Results = list[fuzz.Outcome | fuzz.Finding]


def run(numbers: range) -> Results:
    return list(fuzz.results(SEED, numbers, jobs=2, hang=HANG))


@pytest.fixture(scope="module")
def few() -> Results:
    return run(FEW)


def assert_each_ended(results: Results, numbers: range) -> None:
    assert [result for result in results if isinstance(result, fuzz.Finding)] == []
    assert sorted(result.number for result in results) == list(numbers)


@pytest.mark.slow
def test_no_guest_of_random_bytes_crashes_hangs_or_raises(few: Results) -> None:
    assert_each_ended(few, FEW)


@pytest.mark.slow
def test_nor_does_any_of_many() -> None:
    assert_each_ended(run(MANY), MANY)


@pytest.mark.slow
def test_the_cases_reach_every_kind_and_many_ends(few: Results) -> None:
    outcomes = [result for result in few if isinstance(result, fuzz.Outcome)]
    kinds = Counter(outcome.kind for outcome in outcomes)
    reasons = {outcome.reason for outcome in outcomes}
    assert kinds == {kind.name: len(FEW) // KINDS for kind in fuzz_cases.KINDS}
    assert reasons >= {"limit", "shutdown", "unmapped", "idle"}


@pytest.mark.slow
def test_a_spoilt_image_is_refused_or_runs() -> None:
    image = next(index for index, kind in enumerate(fuzz_cases.KINDS) if kind.name == "image_with_noise")
    reasons = {fuzz_cases.run(SEED, 2 * (image + KINDS * number)).reason for number in range(12)}
    assert "refused" in reasons
    assert reasons - {"refused"}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2 * KINDS))
def test_a_case_has_the_same_trace_in_another_process_after_other_cases(few: Results, number: int) -> None:
    there = next(result for result in few if result.number == 2 * KINDS + number)
    assert fuzz_cases.run(SEED, there.number) == there


@pytest.mark.parametrize("number", range(len(fuzz_encodings.MODES)))
def test_no_encoding_ends_the_machine(number: int) -> None:
    assert fuzz_encodings.run(SEED, number).reason == "executed"


HALF_PRECISION = """
import sys
from vmm.machine.config import Config
from vmm.machine.machine import Machine
machine = Machine(Config(board="virt", cpu="max", memory=1 << 20))
machine.memory.write(0x40080000, int(sys.argv[1], 0).to_bytes(4, "little"))
machine.cpu["pc"], machine.cpu["cpacr_el1"] = 0x40080000, 3 << 20
machine.run(insns=1)
print(next((event.number, event.error) for event in machine.trace.last() if event.kind == "delivered"))
"""


@pytest.mark.parametrize("word", ["0x0e412c40", "0x5ef8195b", "0x7ef9f8d3"])
def test_a_guest_cannot_abort_the_process_by_unallocated_half_precision(word: str) -> None:
    """Found by the fuzzer; it is undefined: EC 0 with IL set (DDI0487 D13.2.37)."""
    command = [sys.executable, "-c", HALF_PRECISION, word]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, f"{(0, 1 << 25)}\n"), done.stderr


IN_SHORT = range(0, KINDS, 5)


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=[pytest.mark.slow] * (n not in IN_SHORT)) for n in range(KINDS)]
)
def test_looking_on_changes_nothing(number: int) -> None:
    """Whole, again, in steps, in slices, with snapshots, looked at, watched, recorded and replayed: one run."""
    fuzz_looking.run(SEED, 2 * number + number % 2)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, 4 * KINDS, 9))
def test_exploring_comes_to_the_same_in_every_way(number: int) -> None:
    """With runs shared, each whole, in pieces, and by a loop over snapshots."""
    fuzz_exploring.run(SEED, number)


@pytest.mark.slow
def test_looking_on_changes_nothing_in_many_guests() -> None:
    numbers = range(2 * KINDS, 2 * KINDS * 2)
    assert_each_ended(list(fuzz.results(SEED, numbers, jobs=2, hang=HANG, run=fuzz_looking.run)), numbers)


def test_a_difference_is_told_by_where_it_is() -> None:
    one, other = {"vCPU 0": (5, {"rax": 1, "rbx": 2})}, {"vCPU 0": (5, {"rax": 1, "rbx": 3})}
    with pytest.raises(fuzz_looking.Difference, match=r"^in slices, it is another run\n    vCPU 0 1 rbx: 2, not 3$"):
        fuzz_looking.compare(one, other, "in slices")


def test_another_seed_is_another_case() -> None:
    assert fuzz_noise.Noise("1/0").randbytes(8) != fuzz_noise.Noise("2/0").randbytes(8)


def test_a_case_that_ends_otherwise_the_second_time_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(seed: int, number: int) -> fuzz.Outcome:
        return fuzz.Outcome(number, "real", "limit", str(os.getpid()) if number == 1 else "0")

    monkeypatch.setattr(fuzz_cases, "run", run)
    found = sorted(fuzz.twice(SEED, range(3), jobs=1, hang=HANG), key=lambda result: result.number)
    assert [type(result) for result in found] == [fuzz.Outcome, fuzz.Finding, fuzz.Outcome]
    assert found[1].what.startswith("differs in another process: ")


def test_a_worker_that_dies_is_a_finding_that_names_its_signal_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(seed: int, number: int) -> fuzz.Outcome:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return fuzz.Outcome(number, "real", "limit", "0")

    monkeypatch.setattr(fuzz_cases, "run", run)
    found = sorted(fuzz.results(SEED, range(4), jobs=1, hang=HANG), key=lambda result: result.number)
    assert [type(result) for result in found] == [fuzz.Outcome, fuzz.Finding, fuzz.Outcome, fuzz.Outcome]
    assert found[1].what == "the process died: SIGKILL"


def test_a_case_that_does_not_end_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(seed: int, number: int) -> fuzz.Outcome:
        while number == 0:
            pass
        return fuzz.Outcome(number, "real", "limit", "0")

    monkeypatch.setattr(fuzz_cases, "run", run)
    found = sorted(fuzz.results(SEED, range(2), jobs=1, hang=0.3), key=lambda result: result.number)
    assert re.fullmatch(r"hangs for more than 0\.3 s \([RS], [\d.]+ s of processor time\)", found[0].what)
    assert isinstance(found[1], fuzz.Outcome)
