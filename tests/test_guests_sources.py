"""The bundled guests as they are committed: complete, described, and reproducible from their sources."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import build_guests  # noqa: E402

DIRECTORIES = sorted(path for path in (ROOT / "guests").glob("*/*") if path.is_dir() and path.parent.name != "include")
NAMES = [f"{path.parent.name}/{path.name}" for path in DIRECTORIES]
EACH = pytest.mark.parametrize("directory", DIRECTORIES, ids=NAMES)

MULTIBOOT_MAGIC = 0x1BADB002
PROMISED = (
    "hello", "first_isr", "pit_ticks", "sti_shadow", "mov_ss_shadow", "soft_vs_hard", "nmi_blocking",
    "spurious_irq7", "priority_nesting", "level_vs_edge", "uart_irq4", "ring3_to_ring0", "ist_stacks",
    "double_fault", "triple_fault", "real_mode_ivt", "vm86", "task_gate", "rep_interrupted", "syscall_sysenter",
    "hypercall", "isr_bench",
)  # fmt: skip


def test_every_promised_guest_is_there() -> None:
    assert set(NAMES) >= {f"x86/{name}" for name in PROMISED}


def test_the_build_tool_sees_every_guest() -> None:
    assert list(build_guests.guests()) == NAMES


@EACH
def test_a_guest_is_a_source_a_description_and_an_image_of_the_same_name(directory: Path) -> None:
    name = directory.name
    assert {path.name for path in directory.iterdir()} >= {f"{name}.S", f"{name}.elf", "guest.toml"}


@EACH
def test_a_description_says_in_one_line_what_the_guest_shows_and_how_it_ends(directory: Path) -> None:
    described = tomllib.loads((directory / "guest.toml").read_text())
    assert set(described) <= {"summary", "board", "success", "cpu", "options"}
    assert 0 < len(described["summary"]) <= 100
    assert "\n" not in described["summary"]
    assert described["board"] == "pc"
    assert described["success"] in (0, 125)


@EACH
def test_a_source_opens_with_the_lesson(directory: Path) -> None:
    assert (directory / f"{directory.name}.S").read_text().startswith("/*")


@EACH
def test_an_image_is_a_32_bit_elf_with_its_multiboot_header_first(directory: Path) -> None:
    with (directory / f"{directory.name}.elf").open("rb") as stream:
        elf = ELFFile(stream)
        first = next(elf.iter_segments("PT_LOAD"))
        assert (elf.elfclass, elf["e_machine"]) == (32, "EM_386")
        assert first["p_paddr"] == 0x100000
        magic, flags, checksum = (int.from_bytes(first.data()[at : at + 4], "little") for at in (0, 4, 8))
        assert magic == MULTIBOOT_MAGIC
        assert (magic + flags + checksum) & 0xFFFFFFFF == 0


@EACH
def test_an_image_keeps_its_symbols_and_lines_and_no_path_of_the_machine_that_built_it(directory: Path) -> None:
    image = directory / f"{directory.name}.elf"
    with image.open("rb") as stream:
        elf = ELFFile(stream)
        symbols = elf.get_section_by_name(".symtab")
        assert isinstance(symbols, SymbolTableSection)
        assert symbols.get_symbol_by_name("guest")
        assert elf.has_dwarf_info()
    assert str(ROOT).encode() not in image.read_bytes()


def test_the_first_interrupt_handler_takes_under_30_lines() -> None:
    assert len((ROOT / "guests/x86/first_isr/first_isr.S").read_text().splitlines()) < 30


def test_the_images_are_what_their_sources_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_guests.installed_ziglang() == build_guests.ZIGLANG
    assert build_guests.main(["--check"]) == 0, capsys.readouterr().out


def test_a_changed_image_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guest = tmp_path / "x86" / "hello"
    guest.mkdir(parents=True)
    for file in (ROOT / "guests/x86/hello").iterdir():
        (guest / file.name).write_bytes(file.read_bytes())
    image = guest / "hello.elf"
    image.write_bytes(image.read_bytes() + b"\0")
    monkeypatch.setattr(build_guests, "guests", lambda: {"x86/hello": guest})
    assert build_guests.main(["--check"]) == 1
    assert str(image) in capsys.readouterr().out


def test_an_unknown_guest_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_guests.main(["x86/helo"]) == 2
    assert capsys.readouterr().err == "build_guests: unknown guest 'x86/helo'; did you mean 'x86/hello'?\n"


def test_another_ziglang_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(build_guests, "installed_ziglang", lambda: "0.1.0")
    assert build_guests.main([]) == 2
    assert f"need ziglang {build_guests.ZIGLANG}, here is 0.1.0" in capsys.readouterr().err
