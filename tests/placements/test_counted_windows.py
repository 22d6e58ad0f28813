"""Windows that end where so many instructions have begun: what that means in a run which an interrupt makes longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import vmm
from placements.exploring import ADDS_ONE, asked_for, assembled, built, explored
from vmm.errors import VmmError

TWO = {"inject": "vector:0x40", "board": "pc,pit=off", "until": "over", "depth": 2, "reduction": False}
HOW = ("seconds", "runs", "tails", "workers")


@pytest.fixture(scope="module")
def adds_one():
    """Three instructions from `begin` to `end`, and two in the handler."""
    return assembled("x86", ADDS_ONE.format(set_up="IDT_GATE 0x40, handler", end=""))


def counts(image, board):
    """Instructions that have begun at `begin` and at `end`."""
    machine = vmm.boot(image, board=board, console=None)
    machine.run(until="begin")
    begin = machine.instructions
    machine.run(until="end")
    return begin, machine.instructions


@pytest.mark.parametrize("architecture", ["x86", "arm64"])
@pytest.mark.parametrize("name", ["lost_update", "torn_read"])
def test_of_one_interrupt_it_is_the_window_up_to_the_place_that_the_guest_is_at_then(architecture, name):
    image, asked = built(architecture, name), asked_for(architecture, name, [])
    _, last = counts(image, asked["board"])
    placed, expected = explored(image, **asked)
    counted, rows = explored(image, **{**asked, "between": ("begin", f"insn:{last}")})
    assert rows == expected
    assert counted.boundaries == placed.boundaries
    assert (counted.longest, counted.window) == (placed.longest, ("begin", f"insn:{last}"))


def test_instructions_of_handlers_count_as_any(adds_one):
    """Of the first interrupt at boundary i of 0 to 3 the second may come there, at the handler's two instructions, and
    behind it at each boundary up to the last: 7 - i of them. Where the window ends 3 instructions behind its first
    boundary these are at i, twice, for a delivery is none, and at those at which i + 1 to 3 have begun: 5 - i.
    """
    begin, end = counts(adds_one, "pc,pit=off")
    assert end == begin + 3
    placed = vmm.explore(adds_one, **TWO, between=("begin", "end"))
    assert placed.placements == 4 + sum(7 - i for i in range(4))
    counted = vmm.explore(adds_one, **TWO, between=("begin", f"insn:{end}"))
    assert counted.placements == 4 + sum(5 - i for i in range(4))
    wider = vmm.explore(adds_one, **TWO, between=(f"insn:{begin}", f"insn:{end + 1}"))
    assert wider.placements == 5 + sum(6 - i for i in range(5))


def test_its_least_is_told_and_recorded_though_it_ends_within_the_handler(adds_one, tmp_path):
    """The handler of the interrupt at `store` begins where two have begun, and returns behind the third."""
    _, end = counts(adds_one, "pc,pit=off")
    asked = {**TWO, "depth": 1, "check": "n == 2", "record": tmp_path / "least.vmmrec"}
    reports = [vmm.explore(adds_one, **asked, between=("begin", where)) for where in ("end", f"insn:{end}")]
    assert reports[0].failing == reports[1].failing == 2
    assert reports[0].story == reports[1].story
    assert [each.where for each in reports[1].least] == [each.where for each in reports[0].least]


def test_runs_may_end_where_the_window_does(adds_one):
    """`over` is one instruction behind `end`; the handler's two end the window before it, but for the last two."""
    _, end = counts(adds_one, "pc,pit=off")
    asked = {**TWO, "depth": 1, "check": "n == 2"}
    reports = [vmm.explore(adds_one, **asked, between=("begin", where)) for where in ("over", f"insn:{end + 1}")]
    assert reports[0].undisturbed == reports[1].undisturbed
    assert "reached" in reports[0].undisturbed and "over" in reports[0].undisturbed
    assert reports[0].story == reports[1].story and "it comes to" in "".join(reports[1].story)
    assert (reports[0].placements, reports[0].failing) == (reports[1].placements, reports[1].failing) == (5, 2)


def test_an_end_that_is_a_trigger_is_the_count_at_which_the_undisturbed_run_comes_to_it(adds_one):
    begin, end = counts(adds_one, "pc,pit=off")
    asked = {**TWO, "check": "n == 2"}
    counted = vmm.explore(adds_one, **asked, between=("begin", f"insn:{end}"))
    for trigger in (vmm.Elapsed(insns=3), vmm.Reach("end"), vmm.Then(vmm.Reach("add"), vmm.Reach("end"))):
        awaited = vmm.explore(adds_one, **asked, between=(f"insn:{begin}", trigger))
        assert awaited.window == (f"insn:{begin}", f"insn:{end}")
        assert [str(each) for each in awaited.failures] == [str(each) for each in counted.failures]
        assert (awaited.placements, awaited.failing) == (counted.placements, counted.failing)


def test_as_many_workers_as_you_like_find_the_same(adds_one):
    asked = {**TWO, "check": "n == 2", "reduction": True, "between": ("begin", vmm.Elapsed(insns=3))}
    alone = vmm.explore(adds_one, **asked)
    with ThreadPoolExecutor(2) as threads:
        many = vmm.explore(adds_one, **asked, executor=threads, jobs=2)
    assert many.failing == alone.failing > 0
    many, alone = ({name: value for name, value in each.plain().items() if name not in HOW} for each in (many, alone))
    assert many == alone


def test_a_campaign_goes_on_where_it_was(adds_one, tmp_path):
    _, end = counts(adds_one, "pc,pit=off")
    asked = {**TWO, "check": "n == 2", "between": ("begin", f"insn:{end}")}
    whole = vmm.explore(adds_one, **asked)
    asked["campaign"] = tmp_path / "c"
    first = vmm.explore(adds_one, **asked, runs=8)
    assert 0 < first.placements < whole.placements
    rest = vmm.explore(adds_one, **asked)
    assert (rest.placements, rest.failing) == (whole.placements, whole.failing)
    with pytest.raises(VmmError, match=rf"insn:{end + 1}"):
        vmm.explore(adds_one, **{**asked, "between": ("begin", f"insn:{end + 1}")})


def test_one_that_spins_behind_it_is_told_so():
    """The handler returns to itself; the window ends meanwhile."""
    guest = ADDS_ONE.format(set_up="IDT_GATE 0x40, spin", end="").replace("handler:", "spin: jmp spin\nhandler:")
    image = assembled("x86", guest)
    _, end = counts(image, "pc,pit=off")
    report = vmm.explore(image, **{**TWO, "depth": 1}, between=("begin", f"insn:{end}"))
    assert report.failing == report.placements == 4
    assert "it does not come to over" in report.cause and "spins for ever" in report.cause


@pytest.mark.parametrize(
    ("between", "words"),
    [
        (
            ("begin", "insn:{begin}"),
            r"begins where {begin} instructions have begun: insn:{begin} is not behind it",
        ),
        (("end", "insn:{begin}"), r"insn:{begin} is not behind"),
        (("begin", "insn:1000000"), r"undisturbed, the guest never comes from begin to insn:1000000: poweroff: "),
        (("begin", vmm.Delivered(0x40)), r"undisturbed, the guest never comes from begin to Delivered\("),
        (("begin", vmm.Elapsed(insns=0)), r"the window would end where it begins: Elapsed\(insns=0\) is there"),
        (("begin", vmm.Reach("edn")), r"unknown symbol 'edn'; did you mean 'end'\?"),
    ],
)
def test_an_end_that_is_none_is_refused_in_one_line(adds_one, between, words):
    begin, _ = counts(adds_one, "pc,pit=off")
    first, last = (each.format(begin=begin) if isinstance(each, str) else each for each in between)
    with pytest.raises(VmmError, match=words.format(begin=begin)):
        vmm.explore(adds_one, **TWO, between=(first, last))


def test_a_place_that_no_run_may_come_to_is_before_it(adds_one):
    begin, _ = counts(adds_one, "pc,pit=off")
    asked = {**TWO, "check": "never store", "between": ("begin", f"insn:{begin + 3}")}
    with pytest.raises(VmmError, match=f"the guest comes to store, before insn:{begin + 3}"):
        vmm.explore(adds_one, **asked)
