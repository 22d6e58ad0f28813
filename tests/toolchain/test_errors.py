"""From a tool's complaint to file:line:column."""

from pathlib import Path

import pytest

from toolchain.sources import HEADER, errors_of, fake
from vmm.errors import VmmError
from vmm.toolchain import AssemblyError, Diagnostic, assemble, diagnostics, locate, original


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
