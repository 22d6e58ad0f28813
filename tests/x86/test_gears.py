"""A gear is a policy: the fast one counts block by block, and each run in it is that of the precise one: trace hash,
counts, time, registers, stops, what was executed last, console.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmm import boot, replay
from vmm.catalog import guests
from vmm.errors import VmmError
from vmm.machine.machine import MIB, Config, Machine

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import fuzz_gears
import fuzz_x86

MOST = 30_000
"""Instructions of a guest's run: each is past its first interrupts by then."""
CODE, DATA, STACK = 0x100000, 0x180000, 0x170000
GUESTS = sorted(guest.name for guest in guests() if guest.name.startswith("x86/"))
SLICED = ("x86/rep_interrupted", "x86/real_mode_ivt", "x86/ipi_ping_pong", "x86/syscall_sysenter", "x86/vm86")
SEED = 7


def seen(machine: Machine) -> dict[str, object]:
    """All that a gear might change."""
    return {
        "hash": machine.trace.hash,
        "instructions": machine.instructions,
        "time": machine.now_ns,
        "stop": machine.stop,
        **{
            f"vCPU {cpu.index}": (cpu.count, cpu.pc, cpu.recent(), {name: cpu[name] for name in cpu})
            for cpu in machine.cpus
        },
    }


def run(name: str, gear: str, slices: list[int]) -> dict[str, object]:
    printed = bytearray()
    machine = boot(name, gear=gear, console=printed.extend)
    assert machine.gear == gear
    for insns in slices:
        if machine.run(insns=insns).reason != "count":
            break
    return {**seen(machine), "stop": str(machine.stop), "console": bytes(printed)}


@pytest.mark.parametrize("name", GUESTS)
def test_a_guest_has_one_run_in_both_gears(name: str) -> None:
    assert run(name, "fast", [MOST]) == run(name, "precise", [MOST])


@pytest.mark.parametrize("name", SLICED)
def test_stops_anywhere_change_nothing(name: str) -> None:
    chance = random.Random(name)
    slices = [chance.choice((1, 2, 3, 7, 50, 400)) for _ in range(300)]
    total = sum(slices)
    assert run(name, "fast", slices) == run(name, "precise", [total])


@pytest.mark.parametrize("name", SLICED)
def test_a_way_there_and_back_leaves_no_trace(name: str) -> None:
    machine = boot(name, gear="fast", console=None)
    for insns in (700, 33, 4_000):
        machine.run(insns=insns)
        before = machine.snapshot()
        machine.run(insns=777)
        machine.restore(before)
    machine.run(insns=10_000)
    whole = boot(name, gear="precise", console=None)
    whole.run(insns=14_733)
    assert seen(machine) == seen(whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2 * len(fuzz_x86.KINDS)))
def test_a_random_program_has_one_run_in_both_gears(number: int) -> None:
    fuzz_gears.run(SEED, number)


# ---- within a block ----


def about_to(code: str, **registers: int) -> Machine:
    """In the fast gear and 32-bit code without paging, `code` in hexadecimal digits before it."""
    machine = Machine(Config(memory=4 * MIB, board="pc,pit=off", gear="fast", console=None))
    machine.memory.write(CODE, bytes.fromhex(code))
    machine.cpu.enter_protected32(CODE, {"rsp": STACK, **registers})
    return machine


COUNTED = "40" * 9 + "f4"
"""INC EAX, nine times; HLT."""


@pytest.mark.parametrize("insns", range(1, 10))
def test_a_run_stops_at_each_boundary_of_a_block(insns: int) -> None:
    machine = about_to(COUNTED, rax=0)
    assert machine.run(insns=insns).reason == "count"
    assert (machine.cpu["rax"], machine.cpu.pc, machine.instructions) == (insns, CODE + insns, insns)
    assert machine.cpu.recent() == list(range(CODE, CODE + insns))


def test_an_address_in_the_middle_of_a_block_is_reached() -> None:
    machine = about_to(COUNTED, rax=0)
    assert machine.run(until=CODE + 5).reason == "breakpoint"
    assert (machine.cpu["rax"], machine.instructions) == (5, 5)


def test_a_fault_in_the_middle_counts_what_began() -> None:
    """INC EAX twice, DIV by 0, INC EAX; the IDT is empty, so #DE becomes a triple fault: the third instruction's."""
    machine = about_to("40 40 f7f3 40 f4", rax=0, rbx=0)
    assert machine.run().reason == "shutdown"
    assert (machine.instructions, machine.cpu["rax"], machine.cpu.pc) == (3, 2, CODE + 2)
    assert machine.cpu.recent() == [CODE, CODE + 1, CODE + 2]


def test_a_store_into_its_own_block_is_seen_by_the_next_instruction() -> None:
    """MOV BYTE [next], 48h makes DEC EAX of the INC EAX behind it; what is done again is known as such a place."""
    store = "c605" + (CODE + 7).to_bytes(4, "little").hex() + "48"
    again = "c605" + (CODE + 7).to_bytes(4, "little").hex() + "40"
    machine = about_to(f"{store} 40 {again} e9e8ffffff", rax=100)
    machine.memory.write(CODE + 15, bytes.fromhex("eb ef"))
    for _ in range(5):
        machine.run(insns=4)
    assert machine.cpu["rax"] == 95


def test_registers_of_a_device_are_reached_at_their_count() -> None:
    """The APIC's timer counts with time, and what is read of it says when: 2 stores, 6 INC, the load, 3 INC and HLT."""

    def mov(address: int, value: int) -> str:
        return "c705" + address.to_bytes(4, "little").hex() + value.to_bytes(4, "little").hex()

    read = "a1" + 0xFEE00390.to_bytes(4, "little").hex()
    code = mov(0xFEE003E0, 0xB) + mov(0xFEE00380, 1 << 30) + "43" * 6 + read + "43" * 3 + "f4"
    values = []
    for gear in ("fast", "precise"):
        machine = Machine(Config(memory=4 * MIB, board="pc,pit=off", gear=gear, console=None))
        machine.memory.write(CODE, bytes.fromhex(code))
        machine.cpu.enter_protected32(CODE, {"rsp": STACK})
        machine.run()
        values.append((machine.cpu["rax"], machine.instructions))
    assert values[0] == values[1]
    assert values[0][1] == 2 + 6 + 1 + 3 + 1


@pytest.mark.parametrize(
    ("code", "flags"),
    [
        ("01c0 d113", 0x40),  # ADD EAX, EAX; RCL [EBX], 1
        ("01c0 0f9003", 0x40),  # ADD EAX, EAX; SETO [EBX]
    ],
    ids=["RCL", "SETcc"],
)
def test_flags_that_were_put_off_are_there_where_a_run_ends(code: str, flags: int) -> None:
    """ADD of 0 and 0 leaves ZF and PF; the access behind it goes to no memory, where the run ends."""
    machine = about_to(code + "f4", rax=0, rbx=0xFFFFFFB0 - 0x40000000)
    machine.run(insns=2)
    assert machine.cpu["rflags"] & 0x8D5 & ~4 == flags


# ---- which gear ----


def test_a_gear_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(VmmError, match=r"unknown gear 'fats'.*fast"):
        Machine(Config(gear="fats"))


def test_another_architecture_runs_in_the_precise_gear() -> None:
    assert boot("arm64/hello", gear="fast", console=None).gear == "precise"


def test_where_unicorn_is_not_as_expected_the_gear_is_the_precise_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmm.machine.machine.no_fast_gear", lambda: "Unicorn does not call tcg_gen_callN_x86_64")
    machine = Machine(Config(gear="fast"))
    assert machine.gear == "precise"
    assert machine.config.gear == "fast"


def test_the_command_says_why_it_is_not_the_one_asked_for(vmm: Callable[..., Any]) -> None:
    done = vmm("run", "arm64/hello", "--gear", "fast")
    assert done.status == 0
    assert "vmm: --gear fast: AArch64 has the precise gear alone\n" in done.err


def test_a_recording_does_not_say_in_which_gear_it_was_made(tmp_path: Path) -> None:
    tape = tmp_path / "run.vmmrec"
    machine = boot("x86/uart_irq4", gear="fast", console=None)
    with machine.recording(tape):
        machine.run(insns=2_000)
    again = replay(tape, console=None)
    again.run()
    assert again.machine.gear == "precise"
    assert again.machine.trace.hash == machine.trace.hash
