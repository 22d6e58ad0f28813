"""Tables in as many columns as COLUMNS says: no line is longer, and no name or number is broken or left out."""

import io

import pytest

from vmm.cli import doctor
from vmm.columns import broken, listed
from vmm.report import table

WIDTHS = [40, 60, 80, 200]


@pytest.fixture(params=WIDTHS)
def columns(request, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(request.param))
    return request.param


def fits(text, columns, words):
    """`text` is no wider, but where a word is, and has these words whole."""
    lines = [line.rstrip() for line in text.splitlines()]
    assert [line for line in lines if len(line) > columns and len(line.split()) > 1] == []
    flat = " ".join(text.split())
    assert [word for word in words if word not in flat] == []


def words_of(done):
    return done.out.encode("latin-1").decode()


def test_interrupts_of_a_run(vmm, columns):
    reason, *rows, totals = vmm("run", "x86/priority_nesting").err.splitlines()
    assert reason.startswith("vmm: ") and "instructions" in totals
    fits("\n".join(rows), columns, ["IRQ 3", "IRQ 12", "0x2c", "0x26", "63", "68", "29"])


def test_a_live_table_that_has_ended(vmm, columns):
    fits(words_of(vmm("top", "arm/sgi_ping_pong")), columns, ["SGI from vCPU 1", "SGI from vCPU 0", "100", "890710"])


def test_coverage(vmm, columns):
    vmm("run", "x86/first_isr", "--coverage", "map.json", "--quiet")
    done = vmm("coverage", "map.json")
    fits(words_of(done), columns, ["first_isr.S:12", "handler", "guest", "_start", "x86/first_isr: 1 run,"])


@pytest.mark.parametrize("words", [["list"], ["list", "cases"], ["help"], ["diagnose", "--list"]], ids=" ".join)
def test_lists(vmm, monkeypatch, columns, words):
    monkeypatch.setenv("COLUMNS", "1000")
    whole = words_of(vmm(*words))
    monkeypatch.setenv("COLUMNS", str(columns))
    text = words_of(vmm(*words))
    if words == ["help"]:
        text = text.rpartition("\n\n")[0]
    fits(
        text, columns, [line.split()[0] for line in whole.splitlines() if line.strip("─ ") and line.split()[0] != "vmm"]
    )


def test_what_doctor_finds(vmm, monkeypatch, columns):
    path = "/usr/lib/python3/site-packages/a-long-path/bin/cc"
    findings = [
        doctor.Finding("platform", True, "Linux-6.18.44-x86_64-with-glibc2.36", False),
        doctor.Finding("assembler, arm64", True, f"{path} -m ziglang cc -target aarch64-freestanding", False),
        doctor.Finding("QEMU, arm", False, "qemu-system-arm", False, "only comparisons need it"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    fits(words_of(vmm("doctor")), columns, [*(each.name for each in findings), path, "x86_64-with-glibc2.36"])


NUMBERS = [["0", "0x20", "IRQ 0", "1234567", "1", "-"], ["0", "0x80", "a software interrupt", "3", "-", "-"]]
STORIES = [["cases/torn_read", "pc,pit=off", "2", "a counter of two words is read while it is carried"],
           ["x86/hello", "pc", "1", "antidisestablishmentarianism and more"], ["arm/x", "virt", "1", ""]]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (("vCPU", "vector", "source", "delivered", "latency min", "max"), NUMBERS),
        (("name", "board", "n", "what"), STORIES),
    ],
    ids=["numbers", "words"],
)
@pytest.mark.parametrize("width", [30, *WIDTHS])
def test_every_cell_is_whole_whatever_the_width(names, rows, width):
    file = io.StringIO()
    table.show(names, rows, file, width)
    text = file.getvalue()
    fits(text, max(width, max(map(len, text.split()))), [])
    flat = " ".join(text.split())
    for row in rows:
        for cell in row[:-1]:
            assert cell in flat
        assert all(word in flat.split() for word in row[-1].split())


def test_long_lines_are_broken_between_words_or_at_commas():
    assert broken("one two three", 9, head="* ") == "* one two\n  three"
    assert broken("a-word-longer-than-that", 9) == "a-word-longer-than-that"
    assert listed(["one 1", "two 2", "three 3"], 15, indent=2) == "  one 1, two 2,\n  three 3".replace(
        "two 2,", "two 2,"
    )
    assert listed(["one 1", "two 2"], 8) == "one 1,\ntwo 2"
