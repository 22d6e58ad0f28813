"""What a key does, shown on the screen of each architecture: panes are held against the machine, and frames against
what the manuals say is there.
"""

from itertools import pairwise

import pytest

from stepper.conftest import NARROW, WIDE
from vmm.cli import main
from vmm.sources import bundled

FRAME32 = ("EIP", "CS", "EFLAGS")
"""SDM vol. 3A figure 6-4, from the top on; from another privilege level ESP and SS lie above, in long mode always."""
FRAMES = [
    ("x86/real_mode_ivt", 1, "hardware", 2, ("IP", "CS", "FLAGS")),
    ("x86/pit_ticks", 1, "tick", 4, FRAME32),
    ("x86/ring3_to_ring0", 1, "hardware", 4, (*FRAME32, "ESP", "SS")),
    ("x86/vm86", 1, "hardware", 4, (*FRAME32, "ESP", "SS", "ES", "DS", "FS", "GS")),
    ("x86/ist_stacks", 1, "same_stack", 8, ("RIP", "CS", "RFLAGS", "RSP", "SS")),
    ("x86/double_fault", 1, "not_present", 8, ("error code", "RIP", "CS", "RFLAGS", "RSP", "SS")),
]
"""Guest, deliveries, handler, bytes of a slot, fields."""


@pytest.mark.parametrize(("image", "deliveries", "handler", "width", "fields"), FRAMES)
def test_a_handler_is_entered_and_its_frame_is_named_field_by_field(
    stepping, image, deliveries, handler, width, fields
):
    async def play(screen):
        await screen.press(*"N" * deliveries)
        machine, cpu = screen.machine, screen.machine.cpu
        assert cpu.pc == machine.address(handler)
        above, here = screen.here()
        assert above == f"{handler}:" and here.startswith(f"{cpu.pc:08x} ")
        top = cpu.segment("ss").base + cpu["rsp"]
        head, *stack = screen.pane("stack")
        assert head.startswith("handler of ")
        for n, name in enumerate(fields):
            value = int.from_bytes(cpu.read(top + n * width, width), "little")
            assert f"{top + n * width:08x} {value:0{2 * width}x} ◀ {name}" in stack[n]
            assert ", was " not in stack[n]
        assert "◀" not in stack[len(fields)]
        pc = int.from_bytes(cpu.read(top + (fields[0] == "error code") * width, width), "little")
        assert pc == machine.trace.under_way(0, 1)[0].pc

    stepping(image, play)


def test_the_frame_of_an_arm_exception_is_in_its_registers(stepping):
    async def play(screen):
        await screen.press("N")
        machine, cpu = screen.machine, screen.machine.cpu
        assert cpu.pc == cpu["vbar_el1"] + 0x280  # an IRQ of EL1h (DDI0487 D1.10.2)
        stack = screen.pane("stack")
        assert stack[0] == "handler of 27 (PPI)"  # the virtual timer
        symbol = machine.where(cpu["elr_el1"]).split()[1]
        assert stack[1].strip() == f"{cpu['elr_el1']:016x} ◀ ELR_EL1 {symbol}"
        assert stack[2].strip() == f"{cpu['spsr_el1']:016x} ◀ SPSR_EL1"
        assert stack[3].startswith(f"{cpu['sp']:08x} ")
        assert "D A I F" in screen.text("registers")

    stepping("arm64/timer_ticks", play)


def test_code_is_told_in_the_instruction_set_that_it_is_in(stepping):
    """it_block_irq.S: an interrupt within an IT block is handled in A32; the code before is T32, of 2 bytes a place."""

    async def play(screen):
        await screen.press("N")
        cpu = screen.machine.cpu
        assert "A32 code, irq" in screen.text("registers") and cpu["spsr"] & 1 << 5
        await screen.press("p")
        assert "T32 code" in screen.text("registers")
        shown = [line.lstrip(" ▶").split()[0] for line in screen.pane("code") if line.lstrip(" ▶")[:1].isdigit()]
        addresses = [int(each, 16) for each in shown]
        assert cpu.pc in addresses and {b - a for a, b in pairwise(addresses)} <= {2, 4}
        # it_block_irq.S interrupts ITTT EQ; ADDS Rd, Rn, #imm3 has no S in a block (DDI0406 A8.8.4)
        assert cpu.read(cpu.pc, 2) == bytes.fromhex("a41c") and "addeq r4, r4, #2" in screen.here()[1]

    stepping("arm/it_block_irq", play)


def test_a_step_back_from_a_handler_is_the_place_it_came_to(stepping):
    """pit_ticks.S: STI, then HLT in its shadow; the timer wakes it."""

    async def play(screen):
        await screen.press("N")
        there = screen.machine.position
        await screen.press("p")
        assert screen.machine.cpu.pc == screen.machine.address("sleep")
        code = screen.pane("code")
        at = next(n for n, line in enumerate(code) if "▶" in line)
        assert "shadow of STI: no interrupt before this" in code[at - 1] and "hlt" in code[at]
        assert code[at + 1 : at + 3] == ["awake:", "▼ 0x20 (IRQ 0) comes here in 1 instruction"]  # SDM 2A, HLT
        assert screen.text("told").startswith("next: 0x20 (IRQ 0) in 1 instruction, before ")
        assert "handler" not in screen.text("stack")
        await screen.press("n")
        assert screen.machine.position == there

    stepping("x86/pit_ticks", play)


def test_handlers_within_handlers_have_a_frame_each(stepping):
    async def play(screen):
        await screen.press(*"NNNNN")
        outer, inner = (screen.machine.cpu.handlers()[n] for n in (0, 1))
        stack = screen.text("stack")
        assert f"handler of {inner.number:#x} " in stack and f"within that of {outer.number:#x} " in stack
        assert stack.count("◀ EIP") == 2
        await screen.press("f")
        assert len(screen.machine.cpu.handlers()) == 1
        await screen.press("f", "f")
        assert "no handler is under way" in screen.text("told")

    stepping("x86/priority_nesting", play)


def test_breakpoints_counts_and_words_are_gone_to(stepping):
    async def play(screen):
        machine = screen.machine
        await screen.answer("b", "tick")
        assert "breakpoint at" in screen.text("told")
        await screen.press("c")
        assert machine.cpu.pc == machine.address("tick") and "●▶" in screen.text("code")
        ticks = machine.u32("ticks")
        await screen.press("c")
        assert machine.u32("ticks") == ticks + 1
        await screen.press("C")
        assert (machine.cpu.pc, machine.u32("ticks")) == (machine.address("tick"), ticks)
        await screen.answer("g", "700")
        assert machine.instructions == 700
        await screen.answer("slash", "RETURNED")
        assert "returned" in {event.kind for event in machine.trace.last(3) if event.insns == machine.instructions}
        await screen.answer("g", "12")
        assert machine.instructions == 12
        await screen.answer("b", "tikc")
        assert "did you mean 'tick'" in screen.text("told")
        await screen.answer("g", "much")
        assert "is a number" in screen.text("told")

    stepping("x86/pit_ticks", play)


def test_the_ends_of_a_run_say_so(stepping):
    async def play(screen):
        await screen.press("p")
        assert "this is the beginning" in screen.text("told")
        await screen.press("c")
        assert screen.machine.stop.reason == "poweroff" and "poweroff" in screen.text("told")
        await screen.press("n")
        assert "the run is over" in screen.text("told")
        await screen.press("p", "n", "n")
        assert "the run is over" in screen.text("told")

    stepping("x86/hello", play)


def test_of_several_vcpus_one_is_shown_and_stepped(stepping):
    async def play(screen):
        machine = screen.machine
        await screen.press("N", "v", "n")  # to where its turn begins
        shown = screen.walk.cpu.index
        before = [cpu.count for cpu in machine.cpus]
        await screen.press("n")
        more = [cpu.count - count for cpu, count in zip(machine.cpus, before, strict=True)]
        assert (shown, more) == (1, [0, 1])
        assert f"vCPU {shown} of 2" in screen.text("where")

    stepping("x86/ipi_ping_pong", play)


def test_controllers_are_shown_as_their_views_have_them(stepping):
    async def pic(screen):
        await screen.press(*"NNNNN")
        rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in screen.pane("controllers")[:4]}
        chips = screen.machine.pic.master, screen.machine.pic.slave
        for name in ("irr", "isr", "imr"):
            both = "".join("█" if getattr(chip, name) >> n & 1 else "·" for chip in chips for n in range(8))
            assert rows[name.upper()] == f"{both[:8]} {both[8:]}"
        assert chips[0].isr.bit_count() == 2  # one interrupted the other

    async def gic(screen):
        await screen.press("N")
        cpu = screen.machine.gic.cpu[0]
        text = screen.text("controllers")
        assert cpu.pending == {27} and "pending 27" in " ".join(text.split())
        while not cpu.active:
            await screen.press("n")
        assert "active 27" in " ".join(screen.text("controllers").split())

    stepping("x86/priority_nesting", pic)
    stepping("arm64/timer_ticks", gic)


def test_what_has_changed_is_lit_and_what_is_set_is_in_capitals(stepping):
    async def play(screen):
        await screen.press("N", "n")
        cpu = screen.machine.cpu
        registers = screen.app.query_one("#registers")
        lit = [
            segment.text
            for n in range(registers.content_size.height)
            for segment in registers.render_line(n)
            if segment.style and segment.style.bold and segment.style.color and segment.style.color.name != "default"
        ]
        assert f"{cpu['eip']:08x}" in "".join(lit)
        flags = screen.pane("registers")[1].split()
        names = {"CF": 0, "PF": 2, "ZF": 6, "SF": 7, "IF": 9}
        assert {name for name in names if name in flags} == {n for n, bit in names.items() if cpu["eflags"] >> bit & 1}

    stepping("x86/pit_ticks", play)


def test_in_a_narrow_window_panes_fold(stepping):
    async def play(screen):
        seen = []
        for _ in range(4):
            assert {"code", "registers"} < screen.shown()
            seen += screen.shown() - {"code", "registers"}
            assert all(len(line) <= 78 for name in screen.shown() for line in screen.pane(name))
            await screen.press("tab")
        assert sorted(seen) == ["console", "controllers", "events", "stack"]
        await screen.press("N")
        assert "vectors+0x280" in screen.text("where")
        await screen.pilot.resize_terminal(160, 50)
        await screen.press("n")
        assert len(screen.shown()) == 6

    stepping("arm64/timer_ticks", play, size=NARROW)


def test_in_a_window_that_is_too_small_nothing_breaks(stepping):
    async def play(screen):
        for size in ((20, 10), (12, 30), (40, 4), (3, 2), (1, 1)):
            await screen.pilot.resize_terminal(*size)
            for _ in range(4):
                await screen.press("tab")
            await screen.press("N", "question_mark", "escape")
        await screen.pilot.resize_terminal(*WIDE)
        await screen.press("n")
        assert len(screen.shown()) == 6

    stepping("x86/pit_ticks", play, size=NARROW)


def test_of_c_the_source_line_stands_above_its_instructions(stepping, tmp_path):
    path = tmp_path / "run.vmmrec"
    main(["run", "cases/lost_update/x86_c", "--record", str(path), "--quiet"])
    source = (bundled() / "cases" / "lost_update" / "x86.c").read_text().splitlines()

    async def play(screen):
        await screen.answer("b", "begin")
        await screen.press("c")
        code = screen.pane("code")
        number = int(screen.here()[1].rpartition(":")[2])
        at = next(n for n, line in enumerate(code) if "▶" in line)
        assert code[at - 1] == f"{number} {source[number - 1].strip()}"

    stepping(path, play)


def test_help_lists_every_key(stepping):
    async def play(screen):
        await screen.press("question_mark")
        assert screen.app.query_one("#help").display
        text = screen.text("help")
        assert all(word in text for word in ("one boundary back", "latch an NMI", "breakpoint"))
        await screen.press("escape")
        assert not screen.app.query_one("#help").display

    stepping("x86/hello", play)


def test_a_move_that_does_not_end_is_ended_by_a_key(stepping, tmp_path):
    image = tmp_path / "spin.bin"
    image.write_bytes(b"\xeb\xfe")  # jmp to itself

    async def play(screen):
        await screen.pilot.press("c")
        await screen.pilot.press("n", "question_mark")  # n waits, and Esc forgets it
        assert "under way; Esc stops it" in screen.text("told")
        await screen.press("escape")
        assert "stopped on the way" in screen.text("told")
        there = screen.machine.instructions
        assert there >= 1_000_000
        await screen.press("p")
        assert screen.machine.instructions == there - 1

    stepping(image, play, "--load-address", "0x8000")
