"""What is said about events: the trace file, the lines of -d int, and the post-mortem of a crash."""

import io
import json
from types import SimpleNamespace

import pytest
from cli.tiny_guests import EXIT_0, HALT_MASKED, HALT_OPEN, LEAVE_RAM, SHUTDOWN, SOFTWARE, SPIN, TEST_PORT

from vmm.arch import every, named
from vmm.core.native import lib
from vmm.core.stops import NUMBERS
from vmm.disassembly import Disassembler
from vmm.errors import VmmError
from vmm.report.crash import instructions
from vmm.trace import Event
from vmm.trace.events import KINDS
from vmm.trace.export.int_log import IntLog
from vmm.trace.words import COMMON, GUEST_ERRORS, describe, guest_error

NO_PIT = ("--board", "pc,pit=off")

PAGE_FAULT = Event("delivered", 0, 7, 14, 0xB8000, "exception", 0x1234, 0x1B, 0x10, 0xFFF0, 0x202, 3, 6, 0, 0, 70, 1, 0)
PC = SimpleNamespace(
    architecture="x86", where=hex, cpu=SimpleNamespace(exception_name={14: "#PF"}.get), reasons={1: "exit"}
)
VIRT = SimpleNamespace(
    architecture="arm64", where=hex, cpu=SimpleNamespace(exception_name={0x25: "data abort"}.get), reasons={1: "exit"}
)


def logged(*events: Event) -> list[str]:
    out = io.StringIO()
    IntLog(out, PC).take(events)
    return out.getvalue().splitlines()


def test_a_software_interrupt_is_a_line_with_its_frame(vmm, image):
    done = vmm("run", image(SOFTWARE), "-d", "int", "--quiet")
    # INT 80h is the first instruction, at 7C00h and 2 bytes long; three words lie below SP = 6F04h.
    frame = "v=80 e=0000 i=1 cpl=0 IP=0000:0000000000007c02 SP=0000:0000000000006efe"
    assert done.err == f"     0: {frame} insns=1 software\n"


def test_a_hardware_interrupt_is_a_line_with_its_latency(vmm, image):
    done = vmm("run", image(TEST_PORT), *NO_PIT, "-d", "int", "--quiet")
    assert done.err.startswith("     0: v=09 e=0000 i=0 cpl=0 IP=0000:0000000000007c0b ")
    assert done.err.endswith(" insns=8 latency=5 IRQ 1\n")


def test_a_page_fault_is_a_line_with_its_address_and_error_code():
    assert logged(PAGE_FAULT) == [
        "     0: v=0e e=0006 i=0 cpl=3 IP=001b:0000000000001234 SP=0010:000000000000fff0 insns=7 "
        "CR2=00000000000b8000 exception"
    ]


def test_deliveries_are_numbered_and_other_events_have_no_line():
    silent = PAGE_FAULT._replace(kind="line")
    assert [line[:7] for line in logged(PAGE_FAULT, silent, PAGE_FAULT)] == ["     0:", "     1:"]


def test_a_shutdown_is_told_fault_by_fault():
    chain = [
        PAGE_FAULT._replace(kind="fault chain", number=first, value=second) for first, second in ((6, 13), (13, 8))
    ]
    stop = PAGE_FAULT._replace(kind="stop", number=NUMBERS["shutdown"])
    assert [line.strip() for line in logged(*chain, stop)] == [
        "fault while delivering 0x06: 0x0d",
        "fault while delivering 0x0d: 0x08",
        "triple fault: shutdown",
    ]
    assert logged(stop._replace(number=NUMBERS["exit"])) == []


def test_the_trace_file_tells_how_the_machine_was_built_all_that_happened_and_the_hash(vmm, image, tmp_path):
    trace, summary = tmp_path / "trace.json", tmp_path / "summary.json"
    vmm("run", image(TEST_PORT), *NO_PIT, "--seed", "7", "--trace", trace, "--summary", summary)
    told, facts = json.loads(trace.read_text()), json.loads(summary.read_text())
    assert (told["board"], told["cpu"], told["smp"], told["memory"], told["seed"]) == (
        "pc,pit=off", "default", 1, 128 << 20, 7,
    )  # fmt: skip
    assert (told["instructions"], told["trace_hash"]) == (facts["instructions"], facts["trace_hash"])
    path = [(event["kind"], event["number"]) for event in told["events"] if event["insns"] > 0]
    assert path == [
        ("line", 1), ("pending", 1), ("cpu mask", 0), ("shadow", lib.VMM_SHADOW_STI), ("acknowledged", 9),
        ("delivered", 9), ("cpu mask", 1), ("ended", 1), ("returned", 9), ("cpu mask", 0), ("stop", 1),
    ]  # fmt: skip
    assert all(event["ns"] == 10 * event["insns"] for event in told["events"])
    depths = {event["kind"]: event["depth"] for event in told["events"]}
    assert [depths[kind] for kind in ("acknowledged", "delivered", "ended", "returned", "stop")] == [0, 1, 1, 1, 0]
    (delivered,) = [event for event in told["events"] if event["kind"] == "delivered"]
    assert {name: delivered[name] for name in ("vcpu", "insns", "value", "source", "pc", "cs", "cpl", "error")} == {
        "vcpu": 0, "insns": 8, "value": 5, "source": "IRQ 1", "pc": 0x7C0B, "cs": 0, "cpl": 0, "error": None,
    }  # fmt: skip


def test_the_trace_file_is_whole_however_many_events_there_are(vmm, image, tmp_path):
    flood = bytes.fromhex("cd80 ebfc")  # int 80h; jmp to it: 3 instructions a round with the handler's iret
    vmm("run", image(flood), "--max-insns", "30k", "--trace", tmp_path / "trace.json", "--quiet")
    events = json.loads((tmp_path / "trace.json").read_text())["events"]
    assert sum(event["kind"] == "delivered" for event in events) == 10_000
    assert [event["insns"] for event in events] == sorted(event["insns"] for event in events)


@pytest.mark.parametrize(
    ("code", "options"), [(SHUTDOWN, []), (LEAVE_RAM, ["--memory", "1M"]), (HALT_MASKED, [])], ids=str
)
def test_a_crash_shows_registers_instructions_and_events(vmm, image, code, options):
    err = vmm("run", image(code), *options).err
    for title in ("registers:", "the last instructions (16-bit):", "the last events:"):
        assert f"\n{title}\n  " in err


@pytest.mark.parametrize(
    ("code", "options"), [(EXIT_0, []), (SPIN, ["--max-insns", "9"]), (HALT_OPEN, NO_PIT)], ids=str
)
def test_an_end_that_is_no_crash_has_no_post_mortem(vmm, image, code, options):
    assert "registers:" not in vmm("run", image(code), *options).err


def test_a_post_mortem_disassembles_what_ran_and_names_the_chain_of_faults(vmm, image):
    err = vmm("run", image(bytes.fromhex("bb3412") + SHUTDOWN)).err
    assert "#UD → " in err.splitlines()[0]
    shown = err[err.index("the last instructions") : err.index("the last events")].splitlines()[1:]
    assert [line.split("0x7c0")[0].strip() for line in shown] == ["mov bx, 0x1234", "lidt [0x7d00]", "ud2"]
    assert "ebx 00001234" in err
    assert "idtr       base 00000000  limit 0000" in err


class OnePage:
    """A vCPU that sees one page of no-operations at 1000h, and began instructions up to its end and behind it."""

    bits = 32

    def recent(self) -> list[int]:
        return [0x1FFF, 0x2000]

    def read(self, linear: int, size: int) -> bytes:
        if linear + size > 0x2000:
            raise VmmError("not mapped")
        return b"\x90" * size


def test_instructions_at_the_edge_of_mapped_memory_are_shown_as_far_as_they_can_be_read():
    shown = [line.split("  ") for line in instructions(PC, OnePage(), Disassembler("x86"))]
    assert [(line[0], line[-1].strip()) for line in shown] == [("nop", "0x1fff"), ("(not mapped)", "0x2000")]


def test_every_kind_of_event_has_words():
    of_x86_alone = {"fault chain", "task switch", "shadow", "vain", "transaction", "nmi mask", "pin state"}
    for machine, kinds in ((PC, set(KINDS.values()) - {"ppi"}), (VIRT, set(KINDS.values()) - of_x86_alone)):
        assert COMMON.keys() | named(machine.architecture).words().events.keys() == kinds
        for kind in kinds:
            assert describe(PAGE_FAULT._replace(kind=kind), machine)


def numbers(prefix: str) -> set[int]:
    """The core's constants with this prefix."""
    return {getattr(lib, name) for name in dir(lib) if name.startswith(prefix)}


def test_every_guest_error_and_every_trap_has_words():
    assert GUEST_ERRORS.keys() | named("arm").words().guest_errors.keys() == numbers("VMM_GE_")
    assert {trap for arch in every() for trap in arch.words().traps} == numbers("VMM_TRAP_")


@pytest.mark.parametrize(
    ("change", "pc", "virt"),
    [
        ({}, "vector 0x0e delivered (exception), error code 0x6",
         "exception 0x0e delivered (exception), ESR 0x00000006"),
        ({"kind": "cpu mask", "number": 0, "value": 0b1010, "error": None},
         "interrupts unmasked", "masks D-I- become ----"),
        ({"kind": "returned", "number": 0x25, "value": 9, "error": None},
         "handler of vector 0x25 returned after 9 instructions",
         "handler of data abort returned after 9 instructions"),
        ({"kind": "shadow", "number": lib.VMM_SHADOW_MOV_SS, "error": None},
         "an interrupt waits for the end of the MOV SS shadow", "shadow"),
        ({"kind": "stop", "number": 1, "error": None}, "stop: exit", "stop: exit"),
        ({"source": "SPI 8", "number": 40, "error": None},
         "vector 0x28 delivered (SPI 8)", "INTID 40 delivered (SPI 8)"),
        ({"kind": "ended", "number": 0x41, "value": 1, "error": None},
         "interrupt of vector 0x41 ended", "INTID 65: priority dropped"),
        ({"kind": "pending", "number": 0x41, "value": 1, "error": None},
         "request latched at vector 0x41", "INTID 65 pending"),
        ({"kind": "pending", "number": 5, "value": 0, "error": None}, "request latched at pin 5", "INTID 5 pending"),
        ({"kind": "masked", "number": 0, "value": 0, "error": None},
         "mask of controller 0 set to 0x00", "INTID 0 enabled"),
    ],
)  # fmt: skip
def test_an_event_is_told_in_the_words_of_its_architecture(change, pc, virt):
    event = PAGE_FAULT._replace(**change)
    assert (describe(event, PC), describe(event, VIRT)) == (f"{pc} at 0x1234", f"{virt} at 0x1234")


def test_a_delivery_in_real_mode_is_told_at_its_linear_address():
    assert describe(PAGE_FAULT._replace(base=0xF0000, error=None), PC).endswith(" at 0xf1234")


def test_a_guest_error_that_is_newer_than_its_words_is_told_by_number():
    assert guest_error(PAGE_FAULT._replace(kind="guest error", number=99, value=16), PC) == "number 99 (0x10)"
