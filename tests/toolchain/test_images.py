"""From source to image."""

import re
import shutil
import struct
from pathlib import Path

import pytest
from capstone import CS_ARCH_ARM, CS_ARCH_ARM64, CS_ARCH_X86, CS_MODE_32, CS_MODE_ARM, Cs
from elftools.elf.elffile import ELFFile

from toolchain.sources import HEADER, Ram, code_of
from vmm import toolchain
from vmm.arch import ARCHITECTURES, named
from vmm.errors import VmmError
from vmm.loaders import load
from vmm.sources import bundled
from vmm.toolchain import AssemblyError, arch_of, assemble


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


def test_the_linker_script_of_the_guests_is_where_the_toolchain_looks():
    for arch in ARCHITECTURES:
        assert (bundled() / "include" / arch / "guest.ld").is_file()


def test_a_bundled_guest_builds(tmp_path):
    image = assemble(bundled() / "x86" / "hello" / "hello.S", out=tmp_path / "hello.elf")
    assert load(image, Ram()).format == "multiboot"
