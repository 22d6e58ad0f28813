"""Linux's two ARM image formats, field by field as its documentation has them."""

import pytest

from vmm.errors import VmmError
from vmm.loaders import identify, load

from .handmade_images import ARM_BASE, MIB, ArmRam, Tree, arm_image, zimage


@pytest.fixture
def boot(tmp_path):
    def boot(data, arch="arm64", ram=None, tree=None, **options):
        (tmp_path / "Image").write_bytes(data)
        return load(tmp_path / "Image", ram or ArmRam(), architecture=arch, device_tree=tree or Tree(), **options)

    return boot


def test_both_are_known_by_their_magic():
    assert identify(arm_image(), "Image") == "arm_image"
    assert identify(zimage(), "zImage") == "zimage"


@pytest.mark.parametrize("text_offset", [0, 0x80000, 0x200000])
def test_an_image_stands_its_text_offset_from_the_start_of_ram(boot, text_offset):
    ram = ArmRam()
    entry = boot(arm_image(text_offset), ram=ram).entry
    assert (entry.mode, entry.pc) == ("arm64", ARM_BASE + text_offset)
    assert ram.read(ARM_BASE + text_offset, 0x1000) == arm_image(text_offset)


def test_the_base_an_image_counts_from_is_a_multiple_of_2_mib(boot):
    assert boot(arm_image(0x1000), ram=ArmRam(base=ARM_BASE + MIB)).entry.pc == ARM_BASE + 2 * MIB + 0x1000


def test_all_that_an_image_asks_for_is_zeroed_and_kept_free(boot):
    ram = ArmRam()
    registers = boot(arm_image(image_size=40 * MIB + 1), ram=ram).entry.registers
    assert ram.read(ARM_BASE + 0x1000, MIB) == bytes(MIB)
    assert registers["x0"] == ARM_BASE + 42 * MIB


def test_an_image_that_counts_less_than_its_file_is_loaded_whole(boot):
    ram = ArmRam()
    boot(arm_image(image_size=0x100), ram=ram)
    assert ram.read(ARM_BASE, 0x1000) == arm_image(image_size=0x100)


def test_an_image_from_before_linux_3_17_stands_512_kib_in_whatever_its_other_fields_are(boot):
    assert boot(arm_image(text_offset=0x80000 << 40, image_size=0, flags=1)).entry.pc == ARM_BASE + 0x80000


def test_the_tree_of_an_image_begins_at_2_mib_where_the_kernel_maps_it(boot, tmp_path):
    (tmp_path / "initrd").write_bytes(b"x" * 5000)
    tree = Tree()
    registers = boot(arm_image(), tree=tree, initrd=[tmp_path / "initrd"]).entry.registers
    assert tree.told == [(ARM_BASE + 32 * MIB, ARM_BASE + 32 * MIB + 5000)]
    assert registers["x0"] == ARM_BASE + 34 * MIB


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (arm_image()[:60], "truncated: 60 bytes are less than an Image header"),
        (arm_image(flags=0xB), "offset 0x18: a big-endian kernel; only little-endian ones boot here"),
        (arm_image(text_offset=0x80002), "offset 0x8: text offset 0x80002 is no instruction's"),
        (
            arm_image(image_size=64 * MIB + 1),
            "offset 0x10: kernel at 0x40000000-0x44000000 is outside RAM (0x40000000-0x43ffffff)",
        ),
        (arm_image(text_offset=1 << 63), "offset 0x10: kernel at 0x8000000040000000-"),
        (arm_image(image_size=(1 << 64) - 1), "offset 0x10: kernel at 0x40000000-0x1000000003ffffffe is outside RAM"),
        (arm_image(image_size=64 * MIB), "no room for a device tree of 9 bytes in 0x40000000-0x43ffffff"),
    ],
)
def test_a_wrong_image_is_one_line_that_says_what_and_where(boot, data, line):
    with pytest.raises(VmmError) as error:
        boot(data)
    assert f"Image: {line}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("format", "arch", "line"),
    [
        ("arm_image", "arm64", "offset 0x38: not an arm64 Image: magic 6e6f6e65 instead of 41524d64"),
        ("zimage", "arm", "offset 0x24: not a zImage: magic 00000000 instead of 18286f01"),
    ],
)
def test_a_bad_magic_is_shown_beside_the_right_one(boot, format, arch, line):
    with pytest.raises(VmmError, match=line):
        boot(arm_image(magic=b"none"), arch, format=format)


def test_a_zimage_stands_64_kib_into_ram(boot):
    ram = ArmRam()
    entry = boot(zimage(), "arm", ram).entry
    assert (entry.mode, entry.pc) == ("arm", ARM_BASE + 0x10000)
    assert ram.read(ARM_BASE + 0x10000, 0x1000) == zimage()


def test_a_zimage_linked_to_an_address_stands_there(boot):
    start = ARM_BASE + 32 * MIB
    assert boot(zimage(start, start + 0x1000), "arm").entry.pc == start


def test_what_is_appended_to_a_zimage_comes_with_it(boot):
    ram = ArmRam()
    boot(zimage() + b"tree", "arm", ram)
    assert ram.read(ARM_BASE + 0x11000, 4) == b"tree"


def test_nothing_is_put_where_a_zimage_unpacks_its_kernel(boot):
    ram = ArmRam()
    assert boot(zimage(), "arm", ram, Tree(bytes(32 * MIB))).entry.registers["r2"] == ARM_BASE + 32 * MIB
    with pytest.raises(VmmError, match="no room for a device tree of 33554433 bytes"):
        boot(zimage(), "arm", ArmRam(), Tree(bytes(32 * MIB + 1)))


def test_what_a_zimage_is_handed_lies_in_the_760_mib_it_maps(boot):
    most = (760 - 128) * MIB
    assert boot(zimage(), "arm", ArmRam(1024 * MIB), Tree(bytes(most))).highest == ARM_BASE + 760 * MIB
    with pytest.raises(VmmError, match=r"no room for a device tree of .* bytes in 0x40000000-0x6f7fffff"):
        boot(zimage(), "arm", ArmRam(1024 * MIB), Tree(bytes(most + 1)))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (zimage()[:48], "truncated: 48 bytes are less than a zImage header"),
        (zimage(order=0x01020304), "offset 0x30: a big-endian kernel; only little-endian ones boot here"),
        (zimage(8, 8), "offset 0x2c: zImage end 0x8 is not behind its start 0x8"),
        (zimage(end=0x1001), "offset 0x2c: truncated: the zImage is of 4097 bytes, the file of 4096"),
        (zimage(2, 0x1002), "offset 0x28: zImage start 0x2 is no instruction's"),
        (zimage(0x100, 0x1000), "offset 0x28: zImage at 0x100-0x10ff is outside RAM (0x40000000-0x43ffffff)"),
    ],
)
def test_a_wrong_zimage_is_one_line_that_says_what_and_where(boot, data, line):
    with pytest.raises(VmmError) as error:
        boot(data, "arm")
    assert f"Image: {line}" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_byte_order_word_of_a_kernel_too_old_to_have_it_may_be_anything(boot):
    assert boot(zimage(order=0xE1A07001), "arm").format == "zimage"
