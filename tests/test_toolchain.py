"""From source to image, and from a tool's complaint to file:line:column."""

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from capstone import CS_ARCH_ARM, CS_ARCH_ARM64, CS_ARCH_X86, CS_MODE_32, CS_MODE_ARM, Cs
from elftools.elf.elffile import ELFFile

from vmm import toolchain
from vmm.arch import ARCHITECTURES, named
from vmm.errors import VmmError
from vmm.loaders import load
from vmm.sources import bundled
from vmm.toolchain import AssemblyError, Diagnostic, arch_of, assemble, diagnostics, find, locate, original

HEADER = """\
    .section .multiboot, "a"
    .align 4
    .long 0x1BADB002, 0, -0x1BADB002
    .text
    .globl _start
_start:
"""


class Ram:
    base = 0
    rom_size = 0
    size = 4 << 20

    def __init__(self):
        self.bytes = bytearray(self.size)

    def read(self, address, size):
        return bytes(self.bytes[address : address + size])

    def write(self, address, data):
        self.bytes[address : address + len(data)] = data


@pytest.fixture(autouse=True)
def only_ziglang(monkeypatch):
    """Ziglang is the one tool that the tests can count on, and the one whose messages and bytes they know."""
    monkeypatch.delenv("VMM_CC", raising=False)


@pytest.fixture
def source(tmp_path):
    def write(text, name="my.S"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def code_of(image, size):
    ram = Ram()
    return ram.read(load(image, ram).entry.pc, size)


def errors_of(path, **options):
    with pytest.raises(AssemblyError) as error:
        assemble(path, **options)
    assert str(error.value) == "\n".join(error.value.args)
    return list(error.value.args)


def test_an_image_is_a_multiboot_elf_at_1_mib(source, tmp_path):
    image = assemble(source(HEADER + "hlt\n"), out=tmp_path / "my.elf")
    loaded = load(image, Ram())
    assert (image, loaded.format, loaded.entry.pc) == (tmp_path / "my.elf", "multiboot", 0x10000C)


@pytest.mark.parametrize(
    ("arch", "elf_class", "machine", "address"),
    [("x86", 32, "EM_386", 0x100000), ("arm64", 64, "EM_AARCH64", 0x40080000), ("arm", 32, "EM_ARM", 0x40010000)],
)
def test_an_image_is_an_elf_of_its_architecture_where_its_board_has_memory(source, arch, elf_class, machine, address):
    image = assemble(source("    .globl _start\n_start: nop\n"), arch=arch, out=source("", "my.elf"))
    with image.open("rb") as stream:
        elf = ELFFile(stream)
        assert (elf.elfclass, elf["e_machine"], elf["e_type"]) == (elf_class, machine, "ET_EXEC")
        assert (elf["e_entry"], elf.little_endian) == (address, True)


def text_of(image):
    with image.open("rb") as stream:
        return ELFFile(stream).get_section_by_name(".text").data()


def test_arm64_source_has_the_system_registers_of_gicv3(source):
    text = "    .globl _start\n_start: mrs x0, ICC_IAR1_EL1\n    msr daifclr, #2\n    hvc #0\n    eret\n"
    image = assemble(source(text), arch="arm64", out=source("", "my.elf"))
    # DDI0487 C6: MRS S3_0_C12_C12_0; MSR DAIFClr; HVC; ERET
    assert struct.unpack("<4I", text_of(image)) == (0xD538CC00, 0xD50342FF, 0xD4000002, 0xD69F03E0)


def test_arm_source_starts_in_a32_and_may_turn_to_t32(source):
    text = "    .globl _start\n_start: subs pc, lr, #4\n    .thumb\n    it eq\n    moveq r0, #1\n"
    image = assemble(source(text), arch="arm", out=source("", "my.elf"))
    # DDI0406: SUBS PC, LR, #imm (A1, B9.3.20); IT (A8.8.54); MOV (T1, A8.8.102)
    assert struct.unpack("<IHH", text_of(image)[:8]) == (0xE25EF004, 0xBF08, 0x2001)


@pytest.mark.slow
def test_c_for_arm_reads_what_is_not_aligned_byte_by_byte(source):
    code = "struct { char a; int b; } __attribute__((packed)) s;\nint main(void) { return s.b; }\n"
    start = "    .globl _start\n_start: nop\n"
    for arch, mode in (("arm64", Cs(CS_ARCH_ARM64, CS_MODE_ARM)), ("arm", Cs(CS_ARCH_ARM, CS_MODE_ARM))):
        image = assemble(source(code, "my.c"), source(start), arch=arch, out=source("", "my.elf"))
        loads = [name for _, _, name, _ in mode.disasm_lite(text_of(image), 0) if name.startswith("ldr")]
        assert loads and set(loads) <= {"ldrb", "ldrh"}, arch


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "mode", "registers"),
    [
        ("x86", Cs(CS_ARCH_X86, CS_MODE_32), r"\b(xmm|mm|st)\d?\b"),
        ("arm64", Cs(CS_ARCH_ARM64, CS_MODE_ARM), r"\b[bhsdqv]\d"),
        ("arm", Cs(CS_ARCH_ARM, CS_MODE_ARM), r"\b[sdq]\d"),
    ],
)
def test_c_leaves_the_fp_registers_alone(source, arch, mode, registers):
    code = source("double d, e;\nint main(void) { d = e; return 0; }\n", "my.c")
    image = assemble(code, source("    .globl _start\n_start: nop\n"), arch=arch, out=source("", "my.elf"))
    operands = [text for _, _, _, text in mode.disasm_lite(text_of(image), 0)]
    assert len(operands) > 4
    assert not [text for text in operands if re.search(registers, text)]


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["arm64", "arm"])
def test_an_arm_image_does_not_depend_on_where_its_source_lies(tmp_path, arch):
    images = []
    for place in ("here", "far/away"):
        directory = tmp_path / place
        directory.mkdir(parents=True)
        (directory / "my.S").write_text(f'#include "{arch}/guest.h"\n    GUEST\n    bl main\n    POWER_OFF\n')
        (directory / "main.c").write_text("void main(void) { }\n")
        out = directory / "my.elf"
        images.append(assemble(directory / "my.S", directory / "main.c", arch=arch, out=out).read_bytes())
    assert images[0] == images[1]


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        ("", "x86"),
        ("// vmm: arm64\n", "arm64"),
        ("@ vmm: arm\n", "arm"),
        ("/* A lesson. */\n/* vmm: arm */\n", "arm"),
        ("/*\n * vmm: arm64\n */\n", "arm64"),
        ('#include "arm64/guest.h"\n', "arm64"),
        ("\n\n\n\n\n\n#  include <arm/guest.h>\n", "arm"),
        ('#include "x86/guest.h"\n', "x86"),
        ('// vmm: arm\n#include "arm64/guest.h"\n', "arm"),
        ('#include "virt/board.h"\n', "x86"),
        ("\n\n\n\n\n// vmm: arm64\n", "x86"),
        ("// about vmm: arms race\n", "x86"),
    ],
)
def test_a_source_says_its_architecture_by_a_comment_or_by_what_it_includes(source, text, arch):
    assert arch_of(source(text)) == arch


def test_a_byte_order_mark_hides_no_architecture(source, tmp_path):
    path = source('\ufeff#include "arm64/guest.h"\n    GUEST\n    POWER_OFF\n')
    assert arch_of(path) == "arm64"
    assert assemble(path, arch="arm64", out=tmp_path / "my.elf").is_file()


def test_an_unknown_architecture_in_a_source_is_placed(source):
    path = source("/* lesson */\n// vmm: arm46\n")
    with pytest.raises(VmmError, match=rf"{path}:2: unknown architecture 'arm46'; did you mean 'arm64'\?"):
        arch_of(path)


def test_the_architecture_of_what_is_no_source_is_one_line(tmp_path):
    with pytest.raises(VmmError, match=r"nowhere\.S: no such file"):
        arch_of(tmp_path / "nowhere.S")


@pytest.mark.slow
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_each_architecture_has_a_source_only_it_accepts_and_one_it_must_refuse(source, arch):
    start = "    .globl _start\n_start:\n"
    assemble(source(start + named(arch).target().accepted, "accepted.s"), arch=arch, out=source("", "my.elf"))
    for other in ARCHITECTURES.keys() - {arch}:
        with pytest.raises(AssemblyError):
            assemble(source(named(arch).target().accepted, "accepted.s"), arch=other)
    with pytest.raises(AssemblyError):
        assemble(source(named(arch).target().refused, "refused.s"), arch=arch)


def test_code_of_all_three_widths_goes_into_one_image(source, tmp_path):
    text = """
    .code16
    ljmpl   $8, $0x12345678
    .code32
    ljmp    $8, $0x12345678
    .code64
    mov     %cr8, %rax
    movabs  $0x1122334455667788, %r15
    swapgs
    lretq
    iretq
    """
    image = assemble(source(HEADER + text), out=tmp_path / "my.elf")
    # opcodes by SDM volume 2
    expected = bytes.fromhex("66ea785634120800 ea785634120800 440f20c0 49bf8877665544332211 0f01f8 48cb 48cf")
    assert code_of(image, len(expected)) == expected


def test_the_c_preprocessor_reads_an_assembler_source(source, tmp_path):
    source("#define STATUS 5\n", "local.h")
    (tmp_path / "more").mkdir()
    source("#define PORT 0xf4\n", "more/ports.h")
    text = '#include "local.h"\n#include "ports.h"\n' + HEADER + "mov $STATUS, %al\n out %al, $PORT\n"
    image = assemble(source(text), include=[tmp_path / "more"], out=tmp_path / "my.elf")
    assert code_of(image, 4).hex() == "b005e6f4"


def test_c_and_assembler_make_one_image(source, tmp_path):
    start = source(HEADER + "call main\n hlt\n")
    main = source("static volatile int calls; void main(void) { calls++; }\n", "main.c")
    image = assemble(start, main, out=tmp_path / "my.elf")
    symbols = load(image, Ram()).symbols
    target = symbols.address("_start") + 5 + int.from_bytes(code_of(image, 5)[1:], "little", signed=True)
    assert target == symbols.address("main")


def test_a_linker_script_of_ones_own_says_where_things_lie(source, tmp_path):
    script = source("ENTRY(_start)\nSECTIONS { .text 0x300000 : { *(.multiboot) *(.text) } }\n", "my.ld")
    path = source(HEADER + "hlt\n")
    image = assemble(path, script=script, out=tmp_path / "my.elf")
    assert load(image, Ram()).entry.pc == 0x30000C
    with pytest.raises(VmmError, match=r"nowhere\.ld: no such linker script"):
        assemble(path, script=tmp_path / "nowhere.ld")
    with pytest.raises(VmmError, match=r"my\.ld: "):
        assemble(path, script=script, out=script)
    assert script.read_text().startswith("ENTRY")


def test_an_error_in_a_linker_script_has_its_place(source, tmp_path, monkeypatch):
    source(HEADER)
    source("ENTRY(_start)\nSECTIONS\n{\n    .text 0x300000 { *(.text) }\n}\n", "my.ld")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssemblyError, match=r"^my\.ld:4:5: "):
        assemble(Path("my.S"), script=Path("my.ld"))


def test_text_can_be_linked_elsewhere(source, tmp_path):
    image = assemble(source(HEADER + "hlt\n"), text_address=0x200000, out=tmp_path / "my.elf")
    assert load(image, Ram()).entry.pc == 0x20000C


def test_without_debug_information_symbols_stay_and_lines_go(source, tmp_path):
    path = source(HEADER + "hlt\n")
    with_lines, without = (
        load(assemble(path, keep_debug=keep, out=tmp_path / "my.elf"), Ram()).symbols for keep in (True, False)
    )
    assert (with_lines.line_at(0x10000C), without.line_at(0x10000C)) == ("my.S:7", None)
    assert without.address("_start") == 0x10000C


@pytest.mark.slow
def test_the_image_does_not_depend_on_where_the_source_the_headers_or_the_tool_lie(tmp_path, monkeypatch):
    images = []
    for place in ("here", "far/away/from/it"):
        directory = tmp_path / place
        (directory / "inc").mkdir(parents=True)
        (directory / "my.S").write_text('#include "my.h"\n' + HEADER + "STOP\n call main\n")
        (directory / "inc" / "my.h").write_text(".macro STOP\n hlt\n .endm\n")
        (directory / "main.c").write_text("#include <stdint.h>\nuint8_t seen;\nvoid main(void) { for (;;) seen++; }\n")
        shutil.copytree(bundled() / "include", directory / "guests" / "include")
        monkeypatch.setattr(toolchain, "bundled", lambda directory=directory: directory / "guests")
        sources = (directory / "my.S", directory / "main.c")
        images.append(assemble(*sources, include=[directory / "inc"], out=directory / "my.elf").read_bytes())
    assert images[0] == images[1]
    assert b"ziglang/lib/include" in images[0]  # the place of the compiler's own headers
    assert not re.search(rb"(?<![\w.])/\w", images[0])


def test_a_changed_file_behind_include_or_incbin_changes_the_image(source, tmp_path):
    path = source(HEADER + '.include "code.inc"\n .incbin "data.bin"\n')
    for value in (1, 2):
        source(f".byte {value}\n", "code.inc")
        (tmp_path / "data.bin").write_bytes(bytes([value]))
        assert code_of(assemble(path, out=tmp_path / "my.elf"), 2) == bytes([value, value])


def test_nothing_is_left_beside_the_source_or_in_the_home_directory(source, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    path = source(HEADER + "hlt\n")
    assemble(path, out=tmp_path / "my.elf")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["home", "my.S", "my.elf"]
    assert list(home.iterdir()) == []


def test_without_a_place_to_go_the_image_is_in_a_directory_of_its_own(source):
    image = assemble(source(HEADER + "hlt\n"))
    try:
        assert [item.name for item in image.parent.iterdir()] == ["my.elf"]
    finally:
        shutil.rmtree(image.parent)


def test_every_error_of_a_source_has_its_line_and_column(source):
    path = source(HEADER + "    nonsense %eax\n    mov $1, %eaxx\n")
    assert errors_of(path) == [
        f"{path}:7:5: invalid instruction mnemonic 'nonsense'",
        f"{path}:8:13: invalid register name",
    ]


def test_an_error_is_named_by_the_path_the_user_gave(source, tmp_path, monkeypatch):
    source(HEADER + "    nonsense\n")
    monkeypatch.chdir(tmp_path.parent)
    relative = Path(tmp_path.name) / "my.S"
    assert errors_of(relative)[0].startswith(f"{relative}:7:5: ")


def test_an_error_in_an_included_file_is_placed_there(source, tmp_path):
    header = source("\n  nonsense\n", "bad.h")
    assert errors_of(source('#include "bad.h"\n'))[0].startswith(f"{header}:2:3: ")


def test_a_missing_header_has_its_place(source):
    path = source('\n#include "nowhere.h"\n')
    assert errors_of(path) == [f"{path}:2:10: 'nowhere.h' file not found"]


def test_an_error_in_a_macro_is_placed_where_the_source_uses_it(source):
    macros = "    .macro inner\n    nonsense\n    .endm\n    .macro outer\n    inner\n    .endm\n"
    path = source(macros + HEADER + "    outer\n")
    assert errors_of(path)[0].startswith(f"{path}:13:5: ")


def test_an_address_too_wide_for_the_image_is_placed_behind_includes_too(source):
    source("/* one\n two */\n", "lines.h")
    path = source('#include "lines.h"\n' + HEADER + ".code64\n    movabs $_start, %rax\n")
    assert errors_of(path) == [f"{path}:9:13: unsupported relocation type"]


@pytest.mark.slow
def test_undefined_and_duplicate_symbols_have_their_place(source):
    path = source(HEADER + "    jmp     nowhere\n")
    assert errors_of(path) == [f"{path}:7:13: undefined symbol: nowhere"]
    path = source(HEADER + "    .data\n    .long   nowhere\n")
    assert errors_of(path) == [f"{path}:8:13: undefined symbol: nowhere"]
    other = source("    .globl _start\n_start: ret\n", "other.S")
    with pytest.raises(AssemblyError, match=r"my\.S:5:12: duplicate symbol: _start"):
        assemble(source(HEADER), other)


def test_an_error_in_c_has_its_place(source):
    path = source("int f(void)\n{\n    return x;\n}\n", "my.c")
    assert errors_of(path) == [f"{path}:3:12: use of undeclared identifier 'x'"]


@pytest.mark.parametrize(
    ("name", "line"),
    [("nowhere.S", "nowhere.S: no such file"), (".", "not a file"), ("my.asm", r"my\.asm: not a source file")],
)
def test_what_is_no_source_is_one_line(source, tmp_path, name, line):
    source("", "my.asm")
    with pytest.raises(VmmError, match=line):
        assemble(tmp_path / name)


def test_an_image_that_cannot_be_written_is_one_line(source, tmp_path):
    with pytest.raises(VmmError, match=r"my\.elf: cannot write: No such file or directory"):
        assemble(source(HEADER), out=tmp_path / "nowhere" / "my.elf")


def test_an_unknown_architecture_suggests_the_nearest(source):
    with pytest.raises(VmmError, match="unknown architecture 'x68'; did you mean 'x86'"):
        assemble(source(""), arch="x68")


def test_without_any_tool_the_error_names_the_package_that_brings_one(source, monkeypatch):
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(toolchain, "into_python", lambda package: f"its-pip install {package}")
    with pytest.raises(VmmError, match=r"^no assembler for x86 found; to install one: its-pip install ziglang$"):
        assemble(source(HEADER))
    monkeypatch.setattr(toolchain, "into_system", lambda *packages: f"apt-get install {' '.join(packages)}")
    with pytest.raises(VmmError, match=r"its-pip install ziglang, or apt-get install clang lld$"):
        assemble(source(HEADER))
    for name in ("into_python", "into_system"):
        monkeypatch.setattr(toolchain, name, lambda *packages: None)
    with pytest.raises(VmmError, match="install clang and lld with the system's package manager, or ziglang into a"):
        assemble(source(HEADER))


def test_the_assembler_that_python_has_needs_no_path(source, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "VMM_CC"} | {"PATH": ""}
    command = [sys.executable, "-m", "vmm", "asm", source(HEADER + "hlt\n"), "-o", tmp_path / "my.elf"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'my.elf'}\n", "")


UNTAME = ["new\nline", "back\\slash", "-dash", "quo\"te 'x", "two words", "a$b#c", "grüße", "raw\udcff"]
"""What tools take for an option, an escape, a separator, or no character."""


@pytest.mark.parametrize("name", UNTAME, ids=ascii)
def test_a_source_may_be_called_as_it_likes_and_its_errors_have_its_name(source, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = source(HEADER + "    nonsense\n", f"{name}.S").relative_to(tmp_path)
    assert errors_of(path) == [f"{path}:7:5: invalid instruction mnemonic 'nonsense'"]


@pytest.mark.parametrize("name", UNTAME[:1])
def test_its_image_is_the_same_each_time_else_a_recording_of_it_would_be_refused(source, tmp_path, name):
    path = source(HEADER + "    hlt\n", f"{name}.S")
    images = [assemble(path, out=tmp_path / out).read_bytes() for out in ("one.elf", "two.elf")]
    assert images[0] == images[1]
    assert b"/vmm-" not in images[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["new\nline", "quo\"te 'x"])
def test_the_linkers_errors_have_its_name_too(source, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = source(HEADER + "    jmp     nowhere\n", f"{name}.S").relative_to(tmp_path)
    assert errors_of(path) == [f"{path}:7:13: undefined symbol: nowhere"]
    path = source(HEADER + ".code64\n    movabs $_start, %rax\n", f"{name}.S").relative_to(tmp_path)
    assert errors_of(path) == [f"{path}:8:13: unsupported relocation type"]
    path = source("int f(void)\n{\n    return x;\n}\n", f"{name}.c").relative_to(tmp_path)
    assert errors_of(path) == [f"{path}:3:12: use of undeclared identifier 'x'"]


@pytest.mark.parametrize(
    ("text", "options", "line"),
    [
        (HEADER + "hlt\n", ["--memory", "1M"], "my.S: segment 0 at 0x100000-"),
        (HEADER + "hlt\n", ["--board", "virt"], "my.S: offset 0x"),
        (HEADER + "hlt\n", ["--cpu", "cortex-a57"], "--cpu cortex-a57: this is an ARM CPU, and my.S runs on an x86 "),
        (
            HEADER.replace("_start", "begin") + "hlt\n",
            [],
            "my.S: the entry point 0x0 is in no loaded segment; has it a",
        ),
    ],
    ids=["too big", "another board", "another CPU", "no _start"],
)
def test_what_is_wrong_with_a_sources_image_is_told_of_the_source(vmm, source, text, options, line):
    source(text)
    done = vmm("run", "my.S", *options)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert done.err.startswith(f"vmm: {line}")
    assert "/vmm-" not in done.err, "a temporary directory"


def fake(directory, name, script):
    path = directory / name
    path.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    path.chmod(0o755)


def fake_compiler(directory, name, linker, *, works=True, sound=True):
    """A compiler that names its linker, and that assembles or refuses what it should, or not."""
    fake(
        directory,
        name,
        f"if '-print-prog-name={linker}' in sys.argv: print('ld')\n"
        f"sys.exit({not works} or ({sound} and 'refused.s' in sys.argv))",
    )


@pytest.mark.slow
def test_tools_are_tried_in_order_and_one_that_does_not_work_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    fake(tmp_path, "ld", "")
    fake_compiler(tmp_path, "clang", "ld.lld", sound=False)
    fake_compiler(tmp_path, "gcc", "ld", works=False)
    fake_compiler(tmp_path, "i686-linux-gnu-gcc", "ld")
    assert find() == toolchain.Tool(("i686-linux-gnu-gcc",), ("ld",))
    fake_compiler(tmp_path, "gcc", "ld")
    assert find().compiler == ("gcc", "-m32")
    fake_compiler(tmp_path, "clang", "ld.lld")
    assert find().compiler == ("clang", "--target=i386-unknown-none-elf")


def test_a_compiler_whose_linker_cannot_link_for_the_target_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    fake_compiler(tmp_path, "gcc", "ld")
    fake(tmp_path, "ld", "sys.exit(1)")
    with pytest.raises(VmmError, match="no assembler for x86 found"):
        find()


@pytest.mark.slow
def test_a_gcc_of_another_architecture_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    fake(tmp_path, "ld", "")
    for name, only in (("gcc", "elr_el1"), ("arm-none-eabi-gcc", "spsr")):
        fake(
            tmp_path,
            name,
            "if '-print-prog-name=ld' in sys.argv: print('ld')\n"
            f"if 'accepted.s' in sys.argv: sys.exit({only!r} not in open('accepted.s').read())\n"
            "sys.exit('refused.s' in sys.argv)",
        )
    assert find("arm64").compiler == ("gcc",)
    assert find("arm").compiler[0] == "arm-none-eabi-gcc"
    with pytest.raises(VmmError, match="no assembler for x86 found"):
        find("x86")


def test_vmm_cc_comes_first_and_may_carry_options(tmp_path, monkeypatch):
    fake(tmp_path, "mycc", "print('myld')")
    monkeypatch.setenv("VMM_CC", f"'{tmp_path}/mycc' -m32")
    assert find() == toolchain.Tool((f"{tmp_path}/mycc", "-m32"), ("myld",))


@pytest.mark.parametrize(
    ("name", "linker", "options"),
    [("clang-14", "ld.lld", ("--target=i386-unknown-none-elf",)), ("x86_64-linux-gnu-gcc", "ld", ("-m32",))],
)
def test_a_vmm_cc_without_options_gets_those_that_the_architecture_needs(tmp_path, monkeypatch, name, linker, options):
    fake_compiler(tmp_path, name, linker)
    monkeypatch.setenv("VMM_CC", str(tmp_path / name))
    assert find() == toolchain.Tool((str(tmp_path / name), *options), ("ld",))


def test_a_vmm_cc_that_does_not_exist_is_one_line(monkeypatch):
    monkeypatch.setenv("VMM_CC", "/nowhere/cc -m32")
    with pytest.raises(VmmError, match="VMM_CC: /nowhere/cc: no such program"):
        find()


def test_a_tool_that_fails_without_naming_a_place_is_quoted(tmp_path, monkeypatch, source):
    fake(tmp_path, "mycc", "sys.exit('mycc: out of luck')")
    monkeypatch.setenv("VMM_CC", str(tmp_path / "mycc"))
    with pytest.raises(VmmError, match=r"mycc: mycc: out of luck$"):
        assemble(source(HEADER))


def test_what_a_tool_says_of_files_on_the_way_names_the_source(tmp_path, monkeypatch, source):
    fake(tmp_path, "mycc", "sys.exit(f'mycc: {sys.argv[-1]}: No space left on device')")
    monkeypatch.setenv("VMM_CC", str(tmp_path / "mycc"))
    path = source(HEADER)
    with pytest.raises(VmmError, match=r"mycc: mycc: my\.S: No space left on device$"):
        assemble(path)
    fake(tmp_path, "mycc", f"if '-c' not in sys.argv: print({str(tmp_path / 'myld')!r})")
    fake(tmp_path, "myld", "sys.exit(f'ld: cannot open output file {sys.argv[-1]}: No space left on device')")
    with pytest.raises(VmmError, match=r"myld: ld: cannot open output file image\.elf: No space left on device$"):
        assemble(path)


def test_the_linker_script_of_the_guests_is_where_the_toolchain_looks():
    for arch in ARCHITECTURES:
        assert (bundled() / "include" / arch / "guest.ld").is_file()


GNU = """\
my.S: Assembler messages:
my.S:5: Error: no such instruction: `nonsense %eax'
my.S:3: Error: bad register name `%eaxx'
my.S:6:  Info: macro invoked from here
my.S:10:   Info: macro invoked from here
my.h:1:10: fatal error: nofile.h: No such file or directory
/usr/bin/ld: 0.o: in function `_start':
./my.S:4: undefined reference to `nowhere'
/usr/bin/ld: ./my.S:6: undefined reference to `nowhere'
/usr/bin/ld: 0.o:(.data+0x0): undefined reference to `elsewhere'
./my.S:9:(.text+0x1): relocation truncated to fit: R_386_16 against `.text'
/usr/bin/ld: warning: 0.o: missing .note.GNU-stack section implies executable stack
"""


SCRIPTS = """\
/usr/bin/ld:my.ld:4: syntax error
ld.lld: error: dir/my.ld:4: ) expected, but got {
>>> .text 0x300000 { *(.text) }
"""


def test_what_linkers_say_of_a_script_is_understood():
    assert list(diagnostics(SCRIPTS)) == [
        Diagnostic("my.ld", 4, 0, "syntax error"),
        Diagnostic("dir/my.ld", 4, 0, ") expected, but got {"),
    ]


def test_what_gnu_tools_say_is_understood():
    assert list(diagnostics(GNU)) == [
        Diagnostic("my.S", 5, 0, "no such instruction: `nonsense %eax'"),
        Diagnostic("my.S", 10, 0, "bad register name `%eaxx'"),
        Diagnostic("my.h", 1, 10, "nofile.h: No such file or directory"),
        Diagnostic("./my.S", 4, 0, "undefined reference to `nowhere'"),
        Diagnostic("./my.S", 6, 0, "undefined reference to `nowhere'"),
        Diagnostic("0.o", 0, 0, "undefined reference to `elsewhere'"),
        Diagnostic("./my.S", 9, 0, "relocation truncated to fit: R_386_16 against `.text'"),
    ]


def test_a_column_is_where_the_quoted_text_stands_else_where_the_line_begins(source):
    path = source("a\n\tmov $1, %eaxx\n")
    assert locate(path, 2, "bad register name `%eaxx'") == (2, 10)
    assert locate(path, 2, "operand type mismatch for `out'") == (2, 2)
    assert locate(path, 0, "undefined reference to `mov'") == (2, 2)
    assert locate(path, 7, "whatever") == (7, 1)
    assert locate(path.with_name("gone.S"), 3, "whatever") == (3, 1)


def test_a_preprocessed_line_is_traced_through_its_markers():
    text = '# 1 "my.S"\n# 1 "lines.h" 1\none\ntwo\n# 2 "my.S" 2\nthree\nfour\n'
    assert [original(text, line) for line in (3, 4, 6, 7)] == [("lines.h", 1), ("lines.h", 2), ("my.S", 2), ("my.S", 3)]


def test_a_bundled_guest_builds(tmp_path):
    image = assemble(bundled() / "x86" / "hello" / "hello.S", out=tmp_path / "hello.elf")
    assert load(image, Ram()).format == "multiboot"
