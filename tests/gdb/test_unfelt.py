"""A debugger changes nothing: a run with any number of stops, steps and ways back ends with the hash of one without."""

import random

import pytest

from gdb.client import Served
from vmm.machine.machine import boot

GUESTS = [
    "x86/pit_ticks", "x86/ipi_ping_pong", "x86/rep_interrupted", "x86/vm86", "x86/sti_shadow", "x86/nmi_blocking",
    "x86/ring3_to_ring0", "x86/soft_reset", "x86/triple_fault", "x86/tsc_deadline", "arm64/timer_ticks",
    "arm64/sgi_ping_pong", "arm64/data_abort", "arm/it_block_irq", "arm/usr_mode",
]  # fmt: skip
ACTS = 40


def wander(client, run, chance):
    """Random acts of a debugger; False: the run has ended."""
    threads = len(run.machine.cpus)
    for _ in range(ACTS):
        act = chance.choice(["s", "s", "many", "bs", "bs", "c", "bc", "break", "watch", "hold", "look"])
        for packet in packets(client, run, act, chance, 1 + chance.randrange(threads)):
            reply = client.ask(packet)
            assert reply[:1] != b"E", (act, reply)
            if reply[:1] == b"W":
                return False
    return True


def packets(client, run, act, chance, thread):
    """What the act is made of."""
    if act == "many":
        return [f"vCont;s:{thread}"] * chance.randrange(100)
    if act == "break":
        return [f"Z{chance.randrange(2)},{run.machine.cpu.pc:x},1"]
    if act == "watch":
        return [f"Z2,{run.machine.loaded.entry.pc & ~3:x},4"]
    if act == "hold":
        return [b"qRcmd," + f"irq {chance.choice(['hold', 'deliver'])}".encode().hex().encode()]
    if act == "look":
        return [f"Hg{thread}", "g", f"m{run.machine.loaded.entry.pc:x},40", b"qRcmd," + b"controllers".hex().encode()]
    return [act]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("image", GUESTS)
def test_a_run_that_was_debugged_is_the_run_that_it_would_have_been(image, seed, capfd):
    plain = boot(image, console=None)
    plain.run()
    with Served(image) as run:
        client = run.attach().quiet()
        if wander(client, run, random.Random(f"{image} {seed}")):
            client.ask("D")
    assert (run.machine.trace.hash, run.machine.instructions) == (plain.trace.hash, plain.instructions)
    assert run.stop.detail == plain.stop.detail


FAST = ["x86/pit_ticks", "x86/ipi_ping_pong", "x86/soft_reset", "arm64/timer_ticks", "arm/it_block_irq"]


@pytest.mark.parametrize("image", FAST)
def test_so_it_is_in_the_fast_gear(image, capfd):
    plain = boot(image, console=None)
    plain.run()
    with Served(image, gear="fast") as run:
        client = run.attach().quiet()
        if wander(client, run, random.Random(image)):
            client.ask("D")
    assert run.machine.gear == "fast"
    assert (run.machine.trace.hash, run.machine.instructions) == (plain.trace.hash, plain.instructions)


@pytest.mark.parametrize("image", ["x86/pit_ticks", "arm64/first_isr"])
def test_what_the_guest_writes_is_shown_once(image, capfd):
    written = bytearray()
    boot(image, console=written.extend).run()
    with Served(image) as run:
        client = run.attach().quiet()
        client.ask("c")
        for _ in range(20):
            client.ask("bs")
        client.ask("bc")
        client.ask("c")
        client.ask("c")
    assert run.written == bytes(written)
