"""ARM machines: ELF and flat images, what they are handed, and images that belong to another machine."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vmm.errors import VmmError
from vmm.loaders import architecture, identify, load
from vmm.loaders.handover import Kernel, hand_over
from vmm.loaders.image import Image, Options
from vmm.machine.config import Config
from vmm.machine.machine import Machine

from .handmade_images import (
    ARM_BASE,
    LOOP,
    MIB,
    ArmRam,
    Elf,
    Part,
    Ram,
    Tree,
    arm_elf,
    arm_image,
    boot_sector,
    multiboot_elf,
    zimage,
)

PAGE = 0x1000


@pytest.fixture
def boot(tmp_path):
    def boot(data, arch="arm64", ram=None, tree=None, **options):
        (tmp_path / "kernel").write_bytes(data)
        memory = ram or ArmRam()
        return load(tmp_path / "kernel", memory, architecture=arch, device_tree=tree or Tree(), **options)

    return boot


@pytest.fixture
def initrd(tmp_path):
    def make(data=b"NR_CPUS=2\n", name="env"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return make


@pytest.mark.parametrize("arch", ["arm", "arm64"])
def test_an_elf_goes_to_its_physical_addresses_and_is_entered_there(boot, arch):
    ram = ArmRam()
    bits, machine = {"arm": (32, 40), "arm64": (64, 183)}[arch]
    part = Part(ARM_BASE + MIB, LOOP[arch] * 2, memory_size=0x100, virtual=0xC0100000)
    loaded = boot(Elf([part], bits, 0xC0100004, machine).build(), arch, ram)
    assert (loaded.format, loaded.arch, loaded.board) == ("elf", arch, "virt")
    assert (loaded.entry.mode, loaded.entry.cs, loaded.entry.pc) == (arch, 0, ARM_BASE + MIB + 4)
    assert ram.read(ARM_BASE + MIB, 8) == LOOP[arch] * 2
    assert ram.read(ARM_BASE + MIB + 8, 0xF8) == bytes(0xF8)
    assert loaded.symbols is not None


@pytest.mark.parametrize("arch", ["arm", "arm64"])
def test_an_entry_that_is_no_virtual_address_is_a_physical_one(boot, arch):
    """As linker scripts of kernels say it: ENTRY is a symbol less the offset of the kernel's mapping."""
    bits, machine = {"arm": (32, 40), "arm64": (64, 183)}[arch]
    part = Part(ARM_BASE + MIB, LOOP[arch] * 2, virtual=0xC0100000)
    assert boot(Elf([part], bits, ARM_BASE + MIB + 4, machine).build(), arch).entry.pc == ARM_BASE + MIB + 4
    with pytest.raises(VmmError, match="the entry point 0x40100008 is in no loaded segment"):
        boot(Elf([part], bits, ARM_BASE + MIB + 8, machine).build(), arch)


def test_of_two_meanings_of_an_entry_the_virtual_one_counts(boot):
    parts = [Part(ARM_BASE, LOOP["arm64"]), Part(ARM_BASE + MIB, LOOP["arm64"], virtual=ARM_BASE)]
    parts[0].virtual = ARM_BASE + MIB
    assert boot(Elf(parts, 64, ARM_BASE, 183).build()).entry.pc == ARM_BASE + MIB


def test_bit_0_of_an_arm_entry_says_thumb_and_stays_in_the_pc(boot):
    part = Part(ARM_BASE + MIB, LOOP["arm"] * 2, virtual=0x8000)
    assert boot(Elf([part], 32, 0x8003, 40).build(), "arm").entry.pc == ARM_BASE + MIB + 3


@pytest.mark.parametrize(("arch", "entry"), [("arm", 2), ("arm64", 1), ("arm64", 2)])
def test_an_entry_between_two_instructions_is_one_line(boot, arch, entry):
    line = f"kernel: offset 0x18: no instruction can be at the entry point {ARM_BASE + entry:#x}"
    with pytest.raises(VmmError, match=line):
        boot(arm_elf(arch, entry=ARM_BASE + entry), arch)


@pytest.mark.parametrize("address", [0, ARM_BASE - 4, ARM_BASE + 64 * MIB - 60])
def test_a_segment_outside_ram_is_named_with_the_rams_range(boot, address):
    with pytest.raises(VmmError, match=rf"segment 0 at {address:#x}-.* is outside RAM \(0x40000000-0x43ffffff\)"):
        boot(arm_elf(physical=address))


@pytest.mark.parametrize(("arch", "offset"), [("arm", 0x10000), ("arm64", 0x80000)])
def test_a_flat_image_stands_where_linux_kernels_used_to(boot, arch, offset):
    ram = ArmRam()
    loaded = boot(LOOP[arch], arch, ram)
    assert (loaded.format, loaded.entry.mode, loaded.entry.pc) == ("flat", arch, ARM_BASE + offset)
    assert ram.read(ARM_BASE + offset, 4) == LOOP[arch]
    assert loaded.symbols is None


def test_a_flat_image_stands_at_its_load_address_if_it_has_one(boot):
    ram = ArmRam()
    assert boot(LOOP["arm"], "arm", ram, load_address=ARM_BASE + 0x1234).entry.pc == ARM_BASE + 0x1234
    assert ram.read(ARM_BASE + 0x1234, 4) == LOOP["arm"]


@pytest.mark.parametrize(
    ("address", "line"),
    [
        (-4, "load address -4 is negative"),
        (ARM_BASE + 2, "load address 0x40000002 is not a multiple of 4"),
        (0x80000, r"flat image at 0x80000-0x80003 is outside RAM \(0x40000000-0x43ffffff\)"),
        (ARM_BASE + 64 * MIB, "flat image at 0x44000000-0x44000003 is outside RAM"),
    ],
)
def test_a_load_address_that_cannot_be_is_one_line(boot, address, line):
    with pytest.raises(VmmError, match=line):
        boot(LOOP["arm64"], load_address=address)


@pytest.mark.parametrize(
    ("arch", "data", "line"),
    [
        ("arm64", b"\x1f\x8b\x08\0", "kernel: compressed with gzip: gzip -dc .*kernel > kernel.unpacked"),
        ("arm64", b"MZ" + bytes(54) + b"BAD!" + bytes(4), "kernel: offset 0x38: an EFI program whose magic '42414421'"),
        ("arm", b"MZ" + bytes(34) + b"BAD!" + bytes(24), "kernel: offset 0x24: an EFI program whose magic '42414421'"),
    ],
)
def test_a_spoiled_or_packed_kernel_is_no_flat_image_unless_an_address_says_so(boot, arch, data, line):
    with pytest.raises(VmmError, match=line):
        boot(data, arch)
    assert boot(data, arch, load_address=ARM_BASE).format == "flat"


@pytest.mark.parametrize("data", [arm_elf(), LOOP["arm64"], arm_image()])
def test_an_arm64_image_finds_the_tree_by_x0_and_zero_elsewhere(boot, data):
    ram = ArmRam()
    tree = Tree()
    entry = boot(data, "arm64", ram, tree).entry
    assert ram.read(entry.registers["x0"], len(tree.blob)) == tree.blob
    assert set(entry.registers) == {"x0"}


@pytest.mark.parametrize("data", [arm_elf("arm"), LOOP["arm"], zimage()])
def test_an_arm_image_finds_the_tree_by_r2_and_no_machine_type(boot, data):
    ram = ArmRam()
    tree = Tree()
    registers = boot(data, "arm", ram, tree).entry.registers
    assert ram.read(registers["r2"], len(tree.blob)) == tree.blob
    assert (registers["r0"], registers["r1"]) == (0, 0xFFFFFFFF)


IMAGES = [("arm64", arm_elf()), ("arm64", LOOP["arm64"]), ("arm64", arm_image()), ("arm", zimage())]


@pytest.mark.parametrize(("arch", "data"), IMAGES)
def test_the_initrd_lies_between_the_kernel_and_the_tree_which_is_told_where(boot, initrd, arch, data):
    ram = ArmRam()
    tree = Tree()
    content = b"A=1\n" * 2000
    loaded = boot(data, arch, ram, tree, initrd=[initrd(content)], append="console=ttyAMA0")
    ((start, end),) = tree.told
    assert ram.read(start, end - start) == content
    assert start % PAGE == 0
    place = loaded.entry.registers["x0" if arch == "arm64" else "r2"]
    assert loaded.entry.pc < start < end <= place < place + len(tree.blob) == loaded.highest


@pytest.mark.parametrize(("arch", "data"), IMAGES)
def test_without_an_initrd_or_with_an_empty_one_the_tree_is_told_of_none(boot, initrd, arch, data):
    tree = Tree()
    boot(data, arch, tree=tree)
    boot(data, arch, tree=tree, initrd=[initrd(b"")])
    assert tree.told == [None, None]


@pytest.mark.parametrize(("ram", "offset"), [(16, 8), (256, 128), (1024, 128)])
def test_the_initrd_lies_128_mib_into_ram_or_half_way(boot, initrd, ram, offset):
    tree = Tree()
    boot(LOOP["arm64"], ram=ArmRam(ram * MIB), tree=tree, initrd=[initrd()])
    assert tree.told[0][0] == ARM_BASE + offset * MIB


def test_without_a_board_to_ask_there_is_no_tree(tmp_path):
    (tmp_path / "kernel").write_bytes(LOOP["arm64"])
    ram = ArmRam()
    loaded = load(tmp_path / "kernel", ram, architecture="arm64")
    assert loaded.entry.registers == {"x0": 0}
    assert list(ram.writes) == [ARM_BASE + 0x80000]


def test_a_kernel_across_the_usual_place_pushes_the_others_behind_it(boot, initrd):
    tree = Tree()
    boot(arm_elf(physical=ARM_BASE + MIB, size=40 * MIB), tree=tree, initrd=[initrd()])
    assert tree.told == [(ARM_BASE + 41 * MIB, ARM_BASE + 41 * MIB + 10)]


def test_a_kernel_that_reaches_to_the_end_of_ram_leaves_its_start_to_the_others(boot, initrd):
    tree = Tree()
    elf = arm_elf(physical=ARM_BASE + MIB, size=63 * MIB)
    entry = boot(elf, tree=tree, initrd=[initrd()]).entry
    assert tree.told == [(ARM_BASE, ARM_BASE + 10)]
    assert entry.registers["x0"] == ARM_BASE + PAGE


@pytest.mark.parametrize("arch", ["arm", "arm64"])
@pytest.mark.parametrize(
    ("offset", "at_start"), [(0, False), (0x80000, False), (MIB - 4, False), (MIB, True), (40 * MIB, True)]
)
def test_an_elf_that_leaves_the_first_mib_of_ram_finds_the_tree_there(boot, arch, offset, at_start):
    """QEMU, arm_load_kernel: 7.2 puts none there for an ELF within 1 MiB, the size of its blob."""
    ram, tree = ArmRam(), Tree()
    registers = boot(arm_elf(arch, ARM_BASE + offset), arch, ram, tree).entry.registers
    place = registers["x0" if arch == "arm64" else "r2"]
    assert place == (ARM_BASE if at_start else ARM_BASE + 32 * MIB)
    assert ram.read(place, len(tree.blob)) == tree.blob


def test_firmware_in_flash_finds_the_tree_at_the_start_of_ram_and_linux_does_not(tmp_path):
    """As with QEMU's -bios; what QEMU starts as Linux has it where the initrd ends."""
    for address, place in ((0, ARM_BASE), (0x4000000, ARM_BASE), (ARM_BASE + 2 * MIB, ARM_BASE + 8 * MIB)):
        machine = Machine(Config(board="virt", memory=16 * MIB))
        (tmp_path / "firmware").write_bytes(LOOP["arm64"])
        machine.load(tmp_path / "firmware", load_address=address)
        assert machine.memory.read(place, 4) == machine.memory.read(machine.cpu["x0"], 4) == b"\xd0\x0d\xfe\xed"
        assert machine.cpu["x0"] == place


def test_a_tree_larger_than_what_is_free_at_the_start_lies_elsewhere(boot):
    ram = ArmRam()
    entry = boot(arm_elf(physical=ARM_BASE + MIB), ram=ram, tree=Tree(b"t" * (MIB + 1))).entry
    assert entry.registers["x0"] == ARM_BASE + 32 * MIB


def test_a_second_initrd_is_refused_by_name(boot, initrd):
    with pytest.raises(VmmError, match="two: a second initrd; kernel can be handed only one"):
        boot(LOOP["arm64"], initrd=[initrd(), initrd(name="two")])


def test_a_missing_initrd_is_named(boot):
    with pytest.raises(VmmError, match="nowhere: initrd not found"):
        boot(LOOP["arm64"], initrd=["nowhere"])


def test_an_initrd_that_does_not_fit_is_named_with_its_size_and_the_ram(boot, initrd):
    with pytest.raises(VmmError, match=r"env: no room for an initrd of 1048576 bytes beside .*kernel in 0x40000000-0x"):
        boot(LOOP["arm64"], ram=ArmRam(MIB), initrd=[initrd(bytes(MIB))])
    with pytest.raises(VmmError, match="env: initrd of 1048577 bytes does not fit: there is room for 1048576"):
        boot(LOOP["arm64"], ram=ArmRam(MIB), initrd=[initrd(bytes(MIB + 1))])


def test_a_tree_that_does_not_fit_is_one_line(boot):
    line = "kernel: no room for a device tree of 1048576 bytes in 0x40000000-0x400fffff"
    with pytest.raises(VmmError, match=line):
        boot(LOOP["arm64"], ram=ArmRam(MIB), tree=Tree(bytes(MIB)))


@st.composite
def layouts(draw):
    """RAM of some pages, a few kernel ranges in it, and sizes of an initrd and a tree."""
    pages = draw(st.integers(1, 40))
    edges = sorted(draw(st.lists(st.integers(0, pages * PAGE), max_size=6, unique=True)))
    taken = [(ARM_BASE + a, ARM_BASE + b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    return pages, taken or [(ARM_BASE, ARM_BASE + 1)], draw(st.integers(1, 3)), draw(st.integers(1, 3 * PAGE))


@pytest.mark.slow
@given(layouts(), st.sampled_from([PAGE, 4 * PAGE]))
@settings(max_examples=300)
def test_wherever_a_kernel_lies_the_tree_takes_a_free_aligned_place_if_there_is_any(layout, alignment):
    pages, taken, _, size = layout
    ram = ArmRam(pages * PAGE)
    starts = range(ARM_BASE, ram.base + ram.size - size + 1, alignment)
    free = [at for at in starts if all(end <= at or at + size <= start for start, end in taken)]
    kernel = Kernel("flat", taken[0][0], taken, tree_alignment=alignment)
    options = Options(architecture="arm64", device_tree=Tree(b"t" * size))
    image = Image(Path("kernel"), b"")
    if not free:
        with pytest.raises(VmmError, match="no room for a device tree"):
            hand_over(image, ram, options, kernel)
        return
    usual = [at for at in free if at >= ARM_BASE + pages * PAGE // 2]
    assert hand_over(image, ram, options, kernel).entry.registers["x0"] == (usual or free)[0]


@pytest.mark.slow
@given(layouts())
@settings(max_examples=300)
def test_kernel_initrd_and_tree_never_overlap(tmp_path_factory, layout):
    pages, taken, initrd_pages, size = layout
    assume(pages > 2)
    path = tmp_path_factory.getbasetemp() / "initrd"
    path.write_bytes(b"i" * initrd_pages * 1000)
    ram = ArmRam(pages * PAGE)
    tree = Tree(b"t" * size)
    options = Options(initrd=(str(path),), architecture="arm", device_tree=tree)
    try:
        loaded = hand_over(Image(Path("kernel"), b""), ram, options, Kernel("flat", taken[0][0], taken))
    except VmmError as error:
        assert "no room for" in str(error)
        return
    place = loaded.entry.registers["r2"]
    spans = sorted([*taken, *tree.told, (place, place + size)])
    assert all(low[1] <= high[0] for low, high in pairwise(spans))
    assert loaded.highest == spans[-1][1] <= ram.base + ram.size


KINDS = {
    "multiboot": ("x86", multiboot_elf()),
    "elf32": ("x86", Elf().build()),
    "elf64": ("x86", Elf(bits=64).build()),
    "sector": ("x86", boot_sector()),
    "arm_elf": ("arm", arm_elf("arm")),
    "zimage": ("arm", zimage()),
    "arm64_elf": ("arm64", arm_elf()),
    "image": ("arm64", arm_image()),
}
LINES = {
    ("x86", "arm"): "an x86 image; this machine is ARM (use --board pc)",
    ("x86", "arm64"): "an x86 image; this machine is AArch64 (use --board pc)",
    ("arm", "x86"): "an ARM image; this machine is x86 (use --board virt)",
    ("arm", "arm64"): "an ARM image; this machine is AArch64 (use --cpu cortex-a15)",
    ("arm64", "x86"): "an AArch64 image; this machine is x86 (use --board virt)",
    ("arm64", "arm"): "an AArch64 image; this machine is ARM (use --cpu cortex-a57)",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("machine", ["x86", "arm", "arm64"])
def test_an_image_boots_on_its_own_architecture_and_is_one_line_on_every_other(tmp_path, kind, machine):
    arch, data = KINDS[kind]
    (tmp_path / "kernel").write_bytes(data)
    ram = Ram() if machine == "x86" else ArmRam()
    if machine == arch:
        assert load(tmp_path / "kernel", ram, architecture=machine).arch == machine
        return
    with pytest.raises(VmmError) as error:
        load(tmp_path / "kernel", ram, architecture=machine)
    assert str(error.value).startswith(f"{tmp_path / 'kernel'}: offset 0x")
    assert str(error.value).endswith(": " + LINES[arch, machine])


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_says_what_it_is_for_by_its_start(tmp_path, kind):
    arch, data = KINDS[kind]
    with (tmp_path / "kernel").open("wb") as file:
        file.write(data)
        file.truncate(1 << 29)
    assert architecture(tmp_path / "kernel") == arch


@pytest.mark.parametrize(
    "data",
    [LOOP["arm64"], b"", b"\x7fELF", Elf(machine=243).build(), boot_sector() + b"\0", arm_image(magic=b"none")],
)
def test_a_file_that_does_not_say_is_for_no_architecture_in_particular(tmp_path, data):
    (tmp_path / "kernel").write_bytes(data)
    assert architecture(tmp_path / "kernel") is None


def test_a_big_endian_elf_is_told_by_its_own_byte_order(tmp_path):
    (tmp_path / "kernel").write_bytes(b"\x7fELF\x01\x02\x01" + bytes(9) + b"\0\2" + b"\0\x28")
    assert architecture(tmp_path / "kernel") == "arm"


def test_asking_for_the_architecture_of_nothing_is_one_line(tmp_path):
    with pytest.raises(VmmError, match="nowhere: image not found"):
        architecture(tmp_path / "nowhere")
    with pytest.raises(VmmError, match="this is a directory"):
        architecture(tmp_path)


def test_a_multiboot_pattern_in_an_arm_elf_is_chance():
    header = multiboot_elf()[84:96]
    data = Elf([Part(ARM_BASE, LOOP["arm64"] + header)], 64, machine=183).build()
    assert identify(data, "kernel") == "elf"
