"""What an object says of itself where somebody just looks: a line that tells what it is and where it stands."""

from threading import Event as Flag
from threading import Thread

import pytest

import vmm


def test_a_machine_says_what_it_is_and_where_it_stands():
    m = vmm.boot("x86/first_isr", console=None)
    at = "0x100010 _start first_isr.S:4"
    assert repr(m) == f"<Machine x86/first_isr on pc: 0 instructions, not run: no run has ended yet: it stands at {at}>"
    m.run()
    assert repr(m).endswith(" instructions, poweroff: the guest switched the machine off>")
    assert repr(vmm.Machine()).startswith("<Machine without an image on pc: 0 instructions, ")
    assert "on virt,gic=3, 2 vCPUs: " in repr(vmm.boot("arm64/sgi_ping_pong"))


def test_a_vcpu_says_its_mode_and_what_is_masked():
    m = vmm.boot("x86/first_isr", console=None)
    m.run(until="handler")
    assert repr(m.cpu) == "<vCPU 0, x86: 713 instructions, at 0x100467, 32-bit code, CPL 0, interrupts masked>"
    m.run(until=vmm.Returned(0x25))
    assert repr(m.cpu).endswith("32-bit code, CPL 0>")
    a = vmm.boot("arm/sgi_ping_pong", console=None)
    assert repr(a.cpus[1]) == "<vCPU 1, arm: 0 instructions, off>"
    assert repr(a.cpu).endswith(" A32 code, svc, IRQ and FIQ masked>")
    assert repr(vmm.boot("arm64/hello").cpu).endswith(" A64 code, el1h, IRQ and FIQ masked>")


def test_a_vcpu_in_a_shadow_says_so():
    m = vmm.boot("x86/first_isr", console=None)
    m.run(until=vmm.Shadow("sti"))
    assert repr(m.cpu).endswith("32-bit code, CPL 0, in the shadow of sti>")


def test_a_line_says_its_level_and_who_holds_it():
    m = vmm.boot("x86/first_isr", console=None)
    line = m.irq(5)
    assert repr(line) == "<IRQ 5: low>"
    line.raise_()
    assert repr(line) == "<IRQ 5: high>"
    line.lower()

    async def holder(m):
        m.irq(5).raise_()
        await vmm.Elapsed(insns=10)

    m.start(holder)
    assert repr(line).startswith("<IRQ 5: high, held by scenario ") and "holder>" in repr(line)
    assert repr(vmm.boot("arm64/hello").ppi(30, cpu=0)) == "<PPI 30 of vCPU 0>"


def test_a_trace_says_its_hash_and_how_much_happened():
    m = vmm.boot("x86/first_isr", console=None)
    with m.trace.record() as log:
        m.run()
        assert repr(m.trace).endswith(" events, 1 interrupts delivered, recording>")
        assert repr(log) == f"<EventLog of {m.trace!r}>"
    assert repr(m.trace).startswith(f"<Trace {m.trace.hash}: ")
    assert repr(m.trace.of(vector=0x25)) == "<Selection of 1 events>"


def test_a_stop_says_why_and_what_the_trigger_gave():
    m = vmm.boot("x86/first_isr", console=None)
    assert repr(m.run(until="handler")) == "<Stop breakpoint: reached 0x100467 handler first_isr.S:15>"
    assert "; it gave Event(kind='ended', " in repr(m.run(until=vmm.Ended(5)))
    assert str(m.run()) == "poweroff: the guest switched the machine off"


def test_a_scenario_a_snapshot_a_stimulus_and_a_device_say_what_they_are():
    m = vmm.boot("x86/first_isr", console=None)

    async def waits(m):
        await vmm.Delivered(0x25)
        return 3

    async def fails(m):
        raise ValueError("no")

    task = m.start(waits)
    assert "waits waits for Delivered(number=37)>" in repr(task)
    assert repr(m.snapshot()) == f"<Snapshot at {m.position}>"
    noise = m.stimulate(vmm.Nmi(), vmm.Periodic(period=1, count=1, start=10**9))
    assert repr(noise) == "<Stimulation 0: 0 requested, 0 spontaneous>"
    assert repr(m.board.devices["rtc"]) == "<rtc: Rtc>"
    m.run()
    assert "waits has ended and gave 3>" in repr(task)
    with pytest.raises(ValueError, match="no"):
        m.start(fails)


def test_a_trap_says_what_is_trapped():
    m = vmm.boot("x86/hypercall", console=None)
    seen = []

    @m.trap(vmm.Int(0x80))
    def look(t):
        seen.append((t, repr(t)))

    m.run()
    assert seen[0][1] == "<Trap Int(vector=128) on vCPU 0, value 0x0>"
    assert repr(seen[0][0]) == "<Trap Int(vector=128) on vCPU 0, value 0x0, over>"


def test_a_recorder_and_a_replay_say_which_file_and_where(tmp_path):
    m = vmm.boot("x86/hello", console=None)
    path = tmp_path / "a.vmmrec"
    with m.recording(path) as recorder:
        assert repr(recorder) == f"<Recorder: recording {path}>"
        m.run()
    again = vmm.replay(path, console=None)
    assert repr(again) == f"<Replay of {path}: at {again.machine.position}>"
    again.run()
    assert repr(again) == f"<Replay of {path}: at its end, verified>"


def test_what_is_not_said_while_another_thread_runs_the_machine_is_an_error_of_nobody():
    m, inside, looked = vmm.boot("x86/first_isr", console=None), Flag(), Flag()

    @m.trace.observe
    def _(event):
        inside.set()
        looked.wait(10)

    thread = Thread(target=m.run)
    thread.start()
    assert inside.wait(10)
    said = repr(m)
    looked.set()
    thread.join()
    assert said.startswith("<Machine ") and "thread" in said


def test_triggers_say_what_was_said_of_them():
    first = vmm.First(vmm.Delivered(0x25), vmm.Then(vmm.Reach("a"), vmm.Elapsed(us=2)))
    assert repr(first) == "First(Delivered(number=37), Then(first=Reach(where='a'), second=Elapsed(us=2)))"
    assert repr(vmm.Combine(vmm.GuestError())) == "Combine(GuestError())"
    assert repr(vmm.Fired(vmm.Ended(5), 3)) == "Fired(trigger=Ended(number=5), result=3)"


def test_registers_complete_in_notebooks():
    assert "eip" in vmm.Machine().cpu._ipython_key_completions_()
    assert "vbar_el1" in vmm.boot("arm64/hello").cpu._ipython_key_completions_()


def test_devices_complete_to_what_a_script_can_do():
    names = dir(vmm.Machine().board.devices["keyboard"])
    assert {"key", "port_read", "port_write", "mode"} <= {*names}
    assert not [name for name in names if name.startswith("_")]
    keyboard = vmm.Machine().board.devices["keyboard"]
    for name in names:
        getattr(keyboard, name)
