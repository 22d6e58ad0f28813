"""`-d exec,cpu,in_asm,int` and `-D FILE`: what is executed, in QEMU's words, and a run that is no other for it."""

import json
import re
import signal
import time

import pytest

from cli.tiny_guests import A64_SVC, EXIT_0, SPIN, TEST_PORT
from vmm import boot
from vmm.arch import named
from vmm.cli.run import parser

TRACE = re.compile(r"Trace (\d): insns=(\d+) \[([0-9a-f]{16})\]( .+)?")


def traced(text: str) -> list[tuple[int, int]]:
    """Instructions begun, and the address, of each line of `exec`."""
    found = [TRACE.fullmatch(line) for line in text.splitlines() if line.startswith("Trace")]
    assert all(found)
    return [(int(match[2]), int(match[3], 16)) for match in found if match]


def test_a_line_for_each_instruction_and_deliveries_between_them(vmm, image):
    done = vmm("run", image(TEST_PORT), "--board", "pc,pit=off", "--quiet", "-d", "exec,int")
    own = [(0, 0x7C00), (1, 0x7C03), (2, 0x7C05), (3, 0x7C06), (4, 0x7C07), (5, 0x7C08), (6, 0x7C09), (7, 0x7C0A)]
    behind = [(13, 0x7C0B), (14, 0x7C0D)]  # the firmware's handler has five
    assert [line for line in traced(done.err) if line[1] >= 0x7C00 and line[1] < 0x8000] == own + behind
    assert [count for count, _ in traced(done.err)] == list(range(15))
    lines = done.err.splitlines()
    at = next(n for n, line in enumerate(lines) if "v=09" in line)
    assert (lines[at - 1], lines[at + 1][:16]) == ("Trace 0: insns=7 [0000000000007c0a]", "Trace 0: insns=8")


@pytest.mark.parametrize("guest", ["x86/first_isr", "arm64/first_isr", "arm/first_isr"])
def test_nothing_of_the_run_is_another(vmm, tmp_path, guest):
    def run(name, *options):
        done = vmm("run", guest, "--summary", name, "--quiet", *options)
        facts = json.loads((tmp_path / name).read_text())
        return done.status, done.out, facts | {"host_seconds": 0}

    assert run("plain") == run("logged", "-d", "exec,cpu,in_asm", "-D", "log")
    facts = json.loads((tmp_path / "plain").read_text())
    counts = traced((tmp_path / "log").read_text())
    assert len(counts) == facts["instructions"]


def test_registers_before_each_instruction_in_qemus_words_on_x86(vmm, image):
    code = bytes.fromhex("66b878563412 f9") + EXIT_0  # mov eax,12345678h; stc
    err = vmm("run", image(code), "--quiet", "-d", "cpu").err
    blocks = err.split("EAX=")[1:]
    assert len(blocks) == 4
    assert blocks[1].startswith("12345678 EBX=")
    second = blocks[1].splitlines()
    assert second[2] == "EIP=00007c06 EFL=00000002 [-------] CPL=0 II=0 HLT=0"
    assert blocks[2].splitlines()[2] == "EIP=00007c07 EFL=00000003 [------C] CPL=0 II=0 HLT=0"
    assert second[4].startswith("CS =0000 00000000 0000ffff ")
    assert second[11].startswith("GDT=     00000000 ")
    assert second[-1] == "EFER=0000000000000000"


def test_registers_in_qemus_words_of_protected_and_long_mode():
    machine = boot("x86/ist_stacks", console=None)
    machine.run(insns=1)
    lines = list(named("x86").qemu_registers(machine.cpu))
    assert lines[4] == "CS =0010 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]"  # multiboot 3.2: a flat segment of code
    machine.run()
    lines = list(named("x86").qemu_registers(machine.cpu))
    assert re.fullmatch(r"R8 =[0-9a-f]{16} R9 =[0-9a-f]{16} R10=[0-9a-f]{16} R11=[0-9a-f]{16}", lines[2])
    assert re.fullmatch(r"RIP=[0-9a-f]{16} RFL=[0-9a-f]{8} \[[DOSZAPC-]{7}\] CPL=0 II=[01] HLT=0", lines[4])
    assert re.fullmatch(r"CS =[0-9a-f]{4} 0{16} [0-9a-f]{8} 00[2a]f9[ab]00 DPL=0 CS64 \[-RA?-?\]", lines[6])
    assert re.fullmatch(r"TR =[0-9a-f]{4} [0-9a-f]{16} 00000067 00008[9b].. DPL=0 TSS64-(avl|busy)", lines[12])
    assert lines[-1] in ("EFER=0000000000000500", "EFER=0000000000000501")  # LME and LMA, maybe SCE (SDM 3A 2.2.1)


def test_registers_in_qemus_words_on_arm(vmm, image):
    err = vmm("run", image(A64_SVC), "--board", "virt", "--quiet", "-d", "cpu", "--max-insns", "2").err
    lines = err.splitlines()
    assert len(lines) == 2 * 12
    assert re.fullmatch(r" PC=0000000040080000 X00=[0-9a-f]{16} X01=[0-9a-f]{16}", lines[0])
    assert lines[12].endswith("X01=0000000040080000"), "movz x1,#4008h,lsl #16"
    assert re.fullmatch(r"X29=[0-9a-f]{16} X30=[0-9a-f]{16}  SP=[0-9a-f]{16}", lines[10])
    assert lines[11] == "PSTATE=400003c5 -Z-- EL1h"
    lines = vmm("run", "arm/hello", "--quiet", "-d", "cpu", "--max-insns", "1").err.splitlines()
    assert len(lines) == 5
    assert re.fullmatch(r"R12=[0-9a-f]{8} R13=[0-9a-f]{8} R14=[0-9a-f]{8} R15=[0-9a-f]{8}", lines[3])
    assert re.fullmatch(r"PSR=[0-9a-f]{8} [NZCV-]{4} A svc32", lines[4])


def test_each_instruction_is_disassembled_once_under_its_symbol(vmm, image):
    loop = bytes.fromhex("b90300 e2fe") + EXIT_0  # mov cx,3; loop $
    assert vmm("run", image(loop), "--quiet", "-d", "in_asm").err.splitlines() == [
        "----------------",
        "IN: ",
        "0x00007c00:  b9 03 00                 mov cx, 3",
        "0x00007c03:  e2 fe                    loop 0x7c03",
        "0x00007c05:  b0 00                    mov al, 0",
        "0x00007c07:  e6 f4                    out 0xf4, al",
    ]
    err = vmm("run", "arm64/hello", "--quiet", "-d", "in_asm").err
    assert "----------------\nIN: _start\n" in err


def test_an_instruction_that_was_written_over_is_another(vmm, image):
    code = bytes.fromhex("b90200 40 c606037c43 e2f8") + EXIT_0  # mov cx,2; inc ax, which becomes inc bx; loop to there
    lines = vmm("run", image(code), "--quiet", "-d", "in_asm").err.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines] == [
        "----------------", "IN:", "mov cx, 2", "inc ax", "mov byte ptr [0x7c03], 0x43", "loop 0x7c03",
        "----------------", "IN:", "inc bx", "----------------", "IN:", "mov al, 0", "out 0xf4, al",
    ]  # fmt: skip


def test_a_recording_is_logged_as_the_run_was_to_any_instruction(vmm, image, tmp_path):
    vmm("run", image(TEST_PORT), "--record", "run.vmmrec", "--quiet", "-d", "exec", "-D", "run.log")
    vmm("replay", "run.vmmrec", "--quiet", "-d", "exec", "-D", "replay.log")
    assert (tmp_path / "run.log").read_text() == (tmp_path / "replay.log").read_text() != ""
    part = vmm("replay", "run.vmmrec", "--quiet", "-d", "exec", "--until-insn", "3")
    assert [count for count, _ in traced(part.err)] == [0, 1, 2]


def test_who_breaks_in_finds_whole_lines(command, image, tmp_path):
    run = command("run", image(SPIN), "--quiet", "-d", "exec", "-D", tmp_path / "log")
    deadline = time.monotonic() + 30
    while not (tmp_path / "log").exists() or (tmp_path / "log").stat().st_size < 10_000:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=30) == 130
    text = (tmp_path / "log").read_text()
    assert text.endswith("\n")
    assert [count for count, _ in traced(text)] == list(range(text.count("\n")))


def test_wrong_items_have_their_nearest(vmm, image):
    guest = image(EXIT_0)
    assert vmm("run", guest, "-d", "exce") == (2, "", "vmm: unknown item of -d 'exce'; did you mean 'exec'?\n")
    assert vmm("run", guest, "-D", "log") == (2, "", "vmm: -D: it is the file of -d: -d int -D FILE\n")
    assert vmm("run", guest, "-d", "exec", "--gdb", ":0").err.endswith(
        "vmm: -d: --gdb and -it go their own ways; int alone goes with them\n"
    )


@pytest.mark.parametrize("also", [("--gdb", ":0"), ("--diagnose", "nonsense"), ("--plot", "nonsense:a.svg")])
def test_who_is_refused_for_another_reason_finds_every_file_as_it_was(vmm, image, tmp_path, also):
    (tmp_path / "old").write_text("of yesterday\n")
    for name in ("old", "new"):
        log = ("-d", "exec", "-D", name, "--trace", f"jsonl:{name}.jsonl")
        assert vmm("run", image(EXIT_0), "--quiet", *log, *also).status == 2
    assert (tmp_path / "old").read_text() == "of yesterday\n"
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(("new", "old."))]


def test_a_log_is_there_as_soon_as_the_run_begins(command, image, tmp_path):
    (tmp_path / "log").write_text("of yesterday\n")
    run = command("run", image(SPIN), "--quiet", "-d", "int", "-D", tmp_path / "log")
    deadline = time.monotonic() + 30
    while (tmp_path / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=30) == 130


def test_items_are_listed(capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse(["-d", "help"])
    listed = capsys.readouterr().out.splitlines()
    assert (ended.value.code, [line.split()[0] for line in listed[1:]]) == (0, ["int", "exec", "cpu", "in_asm"])
