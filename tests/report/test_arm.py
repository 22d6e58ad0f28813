"""What is said about ARM guests: -d int, the table, guest errors, the trace file, the post-mortem of a crash."""

import io
import json
from types import SimpleNamespace

import pytest
from cli.tiny_guests import A64_GUEST_ERRORS, A64_NOWHERE, A64_OFF, A64_SPIN, A64_SVC, a64

from vmm.arch.arm import dump as arm
from vmm.arch.arm.vcpu import mode_of
from vmm.disassembly import Disassembler
from vmm.report.crash import instructions
from vmm.trace import Event
from vmm.trace.export.int_log import IntLog

VIRT = ("--board", "virt")
NOT_ACTIVE = "end of interrupt for INTID 5, but none is active"
RESERVED = "a register that is reserved, or not of this width, at offset 0x200"

CLASSES = {0x11: "SVC", 0x25: "data abort", 0x2F: "SError"}
ABORT = Event(
    "delivered", 0, 9, 0x25, 0xB0000010, "exception", 0x40080010, 0, 0, 0, 0x600003C5, 1, 0x96000045, 1, 0x200, 90, 1, 0
)


def logged(architecture: str, event: Event) -> str:
    out = io.StringIO()
    cpu = SimpleNamespace(exception_name=CLASSES.get)
    IntLog(out, SimpleNamespace(architecture=architecture, where=hex, cpu=cpu)).take([event])
    return out.getvalue().rstrip("\n")


def test_an_interrupt_is_a_line_with_intid_levels_return_state_and_latency(vmm):
    done = vmm("run", "arm64/first_isr", "-d", "int", "--quiet")
    assert done.err.startswith("     0: cpu=0 INTID=37           from=el1h to=el1+280 ELR=00000000400")
    assert done.err.endswith(" latency=3 SPI 5\n")  # RAISE, WFI, the unmask


def test_a_call_is_a_line_with_class_syndrome_and_return_state(vmm, image):
    done = vmm("run", image(A64_SVC), *VIRT, "-d", "int", "--quiet")
    # The SVC is the 4th instruction; EC 15h, IL, and its immediate (DDI0487 D13.2.37); at reset Z and DAIF are set.
    where = "from=el1h to=el1+200 ELR=0000000040080010 SPSR=400003c5"
    assert done.err == f"     0: cpu=0 EC=15 ESR=56000007 {where} insns=4 SVC\n"


def test_an_abort_is_a_line_with_its_address():
    assert logged("arm64", ABORT) == (
        "     0: cpu=0 EC=25 ESR=96000045 from=el1h to=el1+200 ELR=0000000040080010 SPSR=600003c5 insns=9 "
        "FAR=00000000b0000010 data abort, a write: translation fault, level 1"
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({}, "EC=25 ESR=96000045 from=usr to=abt+10 LR=40080010 SPSR=00000010 insns=9 FAR=b0000010 data abort, "
         "a write: translation fault, level 1"),
        ({"number": 0x11, "source": "software", "vector_offset": 8, "error": 0x46000001},
         "EC=11 ESR=46000001 from=usr to=svc+08 LR=40080010 SPSR=00000010 insns=9 SVC"),
        ({"number": 30, "source": "PPI", "vector_offset": 0x1C, "error": None, "value": 4},
         "INTID=30           from=usr to=fiq+1c LR=40080010 SPSR=00000010 insns=9 latency=4 PPI"),
    ],
)  # fmt: skip
def test_aarch32_shows_modes_and_the_link_register(change, line):
    taken = ABORT._replace(flags=0x10, vector_offset=0x10, cpl=0)._replace(**change)
    assert logged("arm", taken) == f"     0: cpu=0 {line}"


@pytest.mark.parametrize(
    ("number", "syndrome", "words"),
    [
        (0x24, 0x92000007, ": translation fault, level 3"),
        (0x25, 0x9600004F, ", a write: permission fault, level 3"),
        (0x25, 0x96000009, ": access flag fault, level 1"),
        (0x25, 0x96000000, ": address size fault, level 0"),
        (0x20, 0x8200000E, ": permission fault, level 2"),
        (0x21, 0x86000050, ": external abort"),  # bit 6 is no write where no instruction can
        (0x25, 0x96000017, ": external abort on a table walk, level 3"),
        (0x25, 0x96000021, ": alignment fault"),
        (0x24, 0x9200003D, ": domain fault, level 1"),
        (0x24, 0x9200007F, ", a write: a reserved status"),
        (0x22, 0x8A000000, ""),  # PC alignment says nothing more
        (0x34, 0xD2000062, ""),  # a watchpoint
    ],
)
def test_an_abort_says_in_words_what_the_fault_was(number, syndrome, words):
    """DDI0487 D13.2.37."""
    line = logged("arm64", ABORT._replace(number=number, error=syndrome))
    assert line.endswith(f"FAR=00000000b0000010 {CLASSES.get(number) or f'exception {number:#04x}'}{words}")


@pytest.mark.parametrize(
    ("spsr", "name"),
    [(0x3C5, "el1h"), (0x3C4, "el1t"), (0, "el0t"), (0x3C9, "el2h"), (0x10, "usr"), (0x600001D3, "svc"), (0x15, "?")],
)
def test_a_saved_state_is_called_by_its_level_or_mode(spsr, name):
    assert mode_of(spsr) == name


@pytest.mark.parametrize(
    ("guest", "row"),
    [
        ("arm64/first_isr", ["0", "37", "SPI", "5", "1", "3", "3", "3"]),
        ("arm/sgi_ping_pong", ["1", "1", "SGI", "from", "vCPU", "0", "100"]),
        ("arm64/sgi_ping_pong", ["1", "1", "SGI", "100"]),  # a GICv3 does not tell who sent it
        ("arm64/timer_ticks", ["0", "27", "PPI", "5"]),
        ("arm64/data_abort", ["0", "EC", "0x25", "exception", "data", "abort", "2", "-"]),
        ("arm/svc_vs_irq", ["0", "EC", "0x11", "software", "SVC"]),
    ],
)
def test_the_table_says_intid_in_decimal_and_where_it_came_from(vmm, guest, row):
    lines = [line.split() for line in vmm("run", guest).err.splitlines()]
    assert lines[1][:2] == ["vCPU", "INTID"]
    assert row in [line[: len(row)] for line in lines]


def test_guest_errors_are_counted_and_told_in_the_report(vmm, image, tmp_path):
    done = vmm("run", image(A64_GUEST_ERRORS), *VIRT, "--summary", tmp_path / "summary.json")
    assert done.err.splitlines()[1:4] == [
        "2 guest errors:",
        f"  insn 3: {NOT_ACTIVE} at 0x40080008: str w0, [x1, #0x10]",
        f"  insn 4: {RESERVED} at 0x4008000c: str w0, [x1, #0x200]",
    ]
    assert json.loads((tmp_path / "summary.json").read_text())["guest_errors"] == 2


def test_a_run_without_guest_errors_does_not_speak_of_them(vmm):
    assert "guest error" not in vmm("run", "arm64/hello").err


def test_of_many_guest_errors_the_first_are_told_and_all_are_counted(vmm, image):
    again = a64(0xD2A10021, 0x528000A0, 0xB9001020, 0x17FFFFFF)  # as A64_GUEST_ERRORS; b to the store
    err = vmm("run", image(again), *VIRT, "--max-insns", "20k").err
    assert "\n9999 guest errors, the first 4:\n" in err  # every second instruction after the first two
    assert err.count(NOT_ACTIVE) == 4


def test_counting_guest_errors_and_recording_them_leave_the_hash_alone(vmm, image, tmp_path):
    path, hashes = image(A64_GUEST_ERRORS), set()
    for extra in ([], ["-d", "int"], ["--trace", tmp_path / "trace.json"], ["--quiet"]):
        vmm("run", path, *VIRT, *extra, "--summary", tmp_path / "summary.json")
        hashes.add(json.loads((tmp_path / "summary.json").read_text())["trace_hash"])
    assert len(hashes) == 1


def test_guest_errors_have_a_line_of_their_own_in_the_log(vmm, image):
    done = vmm("run", image(A64_GUEST_ERRORS), *VIRT, "-d", "int", "--quiet")
    assert done.err.splitlines() == [
        f"        guest error: {NOT_ACTIVE} at 0x40080008",
        f"        guest error: {RESERVED} at 0x4008000c",
    ]


def test_the_log_of_everything_does_not_keep_guest_errors_from_the_report(vmm, image, tmp_path):
    options = ("-d", "int", "--trace", tmp_path / "trace.json")
    err = vmm("run", image(A64_GUEST_ERRORS), *VIRT, *options).err
    assert err.count(f"guest error: {NOT_ACTIVE}") == err.count(f"insn 3: {NOT_ACTIVE}") == 1
    assert "\n2 guest errors:\n" in err


def test_the_trace_file_tells_a_guest_error_in_words_with_its_place(vmm, image, tmp_path):
    vmm("run", image(A64_GUEST_ERRORS), *VIRT, "--trace", tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["events"]
    first, second = (event for event in events if event["kind"] == "guest error")
    assert first == {
        "kind": "guest error", "vcpu": 0, "insns": 3, "ns": 30, "depth": 0, "number": 1, "value": 5, "pc": 0x40080008,
        "what": NOT_ACTIVE, "where": "0x40080008",
    }  # fmt: skip
    assert (second["number"], second["value"], second["what"]) == (4, 0x200, RESERVED)


def test_a_guest_error_names_symbol_and_source_line(vmm, tmp_path):
    (tmp_path / "bad.S").write_text(
        '#include "arm64/guest.h"\n#include "virt/gicv2.inc"\n    GUEST\n    mov x0, #5\nunmatched:\n'
        "    GIC_EOI x0\n    POWER_OFF\n"
    )
    err = vmm("run", "bad.S").err
    (line,) = [line for line in err.splitlines() if NOT_ACTIVE in line]
    assert "unmatched" in line and "bad.S:6" in line


def test_the_trace_file_has_the_fields_of_an_arm_delivery(vmm, image, tmp_path):
    vmm("run", image(A64_SVC), *VIRT, "--trace", tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["events"]
    (taken,) = [event for event in events if event["kind"] == "delivered"]
    assert (taken.pop("sp"), taken.pop("ns"), taken.pop("depth")) == (0, 40, 1)
    assert taken == {
        "kind": "delivered", "vcpu": 0, "insns": 4, "number": 0x15, "value": 0, "source": "software",
        "code": 0x40080A00,
        "pc": 0x40080010, "flags": 0x400003C5, "cpl": 1, "error": 0x56000007, "target_el": 1, "vector_offset": 0x200,
    }  # fmt: skip


def test_a_crash_shows_registers_exception_state_instructions_and_events(vmm, image):
    done = vmm("run", image(A64_NOWHERE), *VIRT)
    assert done.status == 125
    err = done.err
    assert "        x0 0000000044000000        x1 000000000c000000 " in err  # X0: the device tree's place in RAM
    assert "far_el1 000000000c000000" in err  # of the abort, whose vector lies in erased flash
    assert "esr_el1 0000000002000000" in err  # EC 0, IL: what is there is undefined
    assert "vbar_el1 0000000000000000" in err
    assert "mode el1h  D 1  A 1  I 1  F 1" in err
    assert "_el2" not in err and "_el3" not in err
    shown = err[err.index("the last instructions (A64):") : err.index("the frame of")].splitlines()[1:]
    assert [line.split("  ")[1] for line in shown] == ["mov x1, #0xc000000", "ldr w0, [x1]", "(bad)"]
    assert "data abort delivered (exception), ESR 0x96000010" in err and "at 0x40080004: ldr w0, [x1]\n" in err
    frame = err[err.index("the frame of") : err.index("the last events")].splitlines()
    assert frame[0] == "the frame of undefined:"  # of the vector, which interrupted itself (DDI0487 D1.10.2)
    elr, spsr, esr = (line.split() for line in frame[1:])
    assert elr == ["ELR_EL1", "0000000000000200", "0x200"] and esr == ["ESR_EL1", "0000000002000000"]
    assert spsr[0] == "SPSR_EL1" and int(spsr[1], 16) & 0x3DF == 0x3C5  # DAIF, EL1h
    assert "guest error: access to physical address 0xc000000, which nobody decodes, at 0x40080004" in err


def test_a_crash_on_armv7_shows_its_registers_and_instruction_set(vmm, image):
    code = a64(0xE3A0140C, 0xE5910000)  # A32: mov r1,#0c000000h; ldr r0,[r1]
    err = vmm("run", image(code), *VIRT, "--cpu", "cortex-a15").err
    assert "the last instructions (A32):" in err
    assert "  mov r1, #12, #8  " in err
    assert "dfar 0c000000" in err and "mode und  A 1  I 1  F 1" in err


def test_a_crash_at_el2_shows_the_exception_state_of_el2(vmm, image):
    err = vmm("run", image(A64_NOWHERE), "--board", "virt,virtualization=on").err
    assert "mode el2h" in err and "esr_el2 0000000002000000" in err
    assert "_el3" not in err


@pytest.mark.parametrize(
    ("bits", "name", "code", "text"),
    [
        (64, "A64", "e103022a", "mov w1, w2"), (32, "A32", "0210a0e1", "mov r1, r2"), (16, "T32", "1146", "mov r1, r2"),
    ],
)  # fmt: skip
def test_instructions_are_disassembled_in_the_set_that_the_vcpu_is_in(bits, name, code, text):
    cpu = SimpleNamespace(bits=bits, pc=0x5000, recent=lambda: [0x4000], read=lambda address, size: bytes.fromhex(code))
    (line,) = instructions(SimpleNamespace(where=hex), cpu, Disassembler("arm64"))
    assert line.split("  ")[0] == text
    assert arm.code(cpu) == name


def test_a_crash_with_several_vcpus_shows_each(vmm, image):
    err = vmm("run", image(A64_NOWHERE), *VIRT, "--smp", "2").err
    assert "registers of vCPU 0:" in err
    assert "\nvCPU 1 is off\n" in err
    assert "\n  vCPU 0, insn 2: data abort delivered" in err


def test_arm_guests_end_with_the_reasons_of_the_table(vmm, image):
    assert vmm("run", image(a64(*A64_OFF)), *VIRT).err.startswith("vmm: poweroff: ")
    done = vmm("run", image(A64_SPIN), *VIRT, "--max-insns", "100")
    assert (done.status, done.err.split(": ")[1]) == (124, "limit")
    wfi = vmm("run", image(a64(0xD503207F)), *VIRT)
    assert (wfi.status, wfi.err.split(": ")[1]) == (125, "idle")


def test_a_seed_changes_the_turns_of_several_vcpus_and_repeats_them(vmm, tmp_path):
    def hash_of(*options: str) -> str:
        vmm("run", "arm64/sgi_ping_pong", *options, "--summary", tmp_path / "summary.json", "--quiet")
        return json.loads((tmp_path / "summary.json").read_text())["trace_hash"]

    assert hash_of("--seed", "7") == hash_of("--seed", "7")
    assert hash_of("--seed", "7") != hash_of("--seed", "8")
    assert hash_of() == hash_of("--seed", "0")
