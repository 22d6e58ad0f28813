"""A campaign goes on in another process from where it was, and comes to what an exploration in one go finds; what is
another's it refuses.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vmm
from vmm.errors import VmmError
from vmm.placements.campaign import _sum
from vmm.toolchain import assemble

GUEST = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    IDT_GATE 0x25, own
    PIC_UNMASK 4
    PIC_UNMASK 5
    sti
    nop
begin:
    movl    n, %eax
    incl    %eax
    movl    %eax, n
    RAISE   5
    nop
    movl    n, %eax
    incl    %eax
    movl    %eax, n
end:
    nop
over:
    POWER_OFF
own:                                        # the guest takes an interrupt of its own within the window
    LOWER   5
    PIC_EOI 5
    iret
handler:
    incl    n
    PIC_EOI 4
    iret
    VAR     n
"""
OPTIONS = {"board": "pc,pit=off", "memory": 1 << 21}


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    return image(tmp_path_factory.mktemp("campaign"))


def image(folder: Path, text: str = GUEST) -> Path:
    (folder / "guest.S").write_text(text)
    return assemble(folder / "guest.S", arch="x86", out=folder / "guest.elf")


def explored(path, **more):
    chosen = {"inject": ["irq:4", "irq:6"], "between": ("begin", "end"), "until": "over", "check": "n >= 3"}
    return vmm.explore(path, **OPTIONS | chosen | more)


def found(report):
    plain = report.plain()
    return {name: plain[name] for name in plain if name not in ("seconds", "runs", "tails")}


@pytest.mark.parametrize(("depth", "runs"), [(1, 5), (2, 400)])
def test_a_campaign_of_few_boundaries_at_a_time_finds_what_one_go_does(guest, tmp_path, depth, runs):
    whole = explored(guest, depth=depth)
    assert (whole.verdict, whole.masked) == ("counterexample", ["irq:6"])
    tried = [0]
    over = False
    while not over:
        report = explored(guest, depth=depth, campaign=tmp_path / "campaign", runs=runs)
        tried.append(json.loads((tmp_path / "campaign").read_text())["found"]["boundaries"])
        assert tried[-1] > tried[-2], "it goes on"
        over = report.over
    assert len(tried) > 5
    assert found(report) == found(whole)
    assert found(explored(guest, depth=depth, campaign=tmp_path / "campaign")) == found(whole)


def test_it_goes_on_where_the_image_has_another_name(guest, tmp_path):
    explored(guest, campaign=tmp_path / "campaign", runs=4)
    (tmp_path / "other").mkdir()
    assert explored(image(tmp_path / "other"), campaign=tmp_path / "campaign").over


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"depth": 2}, "its depth is 1, not 2"),
        ({"check": "n >= 2"}, r'its checks is \["n >= 3"\], not \["n >= 2"\]'),
        ({"inject": "irq:4"}, r'its sources is \["irq:4", "irq:6"\], not \["irq:4"\]'),
        ({"between": ("begin", "begin+0x5")}, "its window is "),
        ({"until": None}, 'its end is over, not null'),
        ({"memory": 1 << 22}, "its memory is 2097152, not 4194304"),
        ({"insns": 5000}, "its instructions of a run is null, not 5000"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)  # fmt: skip
def test_another_exploration_is_refused_with_what_differs(guest, tmp_path, more, words):
    explored(guest, campaign=tmp_path / "campaign", runs=4)
    before = (tmp_path / "campaign").read_bytes()
    with pytest.raises(VmmError, match=f"^campaign .*: it is another exploration's: {words}.*; name another file"):
        explored(guest, campaign=tmp_path / "campaign", **more)
    assert (tmp_path / "campaign").read_bytes() == before


def test_another_image_and_another_vmm_are_refused(guest, tmp_path, monkeypatch):
    explored(guest, campaign=tmp_path / "campaign", runs=4)
    other = image(tmp_path, GUEST.replace("incl    n\n", "addl    $2, n\n"))
    with pytest.raises(VmmError, match="another exploration's: its image is "):
        explored(other, campaign=tmp_path / "campaign")
    monkeypatch.setattr("vmm.placements.exploration.described", lambda: "9.0")
    with pytest.raises(VmmError, match=r"another exploration's: its vmm is .*, not 9\.0"):
        explored(guest, campaign=tmp_path / "campaign")


def checks(path: Path, text: str):
    path.write_text(text)
    space: dict[str, object] = {}
    exec(compile(text, str(path), "exec"), space)
    return space["check"]


def test_a_check_that_was_changed_makes_it_another(guest, tmp_path):
    source = "def check(m):\n    return m.u32('n') >= 3\n"
    explored(guest, campaign=tmp_path / "campaign", runs=4, check=checks(tmp_path / "inv.py", source))
    explored(guest, campaign=tmp_path / "campaign", runs=4, check=checks(tmp_path / "inv.py", source))
    with pytest.raises(VmmError, match="its checks is "):
        explored(guest, campaign=tmp_path / "campaign", check=checks(tmp_path / "inv.py", source.replace("3", "2")))


def cut(text: str) -> str:
    return text[: len(text) // 2]


def other_number(text: str) -> str:
    return text.replace('"boundaries": ', '"boundaries": 1')


def wrong(**changes: object):
    """With a checksum that fits."""

    def change(text: str) -> str:
        kept = json.loads(text)
        del kept["sha256"]
        kept["found"] |= changes
        return json.dumps({**kept, "sha256": _sum(kept)})

    return change


@pytest.mark.parametrize(
    "damage",
    [
        cut, other_number, lambda text: "", lambda text: "[]", lambda text: '{"sha256": 1}', lambda text: "[" * 10**5,
        wrong(boundaries=-1), wrong(boundaries="many"), wrong(to=[1]), wrong(tried=[[1]]), wrong(tried=7),
        wrong(taken=[None]), wrong(seconds="long"), wrong(runs=1 << 64),
    ],
)  # fmt: skip
def test_a_damaged_one_is_refused_in_one_line_and_left_alone(guest, tmp_path, damage):
    path = tmp_path / "campaign"
    explored(guest, campaign=path, runs=4)
    path.write_text(damage(path.read_text()))
    before = path.read_text()
    with pytest.raises(VmmError, match=r"^campaign [^\n]*damaged; name another file to begin anew$"):
        explored(guest, campaign=path)
    assert path.read_text() == before


def test_what_was_found_before_a_check_gave_no_answer_is_kept(guest, tmp_path):
    """Which is at the last boundary alone: the chunks before it are in the file."""

    def check(machine: vmm.Machine) -> bool:
        return machine.u32("n") >= 3 or 1 // 0 > 0

    with pytest.raises(VmmError, match="raised ZeroDivisionError"):
        explored(guest, campaign=tmp_path / "campaign", check=check)
    kept = json.loads((tmp_path / "campaign").read_text())["found"]
    assert kept["over"] is False
