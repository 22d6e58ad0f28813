"""Locations in the user's terms. Where each instruction of the source lies is worked out by hand beside it."""

from __future__ import annotations

import subprocess

import pytest

from vmm import Reach, boot
from vmm.errors import VmmError
from vmm.loaders import Symbols
from vmm.loaders.location import address_of
from vmm.toolchain import assemble

from .handmade_images import Elf

SOURCE = """\
    .section .multiboot, "a"
    .align 4
    .long 0x1BADB002, 0, -0x1BADB002
    .text
    .code32
    .globl _start
_start:
    nop
    movl    $7, value

again:
    incl    value
    jmp     again
    .data
value:
    .long   0
"""
# _start: NOP 1 byte (line 8), MOVL moffs,imm32 10 (line 9); again: INCL m32 6 (line 12), JMP 2 (line 13)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    source = tmp_path_factory.mktemp("location") / "my-place.S"
    source.write_text(SOURCE)
    return assemble(source, out=source.with_suffix(".elf"))


@pytest.fixture(scope="module")
def symbols(image):
    return Symbols(image, image.read_bytes())


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("_start", 0), ("again", 11), ("again+0x6", 17), ("again+6", 17), ("again + 6", 17), ("again-10", 1),
        ("my-place.S:8", 0), ("my-place.S:9", 1), ("my-place.S:12", 11), ("my-place.S:13+1", 18),
    ],
)  # fmt: skip
def test_a_place_by_symbol_and_by_line(symbols, text, offset):
    assert address_of(text, symbols) == symbols.address("_start") + offset


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0x1002dc", 0x1002DC), ("0X1002DC", 0x1002DC), ("4096", 0x1000), ("0x1000+0x10", 0x1010), (0x1000, 0x1000),
        ("00000000001002dc", 0x1002DC), ("001002dc", 0x1002DC), ("ffffffff80001234", 0xFFFF_FFFF_8000_1234),
        (0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF),
    ],
)  # fmt: skip
def test_an_address_needs_no_table(text, address):
    assert address_of(text, None) == address


def test_what_is_printed_of_a_place_is_a_place(image):
    m = boot(image)
    start = m.address("_start")
    for offset in (0, 1, 11, 17):
        assert m.address(m.where(start + offset)) == start + offset
    assert m.where(start + 17).split()[1:] == ["again+0x6", "my-place.S:13"]
    assert m.address("again+0x6 my-place.S:13") == start + 17
    assert m.address(f"{m.where(start + 17)}:") == start + 17
    assert m.where("my-place.S:13") == m.where(start + 17)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("agian", "unknown symbol 'agian'; did you mean 'again'?"),
        ("agian+0x6", r"unknown symbol 'agian'; did you mean 'again\+0x6'?"),
        ("my-place.S:10", "no code at my-place.S:10; did you mean 'my-place.S:12'?"),
        ("my-place.S:99", "no code at my-place.S:99; did you mean 'my-place.S:13'?"),
        ("my_place.S:8", "unknown source file 'my_place.S'; did you mean 'my-place.S'?"),
        ("again my-place.S:13", "again is again my-place.S:12, not my-place.S:13"),
        ("0x1 again", "0x1 is nothing that this image names, not again"),
        ("", "'' is no location: a symbol, symbol"),
        (None, "None is no location"),
        (-1, "address -0x1 is outside 0-0xffffffffffffffff"),
        ("0x0-1", "address -0x1 is outside"),
        ("0x10000000000000000", "address 0x10000000000000000 is outside"),
    ],
)
def test_a_wrong_place_is_refused_with_the_nearest_right_one(symbols, text, says):
    with pytest.raises(VmmError, match=says):
        address_of(text, symbols)


def test_an_image_without_lines_says_how_to_have_them():
    bare = Symbols("bare.elf", Elf().build())
    with pytest.raises(VmmError, match=r"no line a\.c:3: the image has no line table \(build it with -g\)"):
        address_of("a.c:3", bare)
    with pytest.raises(VmmError, match="no symbol 'main': the image has no symbol table"):
        address_of("main", None)


@pytest.mark.parametrize("dwarf", [4, 5])
def test_of_files_with_one_name_a_directory_tells_which(tmp_path, dwarf):
    for folder in ("net", "disk"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "queue.c").write_text(f"int {folder}_take(int n)\n{{\n    return n + 1;\n}}\n")
    sources = ["net/queue.c", "disk/queue.c"]
    flags = ["-m32", f"-gdwarf-{dwarf}", "-ffreestanding", "-nostdlib", "-static", "-no-pie", "-Wl,-e,net_take"]
    subprocess.run(["cc", *flags, *sources, "-o", "both.elf"], cwd=tmp_path, check=True)
    symbols = Symbols(tmp_path / "both.elf", (tmp_path / "both.elf").read_bytes())
    assert address_of("net/queue.c:2", symbols) == symbols.address("net_take")
    assert address_of("disk/queue.c:2", symbols) == symbols.address("disk_take")
    with pytest.raises(VmmError, match=r"queue\.c:2 is in several files: .*disk/queue\.c:2, .*net/queue\.c:2"):
        address_of("queue.c:2", symbols)


def test_a_thumb_function_is_where_its_first_instruction_is(tmp_path):
    """ELF for the Arm Architecture, 5.5.3: bit 0 of such a symbol says what the code is."""
    (tmp_path / "thumb.S").write_text(
        "    .syntax unified\n    .globl _start\n_start:\n    ldr sp, =0x40100000\n    blx count\n    b .\n    .ltorg\n"
        "    .thumb\n    .type count, %function\ncount:\n    movs r0, #1\n    bx lr\n"
    )
    image = assemble(tmp_path / "thumb.S", arch="arm", out=tmp_path / "thumb.elf")
    symbols = Symbols(image, image.read_bytes())
    assert symbols.address("count") % 2 == 0
    assert symbols.name_at(symbols.address("count")) == "count"
    m = boot(image)
    assert m.run(until=Reach("count"), insns=100).reason == "breakpoint"
    assert m.cpu.pc == m.address("thumb.S:11")
    assert m.run(until="count+2", insns=1).reason == "breakpoint"
