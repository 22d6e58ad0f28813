"""Nonsense, too much of it, clients that go or come twice, an address in use: a line each, and the guest unharmed."""

import random
import socket

import pytest

from gdb.client import Served
from vmm.errors import VmmError
from vmm.gdb.link import Address, Listener
from vmm.gdb.packets import MOST
from vmm.gdb.protocol import ROWS
from vmm.machine.machine import boot


@pytest.fixture(scope="module")
def plain():
    machine = boot("x86/pit_ticks", console=None)
    machine.run()
    return machine.trace.hash


NONSENSE = [
    "m", "m1", "m1,", "m,1", "mx,1", "m1,2,3", f"m{1 << 64:x},1", "M1,1", "M1,2:00", "M1,1:0", "M1,1:zz", "X1,3:a",
    "p", "pzz", "P", "P0", "P0=", "P0=1", "P=00", "Pffffffffffffffff=00", "G", "Gzz", "Z", "Z9", "Z0", "Z0,1",
    "Z0,x,1", "Z2,ffffffffffff0000,4", "Z2,100000,0", "Z2,100000,ffff", "z0", "z9,1,1", "H", "Hg", "Hx1", "Hg99",
    "T", "T0z", "T99", "vCont;", "vCont;x", "vCont;s:99", "vCont;s:z", "vCont;r1:1", "cz", "sxyz", "qRcmd,",
    "qRcmd,zz", "qRcmd,6", "qXfer:features:read:", "qXfer:features:read:target.xml",
    "qXfer:features:read:target.xml:0", "qXfer:features:read:other.xml:0,ff", "qThreadExtraInfo,",
    "qThreadExtraInfo,99", "Qqemu.sstep=", "Qqemu.sstep=zz", f"c{1 << 63:x}", f"s{1 << 63:x}", f"C05;{1 << 63:x}",
]  # fmt: skip


def test_packets_that_make_no_sense_are_answered_with_an_error_and_change_nothing(plain):
    with Served("x86/pit_ticks") as run:
        client = run.attach().quiet()
        before = client.ask("g"), run.machine.position
        for packet in NONSENSE:
            reply = client.ask(packet)
            assert reply[:1] == b"E" or reply in (b"", b"OK"), (packet, reply)
        assert (client.ask("g"), run.machine.position) == before
        client.ask("D")
    assert run.machine.trace.hash == plain


@pytest.mark.parametrize("digits", ["9" * 5000, "0x" + "f" * 5000])
def test_no_number_in_a_command_is_too_long_for_its_answer(digits):
    with Served("x86/hello") as run:
        client = run.attach().quiet()
        for command in ("line", "nmi", "inject", "inject 64", "events"):
            client.told.clear()
            assert client.ask(f"qRcmd,{f'{command} {digits}'.encode().hex()}") == b"OK"
            assert "".join(client.told).count("\n") == 1
        client.ask("k")


def test_unknown_packets_have_an_empty_answer():
    with Served("x86/hello") as run:
        client = run.attach().quiet()
        for packet in ("", "!", "A", "qFoo", "vFoo", "vMustReplyEmpty", "QFoo", "qSupportedX", "\x7f", "jThreadsInfo"):
            assert client.ask(packet) == b"", packet
        client.ask("k")


def test_random_packets_do_no_harm(plain):
    """Names of packets with anything behind them; what moves the machine or ends the session is left out."""
    chance = random.Random(7)
    names = [name for name in ROWS if name[:1] not in b"cCsSkDbGPMXQ" and not name.startswith((b"vCont", b"vKill"))]
    with Served("x86/pit_ticks") as run:
        client = run.attach().quiet()
        for _ in range(400):
            tail = bytes(chance.choice(b"0123456789abcdef,;:=-") for _ in range(chance.randrange(12)))
            name = chance.choice(names)
            client.ask(name + tail if name != b"qRcmd," else name + b"68656c70")
        for kind, where, size in [tuple(each) for each in run.server.target.breaks]:
            client.ask(f"z{kind:x},{where:x},{size:x}")
        client.ask("D")
    assert run.machine.trace.hash == plain


def test_a_packet_that_is_too_long_is_refused_and_the_next_one_answered():
    with Served("x86/hello") as run:
        client = run.attach().quiet()
        assert client.ask(b"M0,1:" + b"0" * (2 * MOST)).startswith(b"E.a packet of more than")
        assert client.ask("qC") == b"QC1"
        client.ask("k")


def test_a_wrong_checksum_is_asked_for_again():
    with Served("x86/hello") as run:
        client = run.attach()
        client.socket.sendall(b"$qC#00")
        assert client.socket.recv(1) == b"-"
        assert client.ask("qC") == b"QC1"
        client.send(b"k")


def test_packets_that_come_all_at_once_are_answered_in_their_order():
    with Served("x86/pit_ticks") as run:
        client = run.attach().quiet()
        for packet in (b"qC", b"s", b"s", b"qAttached", b"bs"):
            client.send(packet)
        replies = [client.reply() for _ in range(5)]
        assert [reply[:3] for reply in replies] == [b"QC1", b"T05", b"T05", b"1", b"T05"]
        client.ask("k")


def test_a_client_that_goes_leaves_the_guest_running_on(plain, capfd):
    with Served("x86/pit_ticks") as run:
        client = run.attach().quiet()
        client.ask(f"Z0,{run.machine.address('tick'):x},1")
        client.ask("c")
        client.close()
    assert (run.machine.trace.hash, run.stop.reason) == (plain, "poweroff")
    assert capfd.readouterr().err.splitlines()[2:] == ["vmm: gdb has gone; the guest runs on"]


def test_a_client_that_goes_while_the_guest_runs_does_not_stop_it(plain):
    with Served("x86/pit_ticks") as run:
        client = run.attach().quiet()
        client.send(b"c")
        client.close()
    assert run.machine.trace.hash == plain


def test_a_second_client_is_sent_away(capfd):
    with Served("x86/hello") as run:
        first = run.attach().quiet()
        first.ask("qC")
        second = run.attach()
        first.send(b"qC")
        assert second.socket.recv(1) == b""
        assert first.reply() == b"QC1"
        first.ask("k")
    assert "vmm: a second gdb came, and was sent away: one is attached\n" in capfd.readouterr().err
    assert run.stop == "killed"


def test_who_goes_can_come_back(served, tmp_path):
    (tmp_path / "spin.S").write_text("    .globl _start\n_start: jmp _start\n")
    client, run = served(tmp_path / "spin.S")
    client.ask("D")
    client.close()
    while True:
        try:
            again = run.attach()
            assert again.ask("?")[:3] == b"T05"
            break
        except (OSError, AssertionError):  # the first has not gone yet
            continue
    assert again.ask("qC") == b"QC1"


@pytest.mark.parametrize("text", ["", "1234", "host", ":", ":x", ":-1", ":65536", "a:b:", "localhost:1e3"])
def test_an_address_that_is_none_is_told(text):
    with pytest.raises(VmmError, match=r"it is a \[HOST\]:PORT"):
        Address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":1234", ("localhost", 1234)),
        ("tcp::9", ("localhost", 9)),
        ("[::1]:9", ("::1", 9)),
        ("h:0", ("h", 0)),
    ],
)
def test_addresses_are_as_gdb_and_qemu_write_them(text, address):
    assert tuple(Address(text)) == address


def test_an_address_in_use_is_told():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(VmmError, match=f"--gdb 127.0.0.1:{port}: .*in use"):
            Listener(Address(f"127.0.0.1:{port}"))


def test_a_host_that_is_none_is_told():
    with pytest.raises(VmmError, match=r"--gdb no\.such\.host\.invalid:1: "):
        Listener(Address("no.such.host.invalid:1"))
