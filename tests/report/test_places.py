"""Where a run stands that did not go wrong: the code around it, its shadow, and what interrupts left on the stack."""

import io

import vmm
from vmm.report import crash


def told(vmm, *words):
    """The lines behind the first, up to the table."""
    lines = vmm("run", *words).err.splitlines()
    end = next((n for n, line in enumerate(lines) if line.startswith(("vCPU ", "7"))), None)
    return lines[1:end]


def shown(machine):
    file = io.StringIO()
    crash.show_place(machine, file)
    return file.getvalue()


def test_in_the_shadow_of_sti_the_next_instruction_is_marked(vmm):
    """pit_ticks.S: `sti`, then `sleep: hlt`."""
    lines = told(vmm, "x86/pit_ticks", "--max-insns", "726")
    at = next(n for n, line in enumerate(lines) if line.startswith("  => "))
    assert lines[0] == "the code where it stands (32-bit):"
    assert lines[at].split()[1] == "hlt" and " sleep pit_ticks.S:" in lines[at]
    assert lines[at - 1] == "     shadow of STI: no interrupt before the next"
    assert lines[at - 2].split()[0] == "sti"


def test_a_handler_under_way_has_its_frame_field_by_field():
    """EIP, CS and EFLAGS from the stack's top on (SDM vol. 3A figure 6-4)."""
    m = vmm.boot("x86/pit_ticks")
    m.run(until="tick")
    top = m.cpu["esp"]
    eip, cs, eflags = (m.u32(top + 4 * n) for n in range(3))
    frame = shown(m).partition("the frame of 0x20 (IRQ 0):\n")[2].splitlines()
    assert [line.split() for line in frame] == [
        ["EIP", f"{eip:08x}", "at", f"{top:#x}", *m.where(eip).split()],
        ["CS", f"{cs:08x}", "at", f"{top + 4:#x}"],
        ["EFLAGS", f"{eflags:08x}", "at", f"{top + 8:#x}"],
    ]
    m.cpu.write(top, (0x1234).to_bytes(4, "little"))
    assert f"EIP 00001234 at {top:#x}  0x1234, was {eip:#x}" in shown(m)


def test_a_fault_has_pushed_rf_which_nobody_changed():
    """SDM vol. 3A 6.8.3: so its handler's IRET does not meet the same breakpoint again."""
    m = vmm.boot("x86/double_fault", console=lambda data: None)
    m.run(until=vmm.Delivered())
    assert int.from_bytes(m.cpu.read(m.cpu["rsp"] + 24, 8), "little") & 1 << 16
    assert "error code" in shown(m) and "was" not in shown(m)


def test_of_armv7_a_frame_is_told_in_the_mode_that_it_is_banked_in():
    m = vmm.boot("arm/timer_ticks", console=lambda data: None)
    m.run(until=vmm.Delivered())
    lr, spsr = m.cpu["lr"], m.cpu["spsr"]
    assert f"LR {lr:08x}  {m.where(lr)}" in shown(m) and f"SPSR {spsr:08x}" in shown(m)
    m.cpu["cpsr"] = m.cpu["cpsr"] & ~0x1F | 0x13  # supervisor mode has registers of its own (DDI0406 B1.3.2)
    assert "the frame of" not in shown(m)


def test_who_switches_off_is_not_told_where_it_stands(vmm):
    assert "where it stands" not in vmm("run", "x86/hello").err


def test_an_event_is_told_with_the_instruction_that_it_came_before():
    """Of T32 code in an IT block that an A32 handler interrupts: LR is 4 bytes behind (DDI0406 table B1-7)."""
    m = vmm.boot("arm/it_block_irq", console=lambda data: None)
    event = m.run(until=vmm.Delivered()).result
    assert m.read(event.pc - 4, 2) == bytes.fromhex("a41c") and m.cpu.bits == 32
    assert m.trace.describe(event, code=True) == f"{m.trace.describe(event)}: addeq r4, r4, #2"


def test_an_event_is_told_in_the_width_of_the_code_that_it_interrupted():
    """vm86.S: a handler of 32 bits interrupts 16-bit code, 66h there makes an operand wide."""
    m = vmm.boot("x86/vm86", console=lambda data: None)
    event = m.run(until=vmm.Delivered()).result
    assert m.cpu.bits == 32
    m.write(event.linear, bytes.fromhex("6640"))
    assert m.trace.describe(event, code=True).endswith(": inc eax")
    m.write(event.linear, bytes.fromhex("40"))
    assert m.trace.describe(event, code=True).endswith(": inc ax")
