"""What a page has of a run: hops of interrupts through each controller, what is told among events, and files."""

from __future__ import annotations

import re
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import pytest
from cli.tiny_guests import POWER_OFF, SHUTDOWN
from inputs.tapes import claim
from placements.exploring import ADDS_ONE

import vmm
from report.page_guests import BACK, HANDLER, MASKED, TO_EOI, nested
from report.pages import data_of, unstepped
from vmm.cli import main
from vmm.core.event import Event
from vmm.report.page import data, pictures
from vmm.report.page.told import Told, woven

pytestmark = pytest.mark.usefixtures("no_pictures")


def hops(run: dict, number: int) -> list[str]:
    """Kinds of an interrupt's events."""
    return [run["kinds"][run["events"]["kind"][at]] for at in run["interrupts"]["hops"][number]]


def paged(image: str, folder: Path, **options) -> dict:
    m = vmm.boot(image, console=None, **options)
    with vmm.RunPage(m, folder / "run.html"):
        m.run()
    return data_of(folder / "run.html")


def test_groups_of_a_kind_stand_by_number_whichever_came_first(tmp_path):
    """The second vCPU's local APIC is the first that an interrupt comes to."""
    run = paged("x86/ipi_ping_pong", tmp_path)
    groups = list(dict.fromkeys(lane["group"] for lane in run["lanes"]))
    assert groups == ["vCPU 0", "vCPU 1", "lines", "8259A", "local APIC 0", "local APIC 1"]


# ---- an interrupt's path ----

TAKEN = ["acknowledged", "delivered"]


@pytest.mark.parametrize(
    ("image", "source", "path"),
    [("x86/pit_ticks", "IRQ 0", ["line", "pending", *TAKEN, "ended", "returned"]),
     ("x86/ioapic_edge", "local APIC", ["line", "pending", *TAKEN, "ended", "returned"]),
     ("x86/apic_timer", "local APIC", ["pending", *TAKEN, "ended", "returned"]),
     ("arm64/timer_ticks", "PPI", ["ppi", "pending", "delivered", "acknowledged", "ended", "returned"]),
     ("arm64/sgi_ping_pong", "SGI", ["pending", "delivered", "acknowledged", "ended", "returned"]),
     ("arm/first_isr", "SPI", ["line", "pending", "delivered", "acknowledged", "ended", "returned"])],
)  # fmt: skip
def test_a_path_leads_through_each_kind_of_controller(tmp_path, image, source, path):
    run = paged(image, tmp_path)
    sources = [run["vectors"][row]["source"] for row in run["interrupts"]["vector"]]
    taken = [n for n, each in enumerate(sources) if each.startswith(source)]
    assert [each for each in hops(run, taken[-1]) if each != "shadow"] == path


def test_what_is_not_maskable_and_what_the_code_does_itself_has_no_split(tmp_path):
    run = paged("x86/double_fault", tmp_path)
    sources = [run["vectors"][row]["source"] for row in run["interrupts"]["vector"]]
    exceptions = [n for n, source in enumerate(sources) if source.startswith("exception")]
    assert exceptions
    assert {run["interrupts"]["masked"][n] for n in exceptions} == {-1}
    assert all("pending" not in hops(run, n) for n in exceptions)


def code(run: dict, column: str, number: int) -> list[str]:
    """Instructions that an interrupt has there."""
    rows = run["blocks"][run["interrupts"][column][number]]
    return [run["texts"][run["code"]["text"][row]] for row in rows]


def test_code_is_decoded_as_it_is_there_and_followed_to_its_return(tmp_path):
    """it_block_irq.S: T32 is interrupted, and the vector, in A32, leads to `handler`; real_mode_ivt.S: `moved`."""
    run = paged("arm/it_block_irq", tmp_path)
    irqs = [n for n, row in enumerate(run["interrupts"]["vector"]) if run["vectors"][row]["source"].startswith("SPI")]
    handler = code(run, "handler", irqs[-1])
    assert handler[0].startswith("b #0x")
    assert handler[1:3] == ["sub r6, lr, #4", "sub lr, lr, #4"]
    assert code(run, "interrupted", irqs[0])[0] == "addeq r4, r4, #2"  # of itttt_eq_0, behind what pends
    real = paged("x86/real_mode_ivt", tmp_path)
    moved = code(real, "handler", -1)
    assert [each.split()[0] for each in moved] == ["inc", "iret"]


def test_counts_are_those_of_the_source(tmp_path):
    _, page, began, _ = nested(tmp_path)
    run = data_of(page)
    insns = unstepped(run["events"]["insns"])
    second = [insns[at] - began for at in run["interrupts"]["hops"][1]]
    assert second == [0, 0, *[MASKED + HANDLER] * 2, MASKED + HANDLER + TO_EOI, MASKED + HANDLER + TO_EOI + BACK]


# ---- what is told among the events ----

LOST = ADDS_ONE.format(set_up="IDT_GATE 0x25, handler\nPIC_UNMASK 5", end="PIC_EOI 5")


def event(insns: int, ns: int) -> Event:
    return Event("line", 0, insns, 1, 1, "", 0x1000, 0, 0, 0, 0, 0, None, 0, 0, ns, 0, 0)


def test_what_is_told_lies_before_the_events_of_its_instruction_or_behind():
    events = [event(10, 100), event(20, 5200), event(20, 5200), event(30, 5300)]
    told = [Told(20, "story", "executed", began=True), Told(20, "story", "came"), Told(15, "story", "between")]
    found = woven(events, told, insn_ns=10)
    assert [(each.kind, each.insns) for each in found.events] == [
        ("line", 10), ("story", 15), ("story", 20), ("line", 20), ("line", 20), ("story", 20), ("line", 30),
    ]  # fmt: skip
    assert [found.told[at].text for at in found.at] == ["executed", "came", "between"]
    # Five instructions of 10 ns behind the first event; a sleep ends with the event that it waits for.
    assert [found.events[at].ns for at in found.at] == [5200, 200, 150]


def test_an_explorations_story_is_on_its_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("lost.S").write_text(LOST)
    options = ["--inject", "irq:5", "--between", "begin..end", "--check", "n == 2", "--board", "pc,pit=off"]
    assert main(["explore", "lost.S", *options, "--report", "lost.html"]) == 1
    assert "vmm replay" not in capsys.readouterr().out  # nobody asked for a recording
    run = data_of("lost.html")
    insns = unstepped(run["events"]["insns"])
    story = [(insns[at], run["texts"][run["events"]["what"][at]]) for kind, at in run["told"] if kind == "story"]
    begin = story[0][0]
    assert [insn - begin for insn, _ in story[:4]] == [0, 1, 1, 2]
    assert [text.split("  ")[-1] for _, text in story[:3]] == [
        "reads n = 0",
        "irq:5",
        "reads n = 0, writes n = 1 (was 0)",
    ]
    assert any(text.startswith("lost update of n (4 bytes)") for _, text in story)


def test_a_proof_writes_no_page_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("lost.S").write_text(LOST)
    options = ["--inject", "irq:5", "--between", "begin..end", "--board", "pc,pit=off"]
    assert main(["explore", "lost.S", *options, "--report", "none.html"]) == 0
    assert capsys.readouterr().out.endswith("--report none.html: not written, for no run fails\n")
    assert not Path("none.html").exists()


def test_of_a_long_run_the_last_events_are_shown_and_it_is_said(tmp_path, monkeypatch):
    whole = paged("x86/pit_ticks", tmp_path)
    monkeypatch.setattr(data, "MOST", 100)
    run = paged("x86/pit_ticks", tmp_path)
    built = 4  # events of the machine's making, before its first instruction
    count = len(whole["events"]["vcpu"]) - built
    insns = unstepped(run["events"]["insns"])
    assert run["note"] == f"Of {count} events the last 100 are shown, from insn {insns[0]:,} on, and no pictures"
    assert len(insns) == 100
    assert unstepped(whole["events"]["insns"])[-100:] == insns
    assert [row["delivered"] for row in run["vectors"]] == [row["delivered"] for row in whole["vectors"]]


# ---- files ----


@pytest.fixture
def recording(tmp_path, monkeypatch, image):
    monkeypatch.chdir(tmp_path)
    assert main(["run", image(POWER_OFF), "--quiet", "--record", "tiny.vmmrec"]) == 0
    return Path("tiny.vmmrec")


def test_it_is_called_like_its_recording_which_is_said(recording, capfd):
    assert main(["report", str(recording)]) == 0
    assert capfd.readouterr().out == "tiny.html\n"
    assert data_of("tiny.html")["title"] == "image.bin"


def test_nothing_is_said_to_who_wants_quiet_or_reads_the_page_there(recording, vmm):
    assert vmm("report", recording, "--quiet").out == ""
    page = vmm("report", recording, "-o", "/dev/stdout").out
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")


def test_it_is_written_over_no_input(recording, capfd):
    before = recording.read_bytes()
    for path in ("tiny.vmmrec", "image.bin"):
        assert main(["report", "tiny.vmmrec", "-o", path]) == 2
        assert capfd.readouterr().err.startswith(f"vmm: --output {path}: cannot write: it is an input")
    assert recording.read_bytes() == before


def test_a_foreign_file_is_one_line(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("foreign").write_text("no recording\n")
    assert main(["report", "foreign"]) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1
    assert not Path("foreign.html").exists()


def test_a_run_that_differs_says_so_and_has_its_page(recording, capfd):
    claim(recording, hash="0123456789abcdef")
    assert main(["report", "tiny.vmmrec"]) == 1
    assert "0123456789abcdef" in capfd.readouterr().err
    assert data_of("tiny.html")["title"] == "image.bin"


def test_a_run_and_its_replay_have_the_same_page(recording):
    assert main(["run", "image.bin", "--quiet", "--report", "run.html"]) == 0
    assert main(["replay", "tiny.vmmrec", "--quiet", "--report", "again.html"]) == 0
    assert Path("run.html").read_text() == Path("again.html").read_text()


def test_without_matplotlib_there_are_no_pictures_and_nothing_is_said(tmp_path, monkeypatch, capfd):
    one = "<figcaption>how late each interrupt was"
    nested(tmp_path)
    monkeypatch.setattr(pictures, "find_spec", find_spec)
    assert one not in (tmp_path / "nested.html").read_text()
    (tmp_path / "with").mkdir()
    nested(tmp_path / "with")
    assert one in (tmp_path / "with" / "nested.html").read_text()
    assert capfd.readouterr().err == ""


def keys(value: object) -> set[str]:
    """Of objects within each other, and of the first of many."""
    if isinstance(value, list):
        return keys(value[0]) if value else set()
    return {*value, *chain(*map(keys, value.values()))} if isinstance(value, dict) else set()


def test_a_page_has_nothing_that_its_script_does_not_read(tmp_path):
    run = paged("x86/first_isr", tmp_path)
    _, script = re.findall(r"<script.*?>(.*?)</script>", (tmp_path / "run.html").read_text(), re.DOTALL)
    assert {"interrupts", "hops", "crash"} <= keys(run)
    assert {key for key in keys(run) if not re.search(rf"\.{key}\b", script)} == set()


def test_watching_changes_no_hash(tmp_path):
    m = vmm.boot("x86/priority_nesting", console=None)
    m.run()
    watched = vmm.boot("x86/priority_nesting", console=None)
    with vmm.RunPage(watched, tmp_path / "run.html"):
        watched.run()
    assert watched.trace.hash == m.trace.hash


def test_a_guest_that_went_wrong_leaves_its_registers_and_last_instructions(image, tmp_path):
    run = paged(image(SHUTDOWN), tmp_path)
    sections = {title.partition(" (")[0]: lines for title, lines in run["crash"]}
    assert [line.split()[0] for line in sections["the last instructions"]] == ["lidt", "ud2"]
    assert any("eip 00007c05" in line for line in sections["registers"])


def test_what_was_there_before_the_first_instruction_is_known(tmp_path):
    """Firmware leaves the slave 8259A masked altogether (`vmm/boards/pc_firmware.py`), and IRQ 0's line is high."""
    run = paged("x86/pit_ticks", tmp_path)
    begin = {lane["name"]: lane["rows"][0] for lane in run["lanes"] if lane["group"] == "8259A"}
    insns = unstepped(run["events"]["insns"])
    for pin in range(8, 16):
        row = begin[f"IMR {pin}"]
        assert (insns[row["at"][0]], row["value"][0]) == (0, 1)


def test_a_run_that_is_broken_off_has_its_page_until_then(recording, monkeypatch, capfd):
    def broken_off(*_, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("vmm.cli.progress.to_end", broken_off)
    assert main(["report", "tiny.vmmrec"]) == 130
    assert capfd.readouterr().err.endswith("tiny.html has the run until then\n")
    assert data_of("tiny.html")["end"]["insns"] == 0
