"""Stimuli that make no sense, and files of times that are none: one line each."""

from __future__ import annotations

import pytest
from arm.arm_bench import Arm64Bench
from arm.opcodes import a64

from vmm import Burst, Elapsed, Nmi, Periodic, Poisson, Sequence, Storm, Vector
from vmm.errors import VmmError

from .irq5_guest import machine
from .stimulated import on_irq5

# ---- bad input ----


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda m: Periodic(0), r"Periodic: period=0 is below 1 insns"),
        (lambda m: Periodic(1.5), "not a whole number of instructions"),
        (lambda m: Periodic(0.1, unit="ns"), "period=0.1 is below 1 ns"),
        (lambda m: Periodic(float("nan")), "is not a number"),
        (lambda m: Periodic(1e30), "is too much"),
        (lambda m: Periodic(5, count=0), "count=0 is not a number above 0"),
        (lambda m: Periodic(5, unit="msec"), "unknown unit of a stimulus 'msec'; did you mean 'ms'"),
        (lambda m: Poisson(5, start=-1), "start=-1 is below 0"),
        (lambda m: Burst(0, gap=1, pause=1), "pulses=0 is not a number above 0"),
        (lambda m: Burst(2, gap=1, pause=0), "pause=0 is below 1"),
        (lambda m: Storm(after="return"), "did you mean 'returned'"),
        (lambda m: Sequence([]), "there is no time in it"),
        (lambda m: Sequence([1, 5, 4]), r"time 4, at \[2\], comes before the one it follows"),
        (lambda m: Sequence([1, "x"]), r"time 'x', at \[1\], is not a number"),
        (lambda m: Vector(256), "0x100 is outside 0-0xff"),
        (lambda m: m.stimulate(5, Periodic(5)), "5 cannot be stimulated: a line such as"),
        (lambda m: m.stimulate(m.irq(5), 7), "7 is not a stimulus"),
        (lambda m: m.stimulate(Nmi(1), Periodic(5)), "vCPU 1 is not among 0-0"),
        (lambda m: m.stimulate(Nmi(), Periodic(5), armed=True), "has no mask that could ask for it"),
        (lambda m: m.stimulate(Nmi(), Periodic(5, hold=1)), "only a line can be held"),
        (lambda m: m.stimulate(Nmi(), Storm(after="ended")), "no controller acknowledges or ends an NMI"),
        (lambda m: m.stimulate(m.irq(5), Periodic(5), armed=(7, 7)), "between an address and itself"),
        (lambda m: m.stimulate(m.irq(5), Periodic(5), armed=(7,)), "it is True, False or two places"),
        (lambda m: m.stimulate(m.irq(5), Periodic(5), armed=("a", "b")), "no symbol 'a'"),
        (lambda m: m.stimulate(m.irq(5), Periodic(5), until=Elapsed(us=1)), "counts instructions of all vCPUs"),
        (lambda m: m.stimulate(m.irq(5), Periodic(5, unit="us"), until=Elapsed(insns=1)), "this stimulus counts time"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(wrong, said):
    with pytest.raises(VmmError, match=said) as error:
        wrong(machine())
    assert "\n" not in str(error.value)


def test_arm_has_no_nmi_to_stimulate():
    with pytest.raises(VmmError, match="NMIs are x86's"):
        Arm64Bench(a64("b #0")).machine.stimulate(Nmi(), Periodic(5))


def test_a_machines_sequences_have_room_for_four_million_times():
    m, told = machine(), []
    m.inputs.observe = told.append
    m.stimulate(m.irq(5), Sequence([0]))
    _, *plan = told[0].arguments
    most = 1 << 22
    m.inputs.decide("stimulate", bytes(8 * (most - 10)), *plan)
    with pytest.raises(VmmError, match=f"no room for 10 times: all sequences of a machine have {most} at most"):
        m.stimulate(m.irq(5), Sequence(range(10)))
    m.stimulate(m.irq(5), Sequence(range(9)))


def test_numbers_that_no_stimulus_can_have_are_refused_by_the_core():
    """A recording may be corrupted."""
    m, told = machine(), []
    m.inputs.observe = told.append
    m.stimulate(m.irq(5), Periodic(5))
    times, *plan = told[0].arguments
    for field, value in ((0, 9), (1, 9), (3, 9), (5, 256), (6, 256), (8, 0)):
        with pytest.raises(VmmError, match="stimulus"):
            m.inputs.decide("stimulate", times, *plan[:field], value, *plan[field + 1 :])
    with pytest.raises(VmmError, match="there is no stimulus 7"):
        m.inputs.decide("stop stimulus", 7)


# ---- files ----


def test_a_sequence_is_read_from_a_file_with_comments(tmp_path):
    path = tmp_path / "times.txt"
    path.write_text("# of the capture\n\n 10\n20 # again\n20\n9007199254740993\n")
    assert Sequence.read(path, unit="ns", hold=5) == Sequence([10, 20, 20, 9007199254740993], unit="ns", hold=5)
    assert on_irq5(Sequence.read(path)) == [10, 20, 20]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"1\n\nabc # what\n", ":3: 'abc' is not a number"),
        (b"5\n4\n", ":2: 4 comes before the one it follows"),
        (b"# none\n-4\n", ":2: -4 is below 0"),
        (b"1\n1.5\n", ":2: 1.5 is not a whole number"),
        (b"inf\n", ":1: inf is not a number"),
        (b"# nothing\n", ": there is no time in it"),
        (b"\xff\xfe", ": it is not a text in UTF-8"),
    ],
)
def test_a_bad_file_is_told_with_its_line(tmp_path, text, said):
    path = tmp_path / "times.txt"
    path.write_bytes(text)
    with pytest.raises(VmmError) as error:
        Sequence.read(path)
    assert str(error.value).startswith(f"{path}{said}")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(VmmError, match=r"times\.txt: No such file"):
        Sequence.read(tmp_path / "times.txt")
