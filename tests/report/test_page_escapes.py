"""What a guest, its image and its files are called and print is text on a page, whatever it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

import vmm
from report.browser import Browser
from vmm.cli import main

SYMBOL = "</script><img src=x onerror=document.body.remove()>&amp;'"
PRINTED = "<script>document.body.remove()</script><b>&lt;'"
NAME = "a'<b onclick=1>&amp;.S"
GUEST = f"""#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    nop
begin:
    nop
    PRINT   "{PRINTED}"
    POWER_OFF
    .globl  "{SYMBOL}"
"{SYMBOL}":
handler:
    PIC_EOI 5
    iret
"""
SCENARIO = """async def scenario(m):
    await m.reach("begin")
    m.irq(5).raise_()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / NAME).write_text(GUEST)
    (folder / "late.py").write_text(SCENARIO)
    options = ["--board", "pc,pit=off", "--scenario", str(folder / "late.py"), "--quiet"]
    assert main(["run", str(folder / NAME), *options, "--report", str(folder / "run.html")]) == 0
    return folder / "run.html"


def test_no_text_of_the_guests_is_markup(browser: Browser, page: Path):
    browser.open(str(page))
    browser.js("page.select(0)")
    assert SYMBOL in browser.text("#interrupt")
    browser.press("#tab-about")
    assert browser.text(".console").strip() == PRINTED
    assert browser.text("#title") == NAME
    assert (
        browser.js("document.querySelectorAll('img, main script, #interrupt :is(a, script), #about b, h1 *').length")
        == 0
    )
    assert browser.js("document.scripts.length") == 2


def test_what_is_searched_for_is_text_too(browser: Browser, page: Path):
    browser.open(str(page))
    browser.search("onerror=document.body.remove()")
    assert int(browser.text("#found")) > 0


def test_a_run_without_an_interrupt_has_a_page(browser: Browser, tmp_path: Path):
    m = vmm.boot("x86/hello", console=None)
    with vmm.RunPage(m, tmp_path / "hello.html"):
        m.run()
    browser.open(str(tmp_path / "hello.html"))
    for key in "npz0+-?":
        browser.key(key)
    browser.press("#close")
    browser.press("#tab-vectors")
    assert browser.text("#vectors") == "No interrupt was delivered."


def test_a_run_that_has_not_begun_has_one(browser: Browser, tmp_path: Path):
    m = vmm.boot("x86/hello", console=None)
    with vmm.RunPage(m, tmp_path / "none.html"):
        pass
    browser.open(str(tmp_path / "none.html"))
    browser.key("+")
    browser.press("#tab-about")
    assert "not run" in browser.text("#about")
