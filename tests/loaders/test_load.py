"""The table of formats, and files that are none."""

import subprocess
import sys

import pytest

from vmm.errors import VmmError
from vmm.loaders import identify, load

from .handmade_images import MIB, Elf, Ram, boot_sector, multiboot_elf


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (multiboot_elf(), "multiboot"),
        (Elf().build(), "elf"),
        (boot_sector(), "boot_sector"),
        (boot_sector()[:511], "flat"),
        (boot_sector() + b"\0", "flat"),
        (b"\xf4", "flat"),
    ],
)
def test_a_format_is_known_by_its_bytes_and_the_most_telling_one_wins(data, name):
    assert identify(data, "image") == name


def test_a_load_address_says_that_the_file_is_flat_whatever_it_looks_like(tmp_path):
    (tmp_path / "image").write_bytes(boot_sector())
    loaded = load(tmp_path / "image", Ram(), load_address=0x9000)
    assert (loaded.format, loaded.entry.pc) == ("flat", 0x9000)


def test_a_format_can_be_chosen_over_the_one_the_bytes_suggest(tmp_path):
    (tmp_path / "image").write_bytes(multiboot_elf())
    assert load(tmp_path / "image", Ram(), format="elf").entry.registers == {}


def test_an_unknown_format_suggests_the_nearest(tmp_path):
    (tmp_path / "image").write_bytes(b"x")
    with pytest.raises(VmmError, match="unknown image format 'multibot'; did you mean 'multiboot'"):
        load(tmp_path / "image", Ram(), format="multibot")


@pytest.mark.parametrize("format", ["elf", "boot_sector", "multiboot"])
def test_a_chosen_format_that_the_file_is_not_is_one_line(tmp_path, format):
    (tmp_path / "image").write_bytes(b"plain text")
    with pytest.raises(VmmError, match=r"image: not an? .*") as error:
        load(tmp_path / "image", Ram(), format=format)
    assert "\n" not in str(error.value)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(VmmError, match="nowhere: image not found"):
        load(tmp_path / "nowhere", Ram())


def test_a_directory_is_no_image(tmp_path):
    with pytest.raises(VmmError, match="this is a directory"):
        load(tmp_path, Ram())


def test_an_endless_device_is_no_image():
    with pytest.raises(VmmError, match="/dev/zero: image expected"):
        load("/dev/zero", Ram())


def test_an_empty_image_is_named(tmp_path):
    (tmp_path / "void").write_bytes(b"")
    with pytest.raises(VmmError, match="void: empty image"):
        load(tmp_path / "void", Ram())


@pytest.mark.parametrize("name", ["no\0name", "x" * 5000])
def test_a_name_that_no_file_can_have_is_one_line(name):
    with pytest.raises(VmmError):
        load(name, Ram())


def test_a_sparse_file_larger_than_any_image_is_refused_unread(tmp_path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(VmmError, match="1099511627776 bytes does not fit"):
        load(tmp_path / "huge", Ram())


@pytest.mark.parametrize("data", [boot_sector(), Elf().build(), b"\xf4"])
@pytest.mark.parametrize("arguments", [{"append": "x=1"}, {"initrd": ["env"]}])
def test_a_command_line_or_module_that_nobody_would_see_is_refused(tmp_path, data, arguments):
    (tmp_path / "image").write_bytes(data)
    with pytest.raises(VmmError, match="takes neither a command line nor modules; multiboot does"):
        load(tmp_path / "image", Ram(), **arguments)


@pytest.mark.parametrize("format", ["elf", "boot_sector", "multiboot"])
def test_only_a_flat_image_takes_an_address(tmp_path, format):
    (tmp_path / "image").write_bytes(multiboot_elf())
    with pytest.raises(VmmError, match=f"a load address is for flat images; this is loaded as {format}"):
        load(tmp_path / "image", Ram(), load_address=MIB, format=format)


def test_loading_any_format_leaves_pyelftools_alone(tmp_path):
    (tmp_path / "image").write_bytes(multiboot_elf())
    script = (
        "import sys; from vmm.loaders import load\n"
        "class Ram:\n  base = rom_size = 0\n  size = 1 << 22\n  def write(self, address, data): pass\n"
        "load(sys.argv[1], Ram()); sys.exit('elftools' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path / "image"], check=False).returncode == 0
