"""Whatever the bytes are: an image or one line, never another exception, and never more memory than the RAM's."""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm import loaders
from vmm.errors import VmmError
from vmm.loaders import Loaded, image

from .images import CODE, MIB, Elf, Part, multiboot_elf, multiboot_header


class Bounds:
    """Memory that only checks: writes stay inside, and what one load writes is at most the RAM plus its tables."""

    def __init__(self) -> None:
        self.size = 2 * MIB
        self.written = 0

    def read(self, address, size):
        raise AssertionError("loaders have nothing to read")

    def write(self, address, data):
        assert address >= 0 and address + len(data) <= self.size
        self.written += len(data)
        assert self.written <= self.size


RAW = bytes(8) + multiboot_header(1 << 16, MIB + 8, MIB, 0, MIB + 0x2000, MIB + 40) + CODE
SEEDS = [
    Elf([Part(MIB), Part(MIB + 0x1000, b"data", memory_size=0x800)]).build(),
    Elf([Part(MIB), Part(MIB + 0x1000, b"data", memory_size=0x800)], bits=64).build(),
    multiboot_elf(),
    RAW,
]
INTERESTING = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, MIB, 2 * MIB - 1, 2 * MIB]


def outcome(data):
    """Load `data` as each format that reads headers, and ask for what symbols there are."""
    results = []
    path = image.Path("fuzzed")
    for row in loaders.FORMATS[:2]:
        try:
            loaded = row.load(image.Image(path, data), Bounds(), image.Options("a=1"))
        except VmmError as error:
            assert "fuzzed: " in str(error) and "\n" not in str(error)
            results.append(None)
        else:
            assert isinstance(loaded, Loaded)
            assert 0 <= loaded.entry.pc < loaded.highest <= 2 * MIB
            results.append(loaded)
    return results


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_headers_with_flipped_bytes_and_extreme_fields_load_or_are_refused(seed):
    chance = random.Random(seed)
    accepted = refused = 0
    for _ in range(2500):
        data = bytearray(SEEDS[seed])
        for _ in range(chance.randint(1, 4)):
            size = chance.choice([1, 2, 4, 8])
            at = chance.randrange(len(data) - size)
            value = chance.choice([*INTERESTING, chance.getrandbits(8 * size)]) % (1 << 8 * size)
            data[at : at + size] = value.to_bytes(size, "little")
        if chance.random() < 0.1:
            del data[chance.randrange(len(data)) :]
        for loaded in outcome(bytes(data)):
            accepted += loaded is not None
            refused += loaded is None
    assert accepted > 100 and refused > 100  # the mutations reach both sides


@given(st.binary(max_size=300))
@settings(max_examples=1000, deadline=None)
def test_random_bytes_behind_an_elf_magic_load_or_are_refused(tail):
    outcome(b"\x7fELF" + tail)


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.integers(0, 0xFFFFFFFF), max_size=5), st.binary(max_size=100))
@settings(max_examples=1000, deadline=None)
def test_random_fields_behind_a_right_multiboot_checksum_load_or_are_refused(flags, addresses, tail):
    outcome(multiboot_header(flags, *addresses) + tail)


def test_the_most_program_headers_with_the_largest_segments_take_no_time():
    header = bytearray(Elf().build()[:52])
    struct.pack_into("<H", header, 44, 0xFFFF)
    row = struct.pack("<8I", 1, 52, 0, 0, 1, 2 * MIB, 7, 1)
    assert outcome(bytes(header) + row * 0xFFFF) == [None, None]
