"""What each thing shows of itself: values worked out from the guest's source, and not from what it prints."""

from __future__ import annotations

import pytest
from IPython.core.formatters import DisplayFormatter

import vmm
from shown.markup import YES, Shown

FIRST = 5
"""The line of both `first_isr` guests."""


def rows(thing, table=0):
    return Shown(thing._repr_html_()).rows(table)


@pytest.fixture(scope="module")
def pc():
    """x86/first_isr before its handler's first instruction: IRQ 5 is in service, and the line still high."""
    m = vmm.boot("x86/first_isr", console=None)
    m.trace.record()
    m.run(until="handler")
    return m


@pytest.fixture(scope="module")
def virt():
    """arm64/first_isr before its handler's first instruction: SPI 5, which is INTID 37, is not acknowledged yet."""
    m = vmm.boot("arm64/first_isr", console=None)
    m.run(until="handler")
    return m


def test_the_pair_has_a_line_for_each_pin(pc):
    shown = rows(pc.pic)
    assert [row["vector"] for row in shown] == [f"{0x20 + irq:#04x}" for irq in range(16)]
    assert [row["IRQ"] for row in shown if row["in service"]] == ["5"]
    assert [row["IRQ"] for row in shown if not row["masked"]] == ["5"]
    assert [row for row in shown if row["requested"]] == []
    assert rows(pc.pic.master)[FIRST] == {key: value for key, value in shown[FIRST].items() if key != "IRQ"}


def test_the_ioapic_shows_pins_that_are_set_up_or_asserted(pc):
    assert [(row["pin"], row["asserted"], row["masked"]) for row in rows(pc.ioapic) if row["pin"] == "5"] == [
        ("5", YES, YES)
    ]
    assert "22 pins are masked" in Shown(pc.ioapic._repr_html_()).text  # all 24 but pin 5 and the timer's, 2


def test_a_local_apic_has_its_vectors_and_its_timer():
    m = vmm.boot("x86/self_ipi", console=None)
    m.run(until=vmm.Delivered())
    shown, (vector,) = Shown(m.lapic[0]._repr_html_()), m.lapic[0].isr
    facts = dict(shown.tables[0])
    assert facts["in service (ISR)"] == f"{vector:#04x}"
    assert facts["processor priority (PPR)"] == f"{vector & 0xF0:#04x}"  # SDM 3A 11.8.3.1
    assert {row["entry"] for row in shown.rows(1)} >= {"timer", "lint0", "lint1"}


def test_a_gic_shows_what_somebody_has_to_do_with(virt):
    interface, spi = rows(virt.gic)[0], rows(virt.gic, 1)[0]
    assert (interface["IRQ"], interface["highest pending"], interface["running priority"]) == (YES, "37", "–")
    assert (spi["INTID"], spi["pending"], spi["active"], spi["enabled"], spi["to vCPU"]) == ("37", YES, "", YES, "0")
    assert rows(virt.gic.dist) == rows(virt.gic, 1)
    assert rows(virt.gic.cpu[0]) == rows(virt.gic)


def test_a_machine_says_where_it_stands_and_what_is_the_matter(pc, virt):
    text = Shown(pc._repr_html_()).text
    assert "x86/first_isr on pc" in text and "reached" in text and "interrupts masked" in text
    assert rows(pc, 1)[0]["next"].startswith("inc dword ptr [")  # the handler's `incl count`
    assert "SPI 5" in Shown(virt._repr_html_()).text  # requested and not taken: a finding


def test_a_vcpu_shows_registers_handlers_and_timers(pc, virt):
    text = Shown(pc.cpu._repr_html_()).text
    assert f"eip {pc.cpu.pc:08x}" in text
    assert rows(pc.cpu)[0]["vector"] == "0x25"
    assert [row["timer"] for row in rows(virt.cpu)] == ["physical", "virtual"]


def test_a_generic_timer_counts_down_to_its_deadline():
    m = vmm.boot("arm64/timer_ticks", console=None)
    m.run(until=vmm.Delivered())
    timers = {row["timer"]: row for row in rows(m.cpu)}
    running = [row for row in timers.values() if row["enabled"]]
    assert [(row["due"], int(row["in ticks"]) <= 0) for row in running] == [(YES, True)]


def test_the_trace_has_interrupts_and_then_events(pc):
    shown = Shown(pc.trace._repr_html_())
    assert pc.trace.hash in shown.text
    assert shown.rows(0) == [
        {
            "vCPU": "0",
            "vector": "0x25",
            "source": "IRQ 5",
            "delivered": "1",
            "latency min": "4",
            "median": "4",
            "max": "4",
        }
    ]
    assert [row["what"] for row in shown.rows(1)][-2:] == ["vector 0x25 delivered (IRQ 5)", "interrupts masked"]


def test_of_many_events_both_ends_are_shown():
    m = vmm.boot("x86/pit_ticks", console=None)
    with m.trace.record():
        m.run()
    chosen = m.trace.of(kind="delivered")
    shown = Shown(chosen._repr_html_())
    first, last = shown.rows(0), shown.rows(1)
    assert "100 events" in shown.text and "76 more" in shown.text
    assert [int(row["insn"]) for row in first + last] == chosen.insns[:12] + chosen.insns[-12:]


def test_a_histogram_has_every_latency_once():
    latencies = vmm.trace.query.Latencies(tuple([3] * 5 + [40] * 2 + [100]))
    counted = rows(latencies, 1)
    assert sum(int(row["times"]) for row in counted) == 8
    assert (counted[0]["times"], counted[-1]["times"]) == ("5", "1")


def test_explorations_are_proven_or_have_their_story(tmp_path):
    text = (
        '#include "x86/guest.h"\n    GUEST_PROTECTED32\n    IDT_GATE 0x25, handler\n    PIC_UNMASK 5\n{}'
        "handler:\n    incl count\n    PIC_EOI 5\n    iret\n    VAR count\n"
    )
    body = "    sti\nbegin:\n    cmpl $1, count\n    jae done\nend:\n    hlt\n    jmp begin\ndone:\n    POWER_OFF\n"
    fixed = body.replace("    sti\nbegin:", "begin:\n    cli").replace("end:", "    sti\nend:")
    for source, verdict, story in ((body, "counterexample", True), (fixed, "proven", False)):
        path = tmp_path / f"{verdict}.S"
        path.write_text(text.format(source))
        report = vmm.explore(path, inject="irq:5", between=("begin", "end"), board="pc,pit=off")
        html = report._repr_html_()
        shown = Shown(html)
        assert f">{verdict}<" in html
        assert ("hlt" in shown.text, "what fails" in shown.text) == (story, story)
        assert f"{report.seconds:.2f}" not in shown.text


def test_verdicts_have_their_evidence():
    m = vmm.boot("cases/missing_eoi/x86-broken", console=None)
    looking = m.diagnose()
    for _ in range(4):
        m.run(insns=3000)
        m.irq(1).until_served()
    m.run(insns=3000)
    shown = Shown(looking._repr_html_())
    assert Shown(looking.verdicts()._repr_html_()).tables == shown.tables
    for verdict in looking.verdicts():
        assert str(verdict) in shown.text


def test_coverage_has_a_line_for_each_function():
    m = vmm.boot("x86/first_isr", console=None)
    cover = vmm.Coverage()
    cover.watch(m)
    assert "1 watched" in Shown(cover._repr_html_()).text
    m.run()
    cover.collect()
    shown = {row["function"]: row for row in rows(cover)}
    assert "0x25 IRQ 5 ×1" in shown["guest"]["by"]
    assert shown["handler"]["interrupted"] == "0"


def test_a_board_shows_its_devices_and_a_device_what_can_be_read(pc):
    assert {"pit", "pic", "com1"} <= {row["device"] for row in rows(pc.board)}
    facts = dict(Shown(pc.board.devices["com1"]._repr_html_()).tables[0])
    assert "ier" in facts and "PORTS" not in facts and "receive" not in facts


def test_a_timer_shows_its_counters():
    """x86/pit_ticks has counter 0 divide by 1193, in mode 2, low byte first (8254: control word 34h)."""
    m = vmm.boot("x86/pit_ticks", console=None)
    m.run(until=vmm.Delivered())
    counters = {row[""]: [row[str(n)] for n in range(3)] for row in rows(m.board.devices["pit"], 1)}
    assert (counters["control"][0], counters["count"][0]) == ("52 0x34", "1193 0x4a9")
    assert counters["armed"] == [YES, "", ""]


def test_a_case_shows_its_story_and_its_fix():
    text = vmm.case("missing_eoi")._repr_markdown_()
    assert text.startswith("# ") and "```diff\n--- broken\n+++ fixed\n" in text


def test_a_screen_is_shown_as_far_as_it_is_written():
    m = vmm.boot("x86/hello", console=None)
    m.memory.write(0xB8000, b"h\x07i\x07")
    shown = m.screen
    assert shown == [*shown] and len(shown) == 25
    assert "hi" in Shown(shown._repr_html_()).text


def test_looking_changes_nothing():
    hashes = []
    for look in (False, True):
        m = vmm.boot("x86/first_isr", console=None)
        m.run(insns=700)
        for _ in range(6):
            m.run(insns=3)
            if look:
                for each in (m, m.cpu, m.pic, m.lapic[0], m.ioapic, m.trace, m.board, *m.board.devices.values()):
                    Shown(each._repr_html_())
        m.run()
        hashes.append((m.trace.hash, m.instructions))
    assert hashes[0] == hashes[1]


def test_jupyter_takes_the_html_and_the_plain_text(pc):
    format = DisplayFormatter().format
    for thing in (
        pc,
        pc.cpu,
        pc.pic,
        pc.lapic[0],
        pc.ioapic,
        pc.trace,
        pc.trace.of(),
        pc.findings(),
        pc.board.devices["pit"],
    ):
        data, _ = format(thing)
        assert data["text/html"] == thing._repr_html_()
        assert "text/plain" in data
    assert format(pc)[0]["text/plain"] == repr(pc)


def test_a_machine_can_be_looked_at_from_within_its_run():
    m = vmm.boot("x86/hello", console=None)

    async def look(machine):
        await vmm.Elapsed(insns=10)
        return machine._repr_html_()

    task = m.start(look)
    m.run()
    assert "running" in Shown(task.result).text
