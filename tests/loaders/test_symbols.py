"""Names and source lines of an image whose source is written out here."""

import random
import subprocess
import sys
from types import SimpleNamespace

import pytest

from vmm.errors import VmmError
from vmm.loaders import Symbols, load
from vmm.loaders.symbols import Line, unit_lines
from vmm.toolchain import assemble

from .handmade_images import Elf, Ram

SOURCE = """\
    .section .multiboot, "a"
    .align 4
    .long 0x1BADB002, 0, -0x1BADB002
    .text
    .code32
    .globl _start, shared
_start:
    nop
    nop
    jmp     over
    .type   counted, @function
    .size   counted, 2
counted:
    nop
    ret
    .fill   6, 1, 0xCC
    .set    constant, 0x1234
over:
    cli
    hlt
    .data
shared:
    .long   7
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    source = tmp_path_factory.mktemp("symbols") / "named.S"
    source.write_text(SOURCE)
    return assemble(source, out=source.with_suffix(".elf"))


@pytest.fixture
def symbols(image):
    return Symbols(image, image.read_bytes())


def test_a_loaded_elf_brings_its_symbols(image):
    ram = Ram()
    loaded = load(image, ram)
    assert loaded.symbols.address("_start") == loaded.entry.pc
    assert ram.u32(loaded.symbols.address("shared")) == 7


def test_an_absolute_symbol_has_a_value_and_names_no_place(symbols):
    assert symbols.address("constant") == 0x1234
    assert symbols.name_at(0x1234) is None


def test_a_label_reaches_to_the_next_one_and_a_sized_symbol_to_its_end(symbols):
    start = symbols.address("_start")
    # two NOPs and a short jump, a function of two bytes, six bytes that are nobody's, two more instructions
    assert symbols.address("counted") == start + 4
    assert symbols.address("over") == start + 12
    names = [symbols.name_at(start + offset) for offset in (0, 3, 4, 5, 6, 11, 12, 13, 14)]
    assert names == ["_start", "_start+0x3", "counted", "counted+0x1", None, None, "over", "over+0x1", None]


@pytest.mark.parametrize("arch", ["arm", "arm64"])
def test_what_an_arm_assembler_says_of_code_and_data_is_no_name(tmp_path, arch):
    """$a, $d, $t and $x mark where each begins (ELF for the Arm Architecture, 5.5.5): `table` reaches behind its $d."""
    (tmp_path / "marked.S").write_text("    .globl _start\n_start:\n    nop\ntable:\n    nop\n    .word 1\n")
    marked = assemble(tmp_path / "marked.S", arch=arch, out=tmp_path / "marked.elf")
    symbols = Symbols(marked, marked.read_bytes())
    start = symbols.address("_start")
    assert [symbols.name_at(start + offset) for offset in (0, 4, 8)] == ["_start", "table", "table+0x4"]
    assert b"$d" in marked.read_bytes()
    assert not symbols.has("$d")


def test_below_and_above_the_image_nothing_has_a_name(symbols):
    assert [symbols.name_at(address) for address in (0, 0xFFFFF, 1 << 40)] == [None, None, None]


def test_an_unknown_name_suggests_the_nearest(symbols):
    with pytest.raises(VmmError, match="unknown symbol 'conted'; did you mean 'counted'"):
        symbols.address("conted")


def test_each_instruction_has_its_line(symbols):
    start = symbols.address("_start")
    lines = [symbols.line_at(start + offset) for offset in (0, 1, 2, 3, 4, 5, 12, 13)]
    assert lines == [f"named.S:{line}" for line in (8, 9, 10, 10, 14, 15, 19, 20)]


def test_no_line_is_claimed_outside_the_code(symbols):
    start = symbols.address("_start")
    assert [symbols.line_at(address) for address in (0, start - 1, start + 14, 1 << 40)] == [None] * 4


def test_of_two_symbols_with_one_name_the_global_one_counts(tmp_path):
    (tmp_path / "local.S").write_text(SOURCE + "    .text\nhelper:\n    nop\n")
    (tmp_path / "global.S").write_text("    .globl helper\nhelper:\n    ret\n")
    ram = Ram()
    symbols = load(assemble(tmp_path / "local.S", tmp_path / "global.S", out=tmp_path / "both.elf"), ram).symbols
    assert ram.read(symbols.address("helper"), 1) == b"\xc3"


@pytest.mark.parametrize(("version", "number"), [(4, 2), (5, 1)])
def test_files_count_from_1_up_to_dwarf_4_and_from_0_since(version, number):
    row = SimpleNamespace(state=SimpleNamespace(address=0x1000, end_sequence=False, file=number, line=7))
    header = {"version": version, "file_entry": [{"name": b"first.S"}, {"name": b"include/second.inc"}]}
    program = SimpleNamespace(header=header, get_entries=lambda: [SimpleNamespace(state=None), row])
    assert unit_lines(program) == [Line(0x1000, "second.inc:7", "include/second.inc", 7)]


def test_what_a_compiler_adds_of_its_own_is_of_no_line():
    states = [
        SimpleNamespace(address=at, end_sequence=False, file=0, line=line) for at, line in ((0, 7), (4, 0), (8, 9))
    ]
    header = {"version": 5, "file_entry": [{"name": b"a.c"}]}
    program = SimpleNamespace(header=header, get_entries=lambda: [SimpleNamespace(state=each) for each in states])
    assert [line.place for line in unit_lines(program)] == ["a.c:7", None, "a.c:9"]


def test_an_image_without_tables_says_so():
    symbols = Symbols("bare.elf", Elf().build())
    assert (symbols.name_at(0x100000), symbols.line_at(0x100000)) == (None, None)
    with pytest.raises(VmmError, match=r"bare\.elf: no symbol 'main': the image has no symbol table"):
        symbols.address("main")


def test_names_act_on_no_terminal(image):
    data = image.read_bytes()
    code = Symbols(image, data).address("counted")
    hostile = data.replace(b"\0counted\0", b"\0\x1b[31mEV\0").replace(b"named.S\0", b"\x1b]0;\x07.S\0")
    symbols = Symbols("hostile.elf", hostile)
    assert symbols.place(code + 1) == ("\\x1b[31mEV+0x1", "\\x1b]0;\\x07.S:15")
    assert symbols.row_at(code).file.endswith("\\x1b]0;\\x07.S")
    assert symbols.address("\\x1b[31mEV") == code


def test_the_tables_are_read_only_when_somebody_asks(image):
    script = (
        "import sys; from vmm.loaders import Symbols\n"
        "symbols = Symbols(sys.argv[1], open(sys.argv[1], 'rb').read())\n"
        "before = 'elftools' in sys.modules; symbols.address('_start')\n"
        "sys.exit(10 * before + ('elftools' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script, image], check=False).returncode == 1


@pytest.mark.slow
def test_damaged_tables_answer_with_fewer_names_and_never_with_an_exception(image):
    chance = random.Random(1)
    intact = image.read_bytes()
    start = Symbols(image, intact).address("_start")
    lost = 0
    for _ in range(300):
        data = bytearray(intact)
        for _ in range(chance.randint(1, 30)):
            data[chance.randrange(52, len(data))] = chance.getrandbits(8)
        symbols = Symbols(image, bytes(data))
        for address in (0, start, start + 5, 1 << 63):
            assert isinstance(symbols.name_at(address), (str, type(None)))
            assert isinstance(symbols.line_at(address), (str, type(None)))
        try:
            symbols.address("_start")
        except VmmError:
            lost += 1
    assert 0 < lost < 300
