"""Whatever the bytes are: an image or one line, never another exception, and never more memory than the RAM's."""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm import loaders
from vmm.arch import ARCHITECTURES
from vmm.errors import VmmError
from vmm.loaders import Loaded, image

from .handmade_images import (
    ARM_BASE,
    CODE,
    LOOP,
    MIB,
    Elf,
    Part,
    Tree,
    arm_image,
    bzimage,
    multiboot_elf,
    multiboot_header,
    zimage,
)


class Bounds:
    """Memory that only checks: writes stay inside, and what one load writes is at most the RAM plus its tables."""

    def __init__(self, base: int = 0, size: int = 2 * MIB) -> None:
        self.base = base
        self.rom_size = 0
        self.size = size
        self.written = 0

    def read(self, address, size):
        raise AssertionError("loaders have nothing to read")

    def write(self, address, data):
        assert self.base <= address and address + len(data) <= self.base + self.size
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


def mutated(data, chance, header):
    """`data` with a few fields of its first `header` bytes overwritten, now and then cut short."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        size = chance.choice([1, 2, 4, 8])
        at = chance.randrange(header - size)
        value = chance.choice([*INTERESTING, chance.getrandbits(8 * size)]) % (1 << 8 * size)
        data[at : at + size] = value.to_bytes(size, "little")
    if chance.random() < 0.1:
        del data[chance.randrange(header) :]
    return bytes(data)


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_headers_with_flipped_bytes_and_extreme_fields_load_or_are_refused(seed):
    chance = random.Random(seed)
    accepted = refused = 0
    for _ in range(2500):
        for loaded in outcome(mutated(SEEDS[seed], chance, len(SEEDS[seed]))):
            accepted += loaded is not None
            refused += loaded is None
    assert accepted > 100 and refused > 100  # the mutations reach both sides


SETUP_HEADER = slice(0x1F1, 0x268)


def test_setup_headers_with_flipped_bytes_and_extreme_fields_load_or_are_refused():
    chance = random.Random(0)
    whole = bzimage(pref_address=MIB, kernel_alignment=0x1000, init_size=0x1000, initrd_addr_max=2 * MIB, xloadflags=1)
    [row] = [row for row in loaders.FORMATS if row.name == "bzimage"]
    accepted = refused = 0
    for _ in range(1500):
        header = mutated(whole[SETUP_HEADER], chance, SETUP_HEADER.stop - SETUP_HEADER.start)
        data = whole[: SETUP_HEADER.start] + header + whole[SETUP_HEADER.start + len(header) :]
        try:
            loaded = row.load(image.Image(image.Path("fuzzed"), data), Bounds(), image.Options("a=1"))
        except VmmError as error:
            assert "fuzzed: " in str(error) and "\n" not in str(error)
            refused += 1
        else:
            assert MIB <= loaded.entry.pc < loaded.highest <= 2 * MIB
            accepted += 1
    assert accepted > 100 and refused > 100


ARM_RAM = 8 * MIB
ARM_PARTS = [Part(ARM_BASE, LOOP["arm"] * 4), Part(ARM_BASE + MIB, b"data", memory_size=0x800)]
ARM_SEEDS = [
    ("arm", Elf(ARM_PARTS, 32, machine=40).build(), 120),
    ("arm64", Elf(ARM_PARTS, 64, machine=183).build(), 180),
    ("arm64", arm_image(), 64),
    ("arm", zimage(), 52),
]


def arm_outcome(data, arch):
    """Load `data` as each format there is: the image, or None for each one line."""
    results = []
    for row in loaders.FORMATS:
        tree = Tree()
        memory = Bounds(ARM_BASE, ARM_RAM)
        options = image.Options("a=1", architecture=arch, device_tree=tree)
        try:
            loaded = row.load(image.Image(image.Path("fuzzed"), data), memory, options)
        except VmmError as error:
            assert str(error).startswith("fuzzed: ") and "\n" not in str(error)
            results.append(None)
            continue
        place = loaded.entry.registers["x0" if arch == "arm64" else "r2"]
        assert (loaded.entry.mode, tree.told) == (arch, [None])
        assert ARM_BASE <= loaded.entry.pc < loaded.highest <= ARM_BASE + ARM_RAM
        assert ARM_BASE <= place < place + len(tree.blob) <= loaded.highest
        results.append(loaded)
    return results


@pytest.mark.parametrize("seed", range(len(ARM_SEEDS)))
def test_arm_headers_with_flipped_bytes_and_extreme_fields_load_or_are_refused(seed):
    chance = random.Random(seed)
    arch, data, header = ARM_SEEDS[seed]
    named = ("elf", "elf", "arm_image", "zimage")[seed]
    accepted = refused = 0
    for _ in range(1500):
        results = arm_outcome(mutated(data, chance, header), arch)
        own = next(loaded for row, loaded in zip(loaders.FORMATS, results, strict=True) if row.name == named)
        accepted += own is not None
        refused += own is None
    assert accepted > 100 and refused > 100


U32, U64 = st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 64) - 1)
NEAR = st.integers(0, 2 * ARM_RAM)


@pytest.mark.slow
@given(U64 | NEAR, U64 | NEAR, U64)
@settings(max_examples=500)
def test_random_fields_of_an_arm64_image_load_or_are_refused(text_offset, image_size, flags):
    arm_outcome(arm_image(text_offset, image_size, flags), "arm64")


@pytest.mark.slow
@given(U32, U32, U32)
@settings(max_examples=500)
def test_random_fields_of_a_zimage_load_or_are_refused(start, end, order):
    arm_outcome(zimage(start, end, order), "arm")


@pytest.mark.slow
@given(st.binary(max_size=700), st.sampled_from(["arm", "arm64"]))
@settings(max_examples=500)
def test_random_bytes_load_or_are_refused_on_arm_and_say_at_most_what_they_are_for(data, arch):
    arm_outcome(data, arch)
    start = image.Image(image.Path("fuzzed"), data)
    assert all(row.architecture(start) in (None, *ARCHITECTURES) for row in loaders.FORMATS if row.matches(start))


@pytest.mark.slow
@given(st.binary(max_size=300))
@settings(max_examples=1000)
def test_random_bytes_behind_an_elf_magic_load_or_are_refused(tail):
    outcome(b"\x7fELF" + tail)


@pytest.mark.slow
@given(st.integers(0, 0xFFFFFFFF), st.lists(st.integers(0, 0xFFFFFFFF), max_size=5), st.binary(max_size=100))
@settings(max_examples=1000)
def test_random_fields_behind_a_right_multiboot_checksum_load_or_are_refused(flags, addresses, tail):
    outcome(multiboot_header(flags, *addresses) + tail)


def test_the_most_program_headers_with_the_largest_segments_take_no_time():
    header = bytearray(Elf().build()[:52])
    struct.pack_into("<H", header, 44, 0xFFFF)
    row = struct.pack("<8I", 1, 52, 0, 0, 1, 2 * MIB, 7, 1)
    assert outcome(bytes(header) + row * 0xFFFF) == [None, None]
