"""`vmm run --gdb`, `vmm replay --gdb`: what is told, what is waited for, how it ends."""

import re
import signal
import socket

import pytest
from gdb.client import Client

from vmm.machine.machine import boot

ATTACH = re.compile(rb"gdb attaches by: target remote \S*:(\d+)\n")
SCENARIO = """
import vmm

async def scenario(m):
    await m.reach("sleep")
    m.irq(5).pulse()
"""


@pytest.fixture
def attached(command):
    """Start a command with `--gdb :0 -S` and attach to it: the client, and the process."""

    def start(*words):
        process = command(*words, "--gdb", ":0", "-S")
        told = b""
        while not (found := ATTACH.search(told)):
            line = process.stderr.readline()
            assert line, told
            told += line
        return Client(int(found[1])).quiet(), process

    return start


@pytest.fixture
def recording(tmp_path):
    machine = boot("x86/pit_ticks", console=None)
    with machine.recording(tmp_path / "run.vmmrec") as recorder:
        machine.run(until="awake")
        machine.irq(5).pulse()
        machine.write("ticks", bytes([90, 0, 0, 0]))
        stop = machine.run()
        recorder.ended(stop.exit_status, None)
    return tmp_path / "run.vmmrec"


def test_a_run_waits_for_gdb_and_ends_as_it_would_have(attached, vmm):
    client, process = attached("run", "x86/pit_ticks")
    assert client.ask("?")[:3] == b"T05"
    for _ in range(5):
        client.ask("s")
    client.ask("bs")
    client.ask("D")
    out, err = process.communicate(timeout=60)
    plain = vmm("run", "x86/pit_ticks")
    assert process.returncode == plain.status == 0
    assert out.decode() == plain.out
    assert err.decode().splitlines()[-1].split("trace")[1] == plain.err.splitlines()[-1].split("trace")[1]


def test_what_gdb_kills_has_a_report_and_a_recording(attached, tmp_path):
    client, process = attached("run", "x86/pit_ticks", "--record", tmp_path / "run.vmmrec")
    client.ask("s")
    client.send(b"k")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"vmm: user: ended by gdb at " in err
    assert b'"ended by gdb"' in (tmp_path / "run.vmmrec").read_bytes()


def test_a_signal_ends_a_run_that_waits_for_gdb(command):
    process = command("run", "x86/pit_ticks", "--gdb", ":0", "-S")
    assert ATTACH.search(process.stderr.readline())
    assert process.stderr.readline().endswith(b"guests/x86/pit_ticks/pit_ticks.elf\n"), "where gdb finds its symbols"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, b"vmm: user: interrupted at " in err) == (130, True)


def test_a_recording_is_gone_to_and_fro_in_and_is_verified_at_its_end(attached, recording):
    client, process = attached("replay", recording)
    assert client.ask("c").endswith(b"replaylog:end;")
    end = client.monitor("where")
    assert client.ask("bc").endswith(b"replaylog:begin;")
    for _ in range(30):
        client.ask("s")
    assert client.ask("M200000,1:00").startswith(b"E.a recorded run is looked at, not changed")
    assert "a recorded run is looked at, not changed" in client.monitor("line 5 pulse")
    client.ask("c")
    assert client.monitor("where") == end
    assert client.ask("c") == b"W00"
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_a_recording_is_stepped_in_as_the_run_was(attached, recording):
    """What was done to it at `awake`, a line and a write, comes again there, however it is come to."""
    client, process = attached("replay", recording)
    machine = boot("x86/pit_ticks", console=None)
    awake, ticks = machine.address("awake"), machine.address("ticks")
    client.ask(f"Z0,{awake:x},1")
    client.ask("c")
    assert client.read(ticks, 4) == bytes([90, 0, 0, 0])
    for _ in range(3):
        client.ask("bs")
    assert client.read(ticks, 4) == bytes([1, 0, 0, 0])
    for _ in range(3):
        client.ask("s")
    assert (client.pc(), client.read(ticks, 4)) == (awake, bytes([90, 0, 0, 0]))
    client.ask("D")
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("way", ["bs", "bc"])
def test_nobody_goes_back_where_a_script_plays_beside_the_guest(attached, tmp_path, way):
    (tmp_path / "play.py").write_text(SCENARIO)
    client, process = attached("run", "x86/pit_ticks", "--scenario", tmp_path / "play.py")
    client.ask("s")
    assert client.ask(way).startswith(b"E.a script plays beside the guest")
    client.ask("D")
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_nobody_goes_back_where_events_are_written(attached, tmp_path):
    client, process = attached("run", "x86/hello", "--trace", tmp_path / "trace.json")
    client.ask("s")
    assert client.ask("bs").startswith(b"E.--trace takes each event once")
    client.send(b"k")
    process.communicate(timeout=60)


def test_qemus_words_are_ours(command):
    process = command("run", "-kernel", "x86/hello", "-gdb", "tcp::0", "-S")
    assert process.stderr.readline() == b"vmm: in vmm's words: vmm run x86/hello --gdb :0 -S\n"
    client = Client(int(ATTACH.search(process.stderr.readline())[1])).quiet()
    client.send(b"k")
    process.communicate(timeout=60)


@pytest.mark.parametrize(
    ("words", "told"),
    [("-S", "-S waits for gdb: say where with --gdb [HOST]:PORT, or -s"),
     ("--gdb 1234", "--gdb 1234: it is a [HOST]:PORT, such as :1234")],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line(vmm, words, told):
    assert vmm("run", "x86/hello", *words.split()) == (2, "", f"vmm: {told}\n")


def test_a_port_in_use_is_one_line(vmm):
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = vmm("run", "x86/hello", "--gdb", f"127.0.0.1:{other.getsockname()[1]}")
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert "Address already in use" in done.err


def test_who_opens_it_to_others_is_told(vmm):
    """Without -S the guest runs meanwhile, and nobody needs to come."""
    done = vmm("run", "x86/hello", "--gdb", "0.0.0.0:0", "--quiet")
    assert done.status == 0
    told = "vmm: --gdb: not only this host can attach, and whoever does may change the guest"
    assert done.err.splitlines()[1:-1] == [told]
