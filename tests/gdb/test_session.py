"""A client looks, stops and steps; expectations are the guests' sources and the boards' manuals."""

import re

import pytest

from vmm.machine.machine import boot

TICK = ["x86/pit_ticks", "arm64/timer_ticks", "arm/timer_ticks"]


def named(client, name):
    """Of a register, by p."""
    return client.register([each for each, _ in client.description()].index(name))


def test_a_stop_names_thread_and_program_counter(served):
    client, run = served("x86/first_isr")
    assert client.ask("?").startswith(b"T05thread:1;")
    assert client.pc() == run.machine.loaded.entry.pc
    assert client.ask("qC") == b"QC1"


@pytest.mark.parametrize("image", TICK)
@pytest.mark.parametrize("kind", ["0", "1"])
def test_a_breakpoint_stops_before_its_instruction(served, image, kind):
    client, run = served(image)
    tick = run.machine.address("tick")
    assert client.ask(f"Z{kind},{tick:x},1") == b"OK"
    stop = client.ask("vCont;c")
    assert stop.endswith({"0": b"swbreak:;", "1": b"hwbreak:;"}[kind])
    assert client.pc() == tick
    assert run.machine.trace.last(1)[0].kind == "delivered"


def test_steps_follow_the_instructions_of_the_source(served):
    """first_isr.S: INC is six bytes long (FF 05 and an address)."""
    client, run = served("x86/first_isr")
    handler = run.machine.address("handler")
    client.ask(f"Z0,{handler:x},1")
    client.ask("c")
    count = run.machine.address("count")
    assert client.read(count, 4) == bytes(4)
    assert client.ask("s")[:3] == b"T05"
    assert (client.pc(), client.read(count, 4)) == (handler + 6, bytes([1, 0, 0, 0]))


def test_a_step_goes_into_the_handler_that_comes_and_over_it_where_interrupts_are_held(served):
    """pit_ticks.S: HLT, and behind it CMP: a tick wakes it. Held, HLT is one step."""
    client, run = served("x86/pit_ticks")
    sleep, awake, tick = map(run.machine.address, ("sleep", "awake", "tick"))
    client.ask(f"Z0,{sleep:x},1")
    client.ask("c")
    client.ask("s")
    assert client.pc() == tick
    client.ask("c")
    assert client.pc() == sleep
    assert "held" in client.monitor("irq hold")
    client.ask("s")
    assert (client.pc(), run.machine.u32("ticks")) == (awake, 2)
    client.ask("bs")
    assert client.pc() == sleep
    assert "delivered" in client.monitor("irq deliver")


def test_a_range_is_stepped_through_in_one_packet(served):
    client, run = served("x86/first_isr")
    handler = run.machine.address("handler")
    client.ask(f"Z0,{handler:x},1")
    client.ask("c")
    client.ask(f"vCont;r{handler:x},{handler + 12:x}:1;c")
    assert client.pc() >= handler + 12


@pytest.mark.parametrize(
    ("image", "symbol", "kind", "word"),
    [("x86/pit_ticks", "ticks", 2, b"watch"), ("x86/pit_ticks", "ticks", 4, b"awatch"),
     ("arm64/first_isr", "count", 2, b"watch"), ("arm/first_isr", "count", 3, b"rwatch")],
)  # fmt: skip
def test_a_watchpoint_stops_behind_the_access_and_says_where(served, image, symbol, kind, word):
    client, run = served(image)
    where = run.machine.address(symbol)
    assert client.ask(f"Z{kind},{where:x},4") == b"OK"
    stop = client.ask("c")
    assert stop.endswith(b"%s:%x;" % (word, where))
    assert client.ask(f"z{kind},{where:x},4") == b"OK"


def test_a_watchpoint_is_on_memory_as_it_was_mapped_when_it_was_set(served):
    """Also where nothing is mapped any more, and never where nothing is."""
    client, run = served("x86/ist_stacks")
    where = run.machine.address("nmis")
    assert client.ask("Z2,fee00000,4").startswith(b"E.0xfee00000 is not mapped to RAM")
    assert client.ask("Z2,100000,0").startswith(b"E.Accessed(size=0)")
    assert client.ask(f"Z2,{where:x},4") == b"OK"
    assert client.ask("c").endswith(b"watch:%x;" % where)
    assert run.machine.cpu.bits == 64
    assert run.machine.cpu.physical(where) == where


def test_memory_is_read_as_far_as_it_is_mapped_and_written(served):
    client, run = served("x86/first_isr")
    count = run.machine.address("count")
    assert client.ask(f"M{count:x},2:abcd") == b"OK"
    assert client.ask(b"X%x,2:}\x03\x07" % (count + 2)) == b"OK"
    assert client.read(count, 4) == bytes.fromhex("abcd2307")
    assert client.ask(f"X{count:x},0:") == b"OK"
    client, run = served("arm64/first_isr")
    end = run.machine.memory.base + run.machine.memory.size
    assert client.ask(f"m{end - 4:x},10") == client.ask(f"m{end - 4:x},4")
    assert client.ask(f"m{end:x},4") == b"E14"
    assert client.ask(f"M{end:x},1:00").startswith(b"E.")


def test_registers_are_those_of_the_vcpu_and_are_written_by_number_and_all_at_once(served):
    client, run = served("x86/first_isr")
    names = [name for name, _ in client.description()]
    assert names[:9] == ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip"]
    assert client.ask("P3=78563412") == b"OK"
    assert run.machine.cpu["ebx"] == named(client, "ebx") == 0x12345678
    before = client.ask("g")
    assert client.ask(b"G" + b"11" * 4 + before[8:]) == b"OK"
    assert client.ask("g") == b"11" * 4 + before[8:]
    assert client.ask(f"P{names.index('dr0'):x}=00000000").startswith(b"E.dr0 is the guest's")
    assert client.ask("P3=00").startswith(b"E.ebx has 4 bytes")
    assert client.ask("pffff").startswith(b"E.there is no register")


@pytest.mark.parametrize(
    ("image", "values"),
    [
        ("x86/pit_ticks", {"cr0": 0x60000011, "cs": 0x10, "mode": 1, "cpl": 0, "idtr_limit": 0xFFFF}),
        ("arm64/first_isr", {"mode": 5, "vbar_el1": 0, "fpcr": 0}),
        ("arm/first_isr", {"mode": 0x13, "vbar": 0}),
    ],
)
def test_system_registers_and_the_mode_are_there(served, image, values):
    """SDM 3A 9.1.1 with PE set, multiboot 3.2; DDI0487 D1.20: EL1 with SP_EL1; DDI0406 B1.9.1: Supervisor mode."""
    client, _ = served(image)
    found = client.registers()
    assert {name: found[name] for name in values} == values


def test_vector_registers_hold_what_is_written(served):
    client, run = served("arm64/first_isr")
    names = [name for name, _ in client.description()]
    value = bytes(range(16))
    assert client.ask(f"P{names.index('v7'):x}={value.hex()}") == b"OK"
    assert run.machine.cpu.vector(7) == int.from_bytes(value, "little")
    assert client.ask(f"p{names.index('v7'):x}") == value.hex().encode()


def test_the_thread_that_a_stop_is_about_is_chosen(served):
    """As stock gdb takes for granted: it reads and writes registers then without a word."""
    client, run = served("x86/ipi_ping_pong")
    eax = next(n for n, (name, _) in enumerate(client.description()) if name == "eax")
    client.ask("Hg1")
    client.ask(f"Z0,{run.machine.address('ping'):x},1")
    assert b"thread:2;" in client.ask("c")
    first, second = run.machine.cpus
    before = first["eax"]
    assert client.register(eax) == second["eax"] != before
    assert client.ask(f"P{eax:x}=78563412") == b"OK"
    assert (first["eax"], second["eax"]) == (before, 0x12345678)
    assert b"thread:1;" in client.ask("bc")
    assert client.register(eax) == first["eax"]


def test_threads_are_vcpus(served):
    client, run = served("x86/ipi_ping_pong")
    assert client.ask("qfThreadInfo") == b"m1,2"
    assert client.ask("qsThreadInfo") == b"l"
    told = bytes.fromhex(client.ask("qThreadExtraInfo,2").decode()).decode()
    assert told.startswith("vCPU 1: ")
    assert client.ask("T2") == b"OK"
    assert client.ask("T3").startswith(b"E.there is no thread 3")
    assert client.ask("Hg2") == b"OK"
    stop = client.ask("vCont;s:2")
    assert b"thread:2;" in stop
    assert run.machine.position.vcpu == 1


def test_ctrl_c_stops_a_guest_that_never_would(served, tmp_path):
    source = tmp_path / "spin.S"
    source.write_text("    .globl _start\n_start: jmp _start\n")
    client, run = served(source)
    client.send(b"c")
    client.socket.sendall(b"\x03")
    assert client.reply().startswith(b"T02")
    assert run.machine.instructions > 0


def test_the_end_is_told_then_left(served):
    client, run = served("x86/hello")
    assert client.ask("c").endswith(b"replaylog:end;")
    assert client.told == ["vmm: poweroff: the guest switched the machine off\n"]
    assert client.ask("c") == b"W00"
    run.join()
    assert run.stop.reason == "poweroff"


def test_a_crash_is_a_signal(served):
    """SIGSEGV is 11 to gdb, too."""
    client, _ = served("x86/triple_fault")
    assert client.ask("c").startswith(b"T0b")
    assert "#DF" in client.told[0]


def test_monitor_looks_and_drives(served):
    client, run = served("x86/pit_ticks")
    assert [line.split()[0] for line in client.monitor("help").splitlines()][:3] == ["help", "where", "frames"]
    assert client.monitor("").startswith("help")
    assert client.monitor("line 'x") == "monitor line 'x: No closing quotation\n"
    assert "insn 0, 0 ns" in client.monitor("where")
    assert "did you mean 'lines'" in client.monitor("lnies")
    client.ask(f"Z0,{run.machine.address('tick'):x},1")
    client.ask("c")
    frames = client.monitor("frames")
    assert re.search(r"tick pit_ticks.S:\d+\n-- 0x20 \(IRQ 0\), when \d+ insns had begun --\n.*awake", frames)
    assert "interrupt 0x20 (IRQ 0)" in client.monitor("events 3") or "0x20" in client.monitor("events 3")
    assert "8259A" in client.monitor("controllers")
    assert "IRQ 0: " in client.monitor("lines")
    assert client.monitor("line 5 raise") == "IRQ 5: high\n"
    assert run.machine.pic.master.irr >> 5 & 1
    assert "is not among" in client.monitor("line 77")
    assert "did you mean 'pulse'" in client.monitor("line 5 plse")
    assert "0x41 will be delivered" in client.monitor("inject 0x41")
    assert "NMI" in client.monitor("nmi")
    assert "running" not in client.monitor("stop")


def test_snapshots_have_names_and_are_gone_back_to(served):
    client, run = served("x86/pit_ticks")
    tick = run.machine.address("tick")
    client.ask(f"Z0,{tick:x},1")
    client.ask("c")
    at = run.machine.position
    assert client.monitor("snapshot first") == f"first: {at}\n"
    client.ask("c")
    client.ask("c")
    assert run.machine.u32("ticks") == 2
    assert client.monitor("restore first").startswith(f"first: {at}")
    assert (run.machine.u32("ticks"), run.machine.position) == (0, at)
    assert "first" in client.monitor("snapshot")
    assert "unknown snapshot 'frist'; did you mean 'first'?" in client.monitor("restore frist")


def test_what_comes_from_outside_is_recorded(served):
    client, run = served("x86/first_isr")
    before = len(list(run.recorder.log.entries))
    client.ask("P0=01000000")
    client.ask(f"M{run.machine.address('count'):x},1:05")
    client.monitor("inject 0x25")
    kinds = [entry.decision.kind for entry in run.recorder.log.entries][before:]
    assert kinds == ["cpu", "cpu", "inject"]


def test_the_same_is_written_to_a_machine_without_a_debugger():
    machine = boot("x86/first_isr", console=None)
    machine.cpu.set_vector(3, 1 << 100)
    assert machine.cpu.vector(3) == 1 << 100
