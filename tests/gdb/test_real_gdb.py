"""Stock gdb on guests of every mode: it stops, looks, goes back, and the run is the one without it.

Expected are the guests' own symbols and registers as their sources leave them; what gdb prints is gdb's.
"""

import re
from pathlib import Path

import pytest

from gdb.client import Served
from vmm.catalog import resolve
from vmm.cli import main
from vmm.cli.run_loop import Given
from vmm.machine.machine import boot
from vmm.toolchain import assemble

SOURCES = Path(__file__).parents[2] / "guests"


def plain_hash(image):
    machine = boot(image, console=None)
    machine.run()
    return machine.trace.hash


def symbols(image, how="file"):
    return how, resolve(image)


MODES = [
    ("x86/pit_ticks", "tick", "file", [], "protected", r"incl? +"),
    ("x86/real_mode_ivt", "hardware", "file", ["set architecture i8086", "unset tdesc filename"], "real", r"incl +"),
    ("x86/ist_stacks", "own_stack", "symbol-file", ["unset tdesc filename"], "long", r"cmp +\$0x"),
    ("arm64/timer_ticks", "tick", "file", [], "el1h", r"sub|stp|mrs|add"),
    ("arm/fiq_over_irq", "fiq_handler", "file", [], "fiq", r"sub|push|mov|add|str|ldr"),
    ("arm/it_block_irq", "itttt_eq_1", "file", [], "svc", r"cmp\s+r0, #0"),
]  # fmt: skip
"""Guest, where it stops, how its symbols are loaded, what gdb is told where the width changes, the mode, the code."""


@pytest.mark.parametrize(("image", "where", "how", "switch", "mode", "code"), MODES)
def test_it_stops_in_every_mode_and_steps_back_and_on(gdb, image, where, how, switch, mode, code):
    with Served(image) as run:
        out = gdb(
            run, f"break *&{where}", "continue", *switch, "p $mode", "x/i $pc", "p/x $pc", "reverse-stepi", "p/x $pc",
            "stepi", "p/x $pc", "info registers", "detach", symbols=symbols(image, how),
        )  # fmt: skip
    assert f"$1 = {mode}\n" in out, out
    assert re.search(rf"=> 0x[0-9a-f]+ <{where}>:\t({code})", out), out
    here, before, again = re.findall(r"^\$\d+ = (0x[0-9a-f]+)$", out, re.MULTILINE)
    assert int(here, 16) == int(again, 16) == run.machine.address(where) != int(before, 16)
    assert run.machine.trace.hash == plain_hash(image)


def test_a_handler_is_stopped_in_and_left_backwards(gdb):
    """pit_ticks.S: the first tick comes while the guest sleeps in HLT."""
    with Served("x86/pit_ticks") as run:
        out = gdb(
            run, "break tick", "continue", "reverse-stepi", "x/i $pc", "reverse-continue", "stepi", "delete",
            "watch *(int *) &ticks", "continue", "continue", "reverse-continue", "reverse-continue", "detach",
            symbols=symbols("x86/pit_ticks"),
        )  # fmt: skip
    assert re.search(r"=> 0x[0-9a-f]+ <sleep>:\thlt", out), out
    assert "No more reverse-execution history" in out
    values = re.findall(r"Old value = (\d+)\nNew value = (\d+)", out)
    assert values == [("0", "1"), ("1", "2"), ("2", "1"), ("1", "0")]
    assert run.machine.trace.hash == plain_hash("x86/pit_ticks")


@pytest.mark.parametrize(
    ("image", "where", "crossed"),
    [("x86/pit_ticks", "tick", r"awake \[interrupted by 0x20 \(IRQ 0\)\] \(\) at .*pit_ticks.S:18"),
     ("arm64/first_isr", "handler", r" \[interrupted by 37 \(SPI 5\)\]"),
     ("arm/it_block_irq", "handler", r"after_itttt_eq_0 \[interrupted by 40 \(SPI 8\)\]")],
)  # fmt: skip
def test_a_backtrace_goes_through_a_handler_into_what_it_interrupted(gdb, image, where, crossed):
    with Served(image) as run:
        out = gdb(
            run, 'python exec(gdb.execute("monitor unwinder", False, True))', f"break {where}", "continue", "backtrace",
            "up", "p/x $pc", "detach", symbols=symbols(image),
        )  # fmt: skip
    assert re.search(rf"^#0 .*{where}.*\n#1 .*{crossed}", out, re.MULTILINE), out
    delivered = next(int(text, 16) for text in re.findall(r"^\$1 = (0x[0-9a-f]+)$", out, re.MULTILINE))
    assert f"{delivered:#x}" in out


def test_a_backtrace_goes_through_c_and_assembly_into_c(gdb, tmp_path, monkeypatch):
    """The kernel that `vmm new` writes: its handler's beginning calls a function in C, and interrupts another one."""
    monkeypatch.chdir(tmp_path)
    main(["new", "demo", "--kind", "x86-c"])
    parts = [tmp_path / "demo" / name for name in ("boot.S", "main.c", "critical.c")]
    image = assemble(*parts, out=tmp_path / "demo.elf", script=tmp_path / "demo" / "image.ld")
    with Served(image, typed=Given(b"x")) as run:
        out = gdb(
            run, 'python exec(gdb.execute("monitor unwinder", False, True))', "break serial_interrupt", "continue",
            "backtrace", "finish", "reverse-finish", "up 2", "detach", symbols=("file", image),
        )  # fmt: skip
    frames = re.findall(r"^#\d +(?:0x\w+ in )?(.*) \(\) at (?:.*/)?(\S+):\d+$", out, re.MULTILINE)
    assert frames[:5] == [
        ("serial_interrupt", "main.c"), ("serial_entry", "boot.S"),
        ("wait_for_byte [interrupted by 0x24 (IRQ 4)]", "critical.c"), ("kernel", "main.c"), ("stop", "boot.S"),
    ], out  # fmt: skip
    assert run.written.endswith(b"x\n")


@pytest.mark.parametrize(
    ("image", "variable"), [("x86/pit_ticks", "ticks"), ("arm64/first_isr", "count"), ("arm/first_isr", "count")]
)
def test_a_watchpoint_stops_behind_the_write_and_backwards_before_it(gdb, image, variable):
    """gdb steps over an access itself where it takes stops to be before it, as on ARM: never one too many."""
    it = f"*(int *) &{variable}"
    with Served(image) as run:
        out = gdb(
            run, f"watch {it}", "continue", "p/x $pc", "reverse-continue", "p/x $pc", f"p {it}",
            "delete", "stepi", "p/x $pc", f"p {it}", "detach", symbols=symbols(image),
        )  # fmt: skip
    assert out.count("Old value = 0\nNew value = 1\n") == out.count("Old value = 1\nNew value = 0\n") == 1, out
    behind, before, written, again, value = re.findall(r"^\$\d+ = (\w+)$", out, re.MULTILINE)
    assert (behind, written, value) == (again, "0", "1")
    assert int(before, 16) < int(behind, 16)
    assert run.machine.trace.hash == plain_hash(image)


def test_threads_are_told_apart(gdb):
    with Served("arm64/sgi_ping_pong") as run:
        out = gdb(
            run, "info threads", "thread 2", "stepi", "info threads", "kill", symbols=symbols("arm64/sgi_ping_pong")
        )
    assert re.search(r"\* 1 +Thread 1 \(vCPU 0: A64 code.*\n +2 +Thread 2 \(vCPU 1: off\)", out), out
    assert re.search(r"\* 2 +Thread 2 \(vCPU 1: A64 code", out), out
    assert run.stop == "killed"


def test_a_variable_is_set_and_the_guest_goes_by_it(gdb):
    """pit_ticks.S checks at its end how many ticks it counted: 100, if nobody counts for it."""
    with Served("x86/pit_ticks") as run:
        gdb(
            run, "break awake", "continue", "set var *(int *) &ticks = 99", "delete", "continue", "continue",
            symbols=symbols("x86/pit_ticks"),
        )  # fmt: skip
    ticks = [row for row in run.machine.trace.interrupts() if row.source == "IRQ 0"]
    assert ticks[0].delivered == 2
