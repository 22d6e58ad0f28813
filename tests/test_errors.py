"""What a message says of names: the right one where it is clear which is meant, and nothing that breaks its line."""

import pytest

from vmm.errors import nearest, printable, unknown

NAMES = ["--append", "--cpu", "--help", "--input", "--max-time", "--memory", "--quiet", "--seed", "--smp", "-d", "-h"]
COMMANDS = ["asm", "bisect", "doctor", "help", "list", "new", "replay", "run"]


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("--memroy", NAMES, "--memory"),
        ("-memory", NAMES, "--memory"),
        ("--MEMORY", NAMES, "--memory"),
        ("--mem", NAMES, "--memory"),
        ("rum", COMMANDS, "run"),
        ("lits", COMMANDS, "list"),
        ("cp", ["pc", "virt"], "pc"),
        ("virtua", ["gic", "virtualization"], "virtualization"),
        ("x86/pit", ["x86/msi", "x86/pit_ticks", "x86/pit_wait_for_it"], "x86/pit_ticks"),
    ],
)
def test_a_slip_has_the_right_name_beside_it(name, known, meant):
    assert nearest(name, known) == meant
    assert str(unknown("name", name, known)) == f"unknown name {name!r}; did you mean {meant!r}?"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        *((name, NAMES) for name in ("-m", "-s", "-M", "-icount", "-machine", "--verbose", "--debug", "--gdb")),
        *((name, COMMANDS) for name in ("test", "record", "version", "k.elf", "-")),
        ("interrupts", ["tests", "events", "limits"]),
        ("arm64", ["kvm64", "qemu64"]),
        ("acpi", ["hpet", "pit", "reset"]),
    ],
)
def test_what_is_another_word_altogether_is_given_none(name, known):
    """Each of these was answered with what has two or three letters of it."""
    assert nearest(name, known) is None
    assert str(unknown("name", name, known)).startswith(f"unknown name {name!r} (known: ")


def test_a_message_stays_one_line_and_does_nothing_to_a_terminal():
    assert printable("a\nb\x1b[2J\x7f\x9b") == "a\\nb\\x1b[2J\\x7f\\x9b"
    assert printable("raw\udcff") == "raw\\xff"
    assert printable("grüße → “c” \\n") == "grüße → “c” \\n"
