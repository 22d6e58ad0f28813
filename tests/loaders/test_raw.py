"""Boot sectors and flat images."""

import pytest

from vmm.errors import VmmError
from vmm.loaders import load

from .handmade_images import CODE, MIB, Ram, boot_sector


@pytest.fixture
def image(tmp_path):
    def make(data):
        (tmp_path / "image.bin").write_bytes(data)
        return tmp_path / "image.bin"

    return make


def test_a_boot_sector_starts_at_7c00_in_real_mode_with_the_first_disk_in_dl(image):
    ram = Ram()
    loaded = load(image(boot_sector()), ram)
    assert (loaded.entry.mode, loaded.entry.cs, loaded.entry.pc) == ("real", 0, 0x7C00)
    assert loaded.entry.registers["edx"] & 0xFF == 0x80
    assert ram.read(0x7C00, 512) == boot_sector()
    assert (loaded.arch, loaded.board, loaded.symbols) == ("x86", "pc", None)


def test_a_boot_sectors_stack_lies_below_it(image):
    assert 0x500 < load(image(boot_sector()), Ram()).entry.registers["esp"] <= 0x7C00


def test_sectors_behind_the_first_are_loaded_with_it(image):
    ram = Ram()
    data = boot_sector(sectors=3)[:-4] + b"tail"
    assert load(image(data), ram).highest == 0x7C00 + 3 * 512
    assert ram.read(0x7C00 + 3 * 512 - 4, 4) == b"tail"


def test_a_boot_sector_image_must_end_below_the_extended_bios_data_area(image):
    most = (0x9FC00 - 0x7C00) // 512
    assert load(image(boot_sector(sectors=most)), Ram()).highest == 0x9FC00
    with pytest.raises(VmmError, match="do not fit between 0x7c00 and 0x9fc00"):
        load(image(boot_sector(sectors=most + 1)), Ram())


@pytest.mark.parametrize(
    ("address", "mode", "cs", "pc"),
    [
        (None, "real", 0, 0x7C00),
        (0, "real", 0, 0),
        (0xFFFF, "real", 0, 0xFFFF),
        (0x10000, "real", 0x1000, 0),
        (0x12345, "real", 0x1234, 5),
        (0xFFFFF, "real", 0xFFFF, 0xF),
        (MIB, "protected32", 0, MIB),
    ],
)
def test_a_flat_image_is_entered_at_its_first_byte_in_the_mode_that_reaches_it(image, address, mode, cs, pc):
    ram = Ram()
    entry = load(image(CODE), ram, load_address=address, format="flat").entry
    assert (entry.mode, entry.cs, entry.pc) == (mode, cs, pc)
    assert ram.read(0x7C00 if address is None else address, len(CODE)) == CODE


def test_a_flat_image_may_end_with_ram_and_not_behind_it(image):
    assert load(image(CODE), Ram(), load_address=4 * MIB - 4).highest == 4 * MIB
    with pytest.raises(VmmError, match=r"flat image at 0x3ffffd-0x400000 is outside RAM \(0-0x3fffff\)"):
        load(image(CODE), Ram(), load_address=4 * MIB - 3)


def test_a_negative_address_is_refused(image):
    with pytest.raises(VmmError, match="load address -1 is negative"):
        load(image(CODE), Ram(), load_address=-1)
