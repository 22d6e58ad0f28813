"""ELF executables: what is loaded where, and one line for each way in which a file can be wrong."""

import pytest

from vmm.errors import VmmError
from vmm.loaders import load

from .handmade_images import CODE, MIB, Elf, Part, Ram


@pytest.fixture
def boot(tmp_path):
    def boot(data, ram=None):
        (tmp_path / "kernel").write_bytes(data)
        return load(tmp_path / "kernel", ram or Ram())

    return boot


@pytest.mark.parametrize("bits", [32, 64])
def test_segments_go_to_their_physical_addresses_and_bss_is_zeroed(boot, bits):
    ram = Ram()
    parts = [Part(MIB, b"text", virtual=0xC0100000), Part(2 * MIB, b"data", memory_size=MIB + 9, virtual=0xC0200000)]
    loaded = boot(Elf(parts, bits).build(), ram)
    assert ram.read(MIB, 5) == b"text\xcc"
    assert ram.read(2 * MIB, MIB + 10) == b"data" + bytes(MIB + 5) + b"\xcc"
    assert loaded.highest == 3 * MIB + 9


@pytest.mark.parametrize("bits", [32, 64])
def test_the_entry_is_physical_flat_and_protected(boot, bits):
    loaded = boot(Elf([Part(MIB, virtual=0xC0100000)], bits, entry=0xC0100002).build())
    assert (loaded.format, loaded.entry.mode, loaded.entry.pc) == ("elf", "protected32", MIB + 2)


def test_headers_other_than_pt_load_are_passed_over(boot):
    ram = Ram()
    boot(Elf([Part(MIB), Part(0xFFFF0000, b"note", type=4)]).build(), ram)
    assert ram.read(MIB, 4) == CODE


def test_an_empty_segment_takes_no_place(boot):
    assert boot(Elf([Part(MIB), Part(MIB + 1, b"")]).build()).highest == MIB + 4


def test_a_segment_outside_ram_is_named_with_its_range_and_the_rams(boot):
    with pytest.raises(VmmError, match=r"kernel: segment 1 at 0x3fffff-0x400000 is outside RAM \(0-0x3fffff\)"):
        boot(Elf([Part(MIB), Part(4 * MIB - 1, b"x", memory_size=2)]).build())


def test_segments_that_share_memory_are_named(boot):
    with pytest.raises(VmmError, match="segments 1 and 0 overlap at 0x100003"):
        boot(Elf([Part(MIB + 3), Part(MIB)]).build())


def patched(offset, value, size=2, **kind):
    data = bytearray(Elf(**kind).build())
    data[offset : offset + size] = value.to_bytes(size, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"\x7fELF", "truncated: 4 bytes are less than an ELF header"),
        (Elf().build()[:51], "truncated: 51 bytes are less than an ELF header"),
        (Elf(bits=64).build()[:63], "truncated: 63 bytes are less than an ELF header"),
        (patched(4, 3, 1), "offset 0x4: unknown ELF class 3"),
        (Elf(order=2).build(), "offset 0x5: the ELF file is big-endian"),
        (Elf(order=9).build(), "offset 0x5: the ELF file is of unknown byte order 9"),
        (patched(6, 2, 1), "offset 0x6: unknown ELF version 2"),
        (Elf(machine=40).build(), "offset 0x12: an ARM image"),
        (Elf(machine=183, bits=64).build(), "offset 0x12: an AArch64 image"),
        (
            Elf(machine=243, bits=64).build(),
            "offset 0x12: an image for ELF machine 243, RISC-V; those that boot here are 3 (x86), ",
        ),
        (Elf(kind=1).build(), "offset 0x10: not an executable but a relocatable object; link it first"),
        (Elf(kind=3).build(), "offset 0x10: not an executable but position independent"),
        (Elf(kind=4).build(), "offset 0x10: not an executable but ELF type 4"),
        (patched(40, 64), "the ELF header claims 64 bytes instead of 52"),
        (patched(42, 56), "program headers claim 56 bytes each instead of 32"),
        (patched(28, 51, 4), "offset 0x33: the program header table overlaps the ELF header"),
        (patched(44, 4), "offset 0x34: truncated: program headers end at 0xb4, the file at 0x58"),
        (patched(44, 0), "nothing to load"),
        (Elf([Part(MIB, b"")]).build(), "nothing to load"),
        (Elf([Part(MIB, b"abcd", memory_size=3)]).build(), "offset 0x34: segment 0 has more bytes in the file"),
        (Elf().build()[:-1], "offset 0x34: truncated: segment 0 ends at 0x58, the file at 0x57"),
        (Elf(entry=MIB + 4).build(), "the entry point 0x100004 is in no loaded segment"),
    ],
)
def test_a_wrong_file_is_one_line_that_says_what_and_where(boot, data, line):
    with pytest.raises(VmmError) as error:
        boot(data)
    assert f"kernel: {line}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_bss_of_many_gigabytes_is_refused_before_it_is_written(boot):
    with pytest.raises(VmmError, match="outside RAM"):
        boot(Elf([Part(MIB, b"x", memory_size=1 << 50)], bits=64).build())
