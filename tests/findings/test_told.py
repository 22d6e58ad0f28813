"""Where findings are told: all where nobody wanted the end, else the faults; of good guests none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vmm as package
from vmm.catalog import guests

from .guests import X86, at, x86

FORGETS = "IDT_GATE 0x21, handler\n PIC_UNMASK 1\n PIC_UNMASK 3\n RAISE 1\n sti\n nop\n nop\n RAISE 3\n{end}"
HANDLER = "handler:\n    iret\n"
SHORT = sorted(guest.name for guest in guests() if "bench" not in guest.name)


def told(err: str) -> list[str]:
    """The section's lines."""
    lines = iter(err.splitlines())
    if "interrupts:" not in lines:
        return []
    section = []
    for line in lines:
        if not line.startswith("  "):
            break
        section.append(line.strip())
    return section


@pytest.fixture
def run(vmm, tmp_path):
    def run(body, *options, rest=HANDLER):
        Path("guest.S").write_text(X86.format(body=body, rest=rest))
        return vmm("run", "guest.S", "--board", "pc,pit=off", *options)

    return run


def test_an_end_that_nobody_wanted_explains_itself_and_so_does_its_replay(run, vmm):
    done = run(FORGETS.format(end=""), "--record", "a.vmmrec", "--summary", "a.json")
    assert done.status == 125
    in_service, asleep = told(done.err)
    assert in_service.startswith("IRQ 1 is in service since insn ")
    assert in_service.endswith("; 1 request waits behind it: IRQ 3")
    assert asleep.startswith("vCPU 0 sleeps at ")
    since = int(in_service.split("since insn ")[1].split()[0])
    assert json.loads(Path("a.json").read_text())["findings"] == [
        {"kind": "in service", "text": in_service, "fault": True, "since": since},
        {"kind": "asleep", "text": asleep, "fault": False, "since": None},
    ]
    assert told(vmm("replay", "a.vmmrec").err) == [in_service, asleep]
    assert told(run(FORGETS.format(end=""), "--quiet").err) == []


def test_a_fault_is_told_at_a_clean_power_off_too_and_nothing_else(run):
    (fault,) = told(run(FORGETS.format(end="RAISE 6\n POWER_OFF\n")).err)
    assert fault.startswith("IRQ 1 is in service since insn ")
    assert told(run("PIC_UNMASK 6\n RAISE 6\n POWER_OFF\n", rest="").err) == []


def test_a_limit_and_a_script_that_fails_explain_themselves(run):
    held = "PIC_UNMASK 5\n RAISE 5\nnow: jmp now\n"
    (waiting,) = told(run(held, "--max-insns", "2000", rest="").err)
    assert waiting.startswith("IRQ 5 is requested since insn ")
    Path("fails.py").write_text("import vmm\nasync def scenario(m):\n    await vmm.Elapsed(insns=2000)\n    assert 0\n")
    assert told(run(held, "--scenario", "fails.py", rest="").err) == [waiting]
    Path("ends.py").write_text("import vmm\nasync def scenario(m):\n    await vmm.Elapsed(insns=2000)\n    m.end()\n")
    assert told(run(held, "--scenario", "ends.py", rest="").err) == []


@pytest.mark.parametrize("guest", SHORT)
def test_a_bundled_guest_has_no_fault(guest):
    m = package.boot(guest, console=None)
    m.limit(insns=1_500_000)
    m.run()
    assert m.findings(faults=True) == []


def test_to_look_changes_nothing(tmp_path):
    runs = []
    for looks in (False, True):
        m = x86(tmp_path, FORGETS.format(end=""), HANDLER)
        for _ in range(8):
            m.run(insns=100)
            if looks:
                m.findings()
        m.run()
        runs.append((m.trace.hash, m.position))
    assert runs[0] == runs[1]


def test_what_the_ring_has_lost_a_log_still_has(tmp_path):
    body = "IDT_GATE 0x21, handler\n PIC_UNMASK 1\n RAISE 1\n sti\n nop\ntaken: nop\n"
    body += "mov $3000, %ecx\nagain: PULSE 6\n loop again\n"
    m = x86(tmp_path, body, HANDLER)
    with m.trace.record():
        since = at(m, "taken").split(" at ")[0]
        m.run()
    assert f"IRQ 1 is in service since {since} at " in str(m.findings()[0])
    m = x86(tmp_path, body, HANDLER)
    m.run()
    first = m.trace.last(4096)[0].insns
    assert str(m.findings()[0]).startswith(
        f"IRQ 1 is in service since before insn {first}, where the kept events begin, never ended: it is owed an EOI"
    )


def test_a_failed_test_shows_them(pytester):
    pytester.makepyfile(
        """
        def test_it(machine):
            m = machine("x86/hello")
            m.run(insns=10)
            m.irq(6).raise_()
            assert 0
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*interrupts*", "IRQ 6 is requested since insn 10 and not taken: masked at *"])
