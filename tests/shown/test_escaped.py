"""Nothing that a guest, its image or a file's name says becomes markup, nor turns or hides what stands around it."""

import pytest

import vmm
from shown.markup import Shown
from vmm.shown.elements import words

EVIL = '<script>alert("1")</script> & \x1b[31m \u202e'
GUEST = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    PRINT   "<script>alert(1)</script>\\n"
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    nop
"<i>begin":
    nop
"<i>end":
    POWER_OFF
handler:
    incl    count
"<b>bold</b>":
    PIC_EOI 5
    iret
    VAR     count
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "<u>x.S"
    path.write_text(GUEST)
    return path


def test_text_is_text():
    shown = Shown(f"<p>{words(EVIL)}</p>")
    assert shown.text == '<script>alert("1")</script> & \u241b[31m \ufffd'


def test_what_a_guest_writes_stays_text(source):
    console = vmm.ConsoleText()
    m = vmm.boot(source, board="pc,pit=off", console=console)
    m.run()
    assert str(console) == "<script>alert(1)</script>\n"
    assert "<script>alert(1)</script>" in Shown(console._repr_html_()).text


def test_symbols_and_names_of_files_do(source):
    m = vmm.boot(source, board="pc,pit=off", console=None)
    looking, cover = m.diagnose(), vmm.Coverage()
    cover.watch(m)
    with m.trace.record():
        m.run(until="<i>begin")
        m.irq(5).until_served()
        m.run(until=vmm.Delivered(0x25))
        m.run(insns=1)
        assert "<b>bold</b>" in Shown(m._repr_html_()).text
        m.run()
    cover.collect()
    texts = [Shown(each._repr_html_()).text for each in (m, m.cpu, m.trace, m.trace.of(), m.findings(), looking, cover)]
    assert "<u>x.S" in texts[0] and "<i>begin" in texts[3] and "<b>bold</b>" in texts[6]


def test_so_does_the_story_of_an_exploration(source):
    report = vmm.explore(source, inject="irq:5", between=("<i>begin", "<i>end"), check="count == 7", board="pc,pit=off")
    assert report.verdict == "counterexample"
    shown = Shown(report._repr_html_())
    assert "from <i>begin to <i>end" in shown.text and "<b>bold</b>" in shown.text
