"""The bundled guests as they are committed: complete, described, and reproducible from their sources."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import build_guests  # noqa: E402

from vmm.casebook.case import cases  # noqa: E402
from vmm.toolchain import arch_of  # noqa: E402

OTHERS = ("include", "cases")
DIRECTORIES = sorted(path for path in (ROOT / "guests").glob("*/*") if path.is_dir() and path.parent.name not in OTHERS)
NAMES = [f"{path.parent.name}/{path.name}" for path in DIRECTORIES]
EACH = pytest.mark.parametrize("directory", DIRECTORIES, ids=NAMES)

MULTIBOOT_MAGIC = 0x1BADB002
ARM_PROMISED = (
    "hello", "first_isr", "timer_ticks", "svc_vs_irq", "priority_nesting", "fiq_over_irq", "level_vs_edge",
    "sgi_ping_pong", "spurious_1023", "eoimode_split", "wfi_wake_masked", "data_abort", "isr_bench",
)  # fmt: skip
PROMISED = {
    "x86": (
        "hello", "first_isr", "pit_ticks", "sti_shadow", "mov_ss_shadow", "soft_vs_hard", "nmi_blocking",
        "spurious_irq7", "priority_nesting", "level_vs_edge", "uart_irq4", "ring3_to_ring0", "ist_stacks",
        "double_fault", "triple_fault", "real_mode_ivt", "vm86", "task_gate", "rep_interrupted", "syscall_sysenter",
        "hypercall", "isr_bench", "isr_bench_apic",
        "apic_timer", "tsc_deadline", "self_ipi", "ipi_ping_pong", "ioapic_level", "ioapic_edge", "msi",
        "lowest_priority", "tpr_cr8", "spurious_vector", "x2apic", "ap_startup", "nmi_broadcast", "ipi_shootdown",
    ),
    "arm64": (*ARM_PROMISED, "daif_unmask", "el0_user", "isr_bench_v3"),
    "arm": (*ARM_PROMISED, "cpsr_unmask", "usr_mode", "it_block_irq"),
}  # fmt: skip
BOARDS = {"x86": {"pc", "pc,reset=reboot"}, "arm64": {"virt,gic=2", "virt,gic=3"}, "arm": {"virt,gic=2", "virt,gic=3"}}
ELFS = {"x86": (32, "EM_386", 0x100000), "arm64": (64, "EM_AARCH64", 0x40080000), "arm": (32, "EM_ARM", 0x40010000)}
WRITABLE = 2
PAGE = 0x1000


def test_every_promised_guest_is_there() -> None:
    assert set(NAMES) >= {f"{arch}/{name}" for arch, names in PROMISED.items() for name in names}


def test_arm_guests_show_both_controllers_and_each_lesson_on_either() -> None:
    boards: dict[str, set[str]] = {}
    for directory in DIRECTORIES:
        described = tomllib.loads((directory / "guest.toml").read_text())
        if "gicv" in (directory / f"{directory.name}.S").read_text():
            boards.setdefault(directory.name, set()).add(described["board"])
    for name in ("timer_ticks", "svc_vs_irq", "priority_nesting", "fiq_over_irq", "level_vs_edge", "eoimode_split"):
        assert boards[name] == {"virt,gic=2", "virt,gic=3"}


def test_the_build_tool_sees_every_guest() -> None:
    assert list(build_guests.guests()) == [*NAMES, *cases()]


@EACH
def test_a_guest_is_a_source_a_description_and_an_image_of_the_same_name(directory: Path) -> None:
    name = directory.name
    assert {path.name for path in directory.iterdir()} >= {f"{name}.S", f"{name}.elf", "guest.toml"}


@EACH
def test_a_description_says_in_one_line_what_the_guest_shows_and_how_it_ends(directory: Path) -> None:
    described = tomllib.loads((directory / "guest.toml").read_text())
    assert set(described) <= {"summary", "board", "success", "cpu", "options", "smp"}
    assert 0 < len(described["summary"]) <= 100
    assert "\n" not in described["summary"]
    assert described["board"] in BOARDS[directory.parent.name]
    assert described.get("smp", 1) in (1, 2, 4)
    assert described["success"] in (0, 125)


@EACH
def test_a_source_opens_with_the_lesson(directory: Path) -> None:
    assert (directory / f"{directory.name}.S").read_text().startswith("/*")


@EACH
def test_a_source_names_the_controller_of_its_board(directory: Path) -> None:
    board = tomllib.loads((directory / "guest.toml").read_text())["board"]
    for version in re.findall(r'#include "virt/gicv(\d)\.inc"', (directory / f"{directory.name}.S").read_text()):
        assert board == f"virt,gic={version}"


@EACH
def test_a_source_says_its_architecture(directory: Path) -> None:
    assert arch_of(directory / f"{directory.name}.S") == directory.parent.name


@EACH
def test_an_image_is_an_elf_of_its_architecture_at_its_board_s_address(directory: Path) -> None:
    with (directory / f"{directory.name}.elf").open("rb") as stream:
        elf = ELFFile(stream)
        first = next(elf.iter_segments("PT_LOAD"))
        assert (elf.elfclass, elf["e_machine"], first["p_paddr"]) == ELFS[directory.parent.name]


@pytest.mark.parametrize(
    "directory", [path for path in DIRECTORIES if path.parent.name == "x86"], ids=lambda path: path.name
)
def test_an_x86_image_begins_with_its_multiboot_header(directory: Path) -> None:
    with (directory / f"{directory.name}.elf").open("rb") as stream:
        first = next(ELFFile(stream).iter_segments("PT_LOAD"))
        magic, flags, checksum = (int.from_bytes(first.data()[at : at + 4], "little") for at in (0, 4, 8))
        assert magic == MULTIBOOT_MAGIC
        assert (magic + flags + checksum) & 0xFFFFFFFF == 0


@EACH
def test_code_and_what_is_written_share_no_page(directory: Path) -> None:
    with (directory / f"{directory.name}.elf").open("rb") as stream:
        pages: dict[bool, set[int]] = {False: set(), True: set()}
        for segment in ELFFile(stream).iter_segments("PT_LOAD"):
            if segment["p_memsz"]:
                first, last = segment["p_vaddr"], segment["p_vaddr"] + segment["p_memsz"] - 1
                pages[bool(segment["p_flags"] & WRITABLE)] |= set(range(first // PAGE, last // PAGE + 1))
        assert not pages[False] & pages[True]


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
    for arch in ("arm64", "arm"):
        assert len((ROOT / f"guests/{arch}/first_isr/first_isr.S").read_text().splitlines()) < 30


@pytest.mark.slow
def test_some_images_are_what_their_sources_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_guests.installed_ziglang() == build_guests.ZIGLANG
    some = [*NAMES[::5], *list(cases())[::5]]
    assert build_guests.main(["--check", *some]) == 0, capsys.readouterr().out


def test_a_changed_image_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guest = tmp_path / "x86" / "hello"
    guest.mkdir(parents=True)
    for file in (ROOT / "guests/x86/hello").iterdir():
        (guest / file.name).write_bytes(file.read_bytes())
    image = guest / "hello.elf"
    image.write_bytes(image.read_bytes() + b"\0")
    changed = build_guests.Image(guest / "hello.S", "x86", image)
    monkeypatch.setattr(build_guests, "guests", lambda: {"x86/hello": [changed]})
    assert build_guests.main(["--check"]) == 1
    assert str(image) in capsys.readouterr().out


def test_an_unknown_guest_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_guests.main(["x86/helo"]) == 2
    assert capsys.readouterr().err == "build_guests: unknown guest 'x86/helo'; did you mean 'x86/hello'?\n"


def test_another_ziglang_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(build_guests, "installed_ziglang", lambda: "0.1.0")
    assert build_guests.main([]) == 2
    assert f"need ziglang {build_guests.ZIGLANG}, here is 0.1.0" in capsys.readouterr().err
