"""The page of a run in a browser; what it says was worked out by hand from the guest's source in `page_guests`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from report.browser import Browser
from report.page_guests import BACK, FRAME, HANDLER, HERE, MASKED, TO_EOI, nested
from vmm.cli import main

FIRST, SECOND = 0, 1
"""The interrupts, IRQ 3 and IRQ 5."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    return nested(tmp_path_factory.mktemp("nested"))


@pytest.fixture
def page(browser: Browser, run) -> Browser:
    return browser.open(run[1])


def in_handler(page: Browser, number: int) -> tuple[float, float]:
    """On the screen, within an interrupt's handler."""
    at = page.js("page.interrupts.at[arguments[0]]", number)
    begin, end = (
        page.js("page.placeOf('vCPU 0', 'handlers', arguments[0])", event)
        for event in (at, page.js("page.interrupts.returned[arguments[0]]", number))
    )
    return (begin[0] + end[0]) / 2, begin[1]


def test_a_click_shows_an_interrupts_path_hop_by_hop(page, run):
    page.click(*in_handler(page, SECOND))
    assert page.text("#interrupt h2") == "0x25 IRQ 5"
    steps, hops = page.texts(".path .step"), page.texts(".path .jump")
    assert hops == [
        "line 5 becomes 1", "request latched at pin 5", "vector 0x25 acknowledged", "vector 0x25 delivered (IRQ 5)",
        "interrupt of pin 5 ended", f"handler of vector 0x25 returned after {HANDLER} instructions",
    ]  # fmt: skip
    assert steps == ["0", "+0", f"+{MASKED + HANDLER}", "+0", f"+{TO_EOI}", f"+{BACK}"]
    assert f"at insn {run[2] + MASKED + HANDLER:,}" in page.text("#interrupt .soft")


@pytest.mark.parametrize(("number", "parts"), [(FIRST, (MASKED, 0, TO_EOI)), (SECOND, (MASKED, HANDLER, TO_EOI))])
def test_a_response_is_split_into_masked_nested_and_entry(page, number, parts):
    page.click(*in_handler(page, number))
    masked, nested, entry = parts
    assert page.texts(".parts li") == [f"{masked} masked", f"{nested} nested", f"{entry} entry"]
    assert page.text(".sum") == f"{sum(parts)} instructions"


def test_what_it_waited_for_is_told_with_its_place(page, run):
    page.click(*in_handler(page, SECOND))
    first, last = run[2] + MASKED, run[2] + MASKED + HANDLER
    waited = f"It waited for another handler, from insn {first} to insn {last} at {run[0].address('sooner'):#x} sooner"
    assert waited in page.text("#interrupt")


def test_the_frame_is_what_was_delivered(page, run):
    page.click(*in_handler(page, FIRST))
    fields = dict(zip(page.texts("#interrupt dt"), page.texts("#interrupt dd"), strict=True))
    assert fields["returns to"] == f"{run[0].address('here'):#x} here nested.S:{HERE}"
    bottom = run[3] - FRAME
    assert fields["EIP"] == f"{run[0].address('here'):#x} at {bottom:#x}"
    assert fields["CS"] == f"0x8 at {bottom + 4:#x}"
    assert fields["EFLAGS"] == f"0x202 at {bottom + 8:#x}"  # POPF of 2, then STI
    assert fields["from level"] == "0"


def test_code_is_shown_with_its_source(page, run):
    page.click(*in_handler(page, FIRST))
    first = "document.querySelectorAll('.code')[arguments[0]].querySelector('.place').innerText"
    assert page.js(first, 0) == f"{run[0].address('here'):#x} here nested.S:{HERE}"
    rows = "[...document.querySelectorAll('.code')[1].querySelectorAll('li')]"
    shown = page.js(
        f"{rows}.map((each) => [...each.querySelectorAll('code, .source')].map((part) => part.textContent))"
    )
    assert [[" ".join(part.split()) for part in row] for row in shown] == [
        ["nop", "nop"], ["push eax", "pushl %eax"], ["mov al, 0x20", "movb $0x20, %al"],
        ["out 0x20, al", "outb %al, $0x20"], ["pop eax", "popl %eax"], ["iretd", "iret"],
    ]  # fmt: skip


def test_the_search_finds_by_symbol_vector_and_kind(page):
    page.search("irq 5 delivered")
    assert page.text("#found") == "1"
    page.key("Enter")
    assert page.text("#found") == "1 of 1"
    assert page.text("#interrupt h2") == "0x25 IRQ 5"
    page.search("0x23")
    assert page.text("#found") == "3"  # acknowledged, delivered, returned
    page.search("end+0x3 ended")
    assert page.text("#found") == "2"  # both ends, in the code that the handlers share
    page.key("Escape")
    assert page.text("#found") == ""


def shown(page: Browser) -> tuple[float, float]:
    return page.js("page.view.from"), page.js("page.view.to")


def size(page: Browser) -> float:
    return shown(page)[1] - shown(page)[0]


def test_wheel_and_keys_zoom_and_pan(page):
    whole = size(page)
    x, y = page.middle("#canvas")
    under = shown(page)[0] + whole / 2
    page.wheel(x, y, -400)
    assert size(page) == pytest.approx(whole / 2.718, rel=0.01)
    assert sum(shown(page)) / 2 == pytest.approx(under, rel=0.01)  # what is under the mouse stays there
    page.key("+")
    assert size(page) == pytest.approx(whole / 2.718 / 2, rel=0.01)
    before = shown(page)
    page.key("ArrowRight")
    assert shown(page)[0] - before[0] == pytest.approx(0.2 * size(page), rel=0.01)
    page.drag((x, y), (x + 100, y))
    width = page.js("document.getElementById('canvas').clientWidth")
    assert shown(page)[0] == pytest.approx(before[0] + (0.2 - 100 / width) * size(page), rel=0.01)
    page.key("-")
    page.key("0")
    assert size(page) == pytest.approx(whole)


def test_buttons_do_what_their_keys_do(page):
    whole = size(page)
    for button, zoomed in (("#in", 2), ("#in", 4), ("#out", 2), ("#all", 1)):
        page.press(button)
        assert size(page) == pytest.approx(whole / zoomed, rel=0.01)
    page.press("#axis")
    assert page.text("#axis") == "instructions"
    page.press("#ask")
    assert page.js("document.getElementById('help').open")
    page.press("#close")
    assert not page.js("document.getElementById('help').open")


def test_two_fingers_zoom(browser, run):
    browser.resize(390, 844)
    page = browser.open(run[1])
    whole = size(page)
    page.pinch(*page.middle("#canvas"), 60, 180)
    assert size(page) == pytest.approx(whole / 3, rel=0.02)


def test_the_run_in_small_leads_to_a_place(page):
    page.key("+")
    page.key("+")
    x, y = page.middle("#overview")
    left = page.js("document.getElementById('overview').getBoundingClientRect().left")
    begin, end = page.js("page.NS[0]"), page.js("page.NS[page.NS.length - 1]")
    page.click(left + (x - left) / 2, y)
    assert sum(shown(page)) / 2 == pytest.approx(begin + (end - begin) / 4, rel=0.01)


def test_keys_go_from_interrupt_to_interrupt_and_explain_themselves(page):
    page.key("n")
    assert page.text("#interrupt h2").startswith("0x2")
    page.key("p")
    page.key("p")
    assert page.text("#interrupt h2") == "0x23 IRQ 3"
    page.key("t")
    assert page.text("#axis") == "instructions"
    page.key("?")
    assert page.js("document.getElementById('help').open")
    assert "next interrupt" in page.text("#keys")


def test_a_handler_has_its_interrupts_colour_in_every_place(page):
    page.click(*in_handler(page, SECOND))
    page.key("z")
    page.js("page.draw()")
    chip = page.color("#interrupt h2 .color")
    x, y = in_handler(page, SECOND)
    left, top = page.js("(({left, top}) => [left, top])(document.getElementById('canvas').getBoundingClientRect())")
    # Beside its name, and away from the line at its middle.
    pixel = page.js(
        "[...document.getElementById('canvas').getContext('2d').getImageData(arguments[0], arguments[1], 1, 1).data]",
        round(x - left) + 9, round(y - top) + 4,
    )  # fmt: skip
    wanted = [int(each) for each in re.findall(r"\d+", chip)]
    assert all(abs(a - b) < 40 for a, b in zip(pixel, wanted, strict=False)), (pixel, wanted)


def test_groups_of_lanes_fold(page):
    lanes = page.texts(".lane")
    assert {"code", "handlers", "IF", "IRQ 3", "IMR 3", "IRR 3", "ISR 5"} <= set(lanes)
    assert "IMR 7" not in lanes  # nothing came there, and other masks are folded at first
    page.press(".group")
    assert len(page.texts(".lane")) < len(lanes)
    page.press(".group")
    assert page.texts(".lane") == lanes
    page.key("c")
    assert page.texts(".lane") == []
    page.key("c")
    assert "8259A IMR 7" in page.texts(".lane")


def test_the_table_has_a_row_a_vector_with_histograms(page):
    page.press("#tab-vectors")
    rows = [row.split("\t") for row in page.texts("#vectors tbody tr")]
    latencies = {"0x23 IRQ 3": MASKED, "0x25 IRQ 5": MASKED + HANDLER}
    assert [[each.strip() for each in row] for row in rows] == [
        [name, "1", *[str(value)] * 3] for name, value in latencies.items()
    ]
    titles = page.texts("#vectors figcaption")
    assert f"until delivery: {MASKED} instructions" in titles
    assert f"from there to its answer: {TO_EOI} instructions" in titles


def test_a_verdict_leads_to_its_place(browser, tmp_path):
    """One path of the case's handler never ends its interrupt."""
    main(["run", "cases/missing_eoi/x86", "--quiet", "--report", str(tmp_path / "eoi.html")])
    page = browser.open(str(tmp_path / "eoi.html"))
    assert page.texts("article h3")[0] == "missing_eoi, certain"
    assert page.text("#tab-verdicts b") == str(len(page.texts("article")))
    page.key("+")
    page.key("+")
    page.key("+")
    page.press("article .jump")
    at = page.js("page.view.event")
    assert page.js("page.run.kinds[page.events.kind[arguments[0]]]", at) == "verdict"
    middle = sum(shown(page)) / 2
    assert middle == pytest.approx(page.js("page.NS[arguments[0]]", at), abs=0.6 * size(page))
    assert page.text("article .jump") == f"insn {page.js('page.INSNS[arguments[0]]', at):,}"


def test_dark_is_the_readers_choice(browser, run):
    browser.prefer("dark")
    page = browser.open(run[1])
    dark = page.color("body")
    page.press("#theme")
    light = page.color("body")
    assert sum(map(int, re.findall(r"\d+", dark))) < 3 * 64 < 3 * 192 < sum(map(int, re.findall(r"\d+", light)))
    page.key("d")
    assert page.color("body") == dark


@pytest.mark.parametrize("tab", ["interrupt", "vectors", "verdicts", "pictures", "about"])
def test_a_phones_width_is_enough(browser, run, tab):
    browser.resize(390, 844)
    page = browser.open(run[1])
    page.js("page.select(0)")
    page.js("document.getElementById(arguments[0]).scrollIntoView()", f"tab-{tab}")
    page.press(f"#tab-{tab}")
    assert not page.js("document.getElementById(arguments[0]).hidden", tab)
    assert page.js("document.documentElement.scrollWidth") == 390
    wide = "[...document.querySelectorAll('body *')].filter((each) => each.getBoundingClientRect().right > 391)"
    assert page.js(f"{wide}.filter((each) => !each.closest('svg')).map((each) => each.outerHTML)") == []
    cut = "[...document.querySelectorAll('.group')].filter((each) => each.scrollWidth > each.clientWidth)"
    assert page.js(f"{cut}.map((each) => each.innerText)") == [], "names of groups, with how many lanes there are"


def test_it_asks_nobody_for_anything(run):
    text = Path(run[1]).read_text()
    fetched = re.findall(r"(?:src|href)=[\"']?([^\"'> ]+)", text)
    assert [each for each in fetched if not each.startswith(("data:,", "#"))] == []
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
