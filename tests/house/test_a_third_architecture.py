"""A third architecture is a folder and two rows, of `vmm.arch` and of `vmm.boards`: nothing else of vmm knows it."""

import json

import pytest
from loaders.handmade_images import Elf, Part

import vmm
from vmm import arch, boards
from vmm.catalog import Wants, wants
from vmm.cli import main
from vmm.errors import VmmError
from vmm.machine.config import Config
from vmm.machine.machine import Machine, boot
from vmm.toolchain import arch_of, find

from .toy.record import STACK
from .toy.traps import Rest

E_MACHINE = 0x70F
CODE, HANDLER = 0x1000, 0x1080
CALL_BACK = (
    "c7068400 8010"  # mov word [84h],HANDLER: vector 21h
    "b011 e620 b020 e621 b004 e621 b001 e621 b0fd e621"  # the 8259A: base 20h, all but pin 1 masked
    "fb ba0120 b001 ee 90 b000 e6f4"  # sti; drive line 1; nop; end the run with 1
)
HANDLED = "31c0 ee b020 e620 cf"  # xor ax,ax; out dx,al: the line is low; end of interrupt; iret
REST = "f4 b000 e6f4"  # hlt; end the run with 1
BAD = "0f011e0060 0f0b"  # lidt [6000h], where all is zero; ud2


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """The whole of what vmm is told."""
    monkeypatch.setitem(arch.ARCHITECTURES, "toy", arch.Row("house.toy.record", (E_MACHINE,)))
    monkeypatch.setitem(boards.BOARDS, "bench", "house.toy.board")


@pytest.fixture
def image(tmp_path):
    def write(code: str, name: str = "toy.elf", **wrong):
        parts = [Part(CODE, bytes.fromhex(code)), Part(HANDLER, bytes.fromhex(HANDLED))]
        path = tmp_path / name
        path.write_bytes(Elf(parts, entry=CODE, machine=E_MACHINE, **wrong).build())
        return path

    return write


@pytest.fixture
def run(capfd):
    def call(*arguments):
        status = main(["run", *map(str, arguments)])
        return (status, *capfd.readouterr())

    return call


def test_an_image_of_it_chooses_its_board_and_cpu(image):
    assert wants(image(CALL_BACK)) == Wants("bench", "toy-1", 1)
    machine = boot(image(CALL_BACK))
    assert (machine.architecture, machine.config.board, machine.config.cpu) == ("toy", "bench", "toy-1")
    assert (machine.cpu.arch, machine.loaded.arch, machine.loaded.board) == ("toy", "toy", "bench")


def test_its_interrupt_is_delivered_and_has_its_name_number_and_kind_of_number(image, run, tmp_path):
    status, _, err = run(image(CALL_BACK), "-d", "int", "--trace", tmp_path / "trace.json")
    assert status == 1
    assert err.splitlines()[0] == "     0: cause=33 WIRE 1"
    (heading,) = [line for line in err.splitlines() if "latency min" in line]
    (row,) = [line for line in err.splitlines() if "WIRE 1" in line and "cause=" not in line]
    assert "cause" in heading and "vector" not in heading
    assert "no. 33" in row
    (delivered,) = [e for e in json.loads((tmp_path / "trace.json").read_text())["events"] if e["kind"] == "delivered"]
    assert (delivered["source"], "sp" in delivered, "cs" in delivered) == ("WIRE 1", True, False)


def test_its_events_are_told_in_its_words(image):
    machine = boot(image(CALL_BACK))
    machine.run()
    told = [machine.trace.describe(event).partition(" at 0x")[0] for event in machine.trace.last(64)]
    path = ["wire 1 at 1", "wire 1 asks", "cause 33 seen", "cause 33 taken from WIRE 1", "wire 1 at 0", "wire 1 done",
            "cause 33 left"]  # fmt: skip
    assert [line for line in told if line in path] == path
    assert told[-1] == "stop: exit"


def test_a_shutdown_shows_its_registers_its_code_and_its_words(image, run):
    status, _, err = run(image(BAD), "-d", "int")
    assert status == 125
    assert "vmm: shutdown: locked up at 0x1005" in err
    assert "        locked up\n" in err
    assert "\nregisters:\n  a=0 b=0 link=7000 pc=1005\n" in err
    assert "\nthe last instructions (toy code):\n  op 0f " in err


def test_only_what_it_has_can_be_trapped(image):
    machine = boot(image(REST))
    for key in (vmm.Int(0x21), vmm.Hlt(), vmm.Svc(1)):
        with pytest.raises(VmmError, match=r"cannot happen on a Toy CPU"):
            machine.trap(key)(lambda trap: None)
    seen = []
    machine.trap(Rest())(lambda trap: seen.append((trap.key, trap.write, trap.cpu["link"])) or vmm.DONE)
    assert machine.run().reason == "exit"
    assert seen == [(Rest(), False, 0x7000)]


def test_what_it_does_not_have_is_refused_and_what_it_has_is_not(image):
    machine = boot(image(CALL_BACK))
    with pytest.raises(VmmError, match="SPIs are arm's; this machine is toy"):
        machine.spi(3)
    with pytest.raises(VmmError, match="local APICs are x86's; this machine is toy"):
        machine.lapic  # noqa: B018
    with pytest.raises(VmmError, match="WIRE 9 is not among 0-7"):
        machine.irq(9)
    machine.nmi()
    assert machine.line("WIRE 1").number == 1


def test_questions_to_a_recording_are_asked_by_its_sources(image):
    machine = boot(image(CALL_BACK))
    with machine.trace.record():
        machine.run()
    asked = ({"source": "WIRE 1"}, {"source": "WIRE"}, {"number": 33}, {"number": 32})
    assert [len(machine.trace.of(**question)) for question in asked] == [1, 1, 1, 0]
    with pytest.raises(VmmError, match="Toy's interrupts have no vectors: ask for number="):
        machine.trace.of(vector=33)


def test_an_image_for_another_machine_is_told_so(image, tmp_path):
    with pytest.raises(VmmError, match=r"a Toy-32 image; this machine is x86 \(use --board bench\)"):
        Machine(Config()).load(image(CALL_BACK))
    other = tmp_path / "other.elf"
    other.write_bytes(Elf().build())
    with pytest.raises(VmmError, match=r"an x86 image; this machine is Toy-32 \(use --board pc\)"):
        Machine(Config(board="bench")).load(other)


def test_a_flat_image_stands_and_is_entered_where_its_record_says(tmp_path):
    path = tmp_path / "toy.bin"
    path.write_bytes(bytes.fromhex(CALL_BACK))
    machine = boot(path, board="bench", cpu="default")
    assert (machine.cpu["pc"], machine.cpu["b"]) == (0x3000, 0xF1A7)
    with pytest.raises(VmmError, match="load address 0x1001 is not a multiple of 2"):
        boot(path, board="bench", cpu="default", load_address=0x1001)


def test_sources_and_tools_know_it(tmp_path, monkeypatch):
    source = tmp_path / "guest.S"
    source.write_text("// vmm: toy\n")
    assert arch_of(source) == "toy"
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(VmmError, match="no assembler for toy found"):
        find("toy")


def test_its_cpu_on_the_default_board_is_told_where_it_belongs(tmp_path, run):
    path = tmp_path / "any.bin"
    path.write_bytes(b"\xeb\xfe")
    status, _, err = run(path, "--cpu", "toy-1")
    assert status == 2
    assert "--cpu toy-1: this is a Toy CPU" in err and "if it is for Toy, say --board bench" in err


def test_a_debugger_is_shown_its_registers(image):
    machine = boot(image(CALL_BACK))
    debugger = arch.named("toy").debugger()
    view = debugger.views[debugger.view(machine.cpu)]
    assert {register.name: register.read(machine.cpu) for register in view.registers} == {
        "a": 0, "b": 0, "link": STACK, "pc": CODE,
    }  # fmt: skip
