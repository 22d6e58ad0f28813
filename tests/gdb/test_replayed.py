"""A recording is gone to and fro in: what scripts did and answered comes again wherever it is come to."""

import random

import pytest

from gdb.client import ServedReplay
from vmm import Hlt
from vmm.machine.machine import boot

DATA = 0x300000


@pytest.fixture
def recorded(tmp_path):
    """A run whose HLT a script is asked about, with a scenario, and what is done between runs."""
    path = tmp_path / "run.vmmrec"
    machine = boot("x86/pit_ticks", console=None)
    slept = []

    async def scenario(m):
        for _ in range(3):
            await m.reach("awake")
            m.memory.write(DATA, bytes([m.u8("ticks")]))
            m.irq(5).pulse()

    with machine.recording(path):
        machine.trap(Hlt())(lambda trap: slept.append(1))
        machine.start(scenario)
        machine.run(until="sleep")
        machine.cpu["edi"] = 77
        machine.run()
    assert len(slept) == 100
    return path, machine


def states(client, packet, count):
    """Registers, and what the scenario wrote, behind each packet."""
    return [(client.ask(packet)[:3], client.ask("g"), client.read(DATA, 1)) for _ in range(count)]


def test_it_is_verified_after_any_way_through_it(recorded):
    path, machine = recorded
    chance = random.Random(5)
    with ServedReplay(path) as run:
        client = run.attach().quiet()
        awake = machine.address("awake")
        client.ask(f"Z0,{awake:x},1")
        for _ in range(60):
            assert client.ask(chance.choice(["c", "bc", "s", "s", "bs", "vCont;s:1"]))[:1] == b"T"
        client.ask("D")
    assert run.replay.verified
    assert run.machine.trace.hash == machine.trace.hash


def test_states_come_again_in_the_other_order(recorded):
    path, machine = recorded
    with ServedReplay(path) as run:
        client = run.attach().quiet()
        client.ask(f"Z0,{machine.address('sleep'):x},1")
        client.ask("c")
        client.ask(f"z0,{machine.address('sleep'):x},1")
        client.ask("s")
        forwards = states(client, "s", 70)
        client.ask("s")
        assert states(client, "bs", 70) == forwards[::-1]
        assert {written for _, _, written in forwards} >= {bytes([1]), bytes([2])}
        client.ask("D")
    assert run.replay.verified


@pytest.mark.parametrize(("guest", "told"), [("x86/first_isr", b"W00"), ("x86/triple_fault", b"X7d")])
def test_its_end_is_what_ended_the_run_whichever_way_it_is_come_to(guest, told, tmp_path):
    path = tmp_path / "run.vmmrec"
    machine = boot(guest, console=None)
    with machine.recording(path):
        stop = machine.run()
    with ServedReplay(path) as run:
        client = run.attach().quiet()
        for packet in ("c", "bc", "c"):
            client.ask(packet)
        assert str(stop) in client.monitor("stop")
        client.ask("c")
    assert str(run.stop) == str(stop)


def test_it_ends_at_its_end_and_can_be_left_from_there(recorded):
    path, _ = recorded
    with ServedReplay(path) as run:
        client = run.attach().quiet()
        assert client.ask("c").endswith(b"replaylog:end;")
        assert client.ask("bc").endswith(b"replaylog:begin;")
        assert client.ask("c").endswith(b"replaylog:end;")
        assert client.ask("c") == b"W00"
    assert run.replay.verified
