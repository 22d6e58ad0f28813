"""Files that are no images are named for what they are, with what to do; the magic numbers are those of their formats'
documents (Linux x86 boot protocol 1.1, ECMA-119 8.4, RFC 1952, PE/COFF 3, gABI 4.1 and so on).
"""

import bz2
import gzip
import lzma

import pytest

from vmm.cli import main
from vmm.errors import VmmError
from vmm.loaders import check, load

from .handmade_images import CODE, LOOP, ArmRam, Elf, Part, Ram, arm_image, boot_sector

MIB = 1 << 20


def at(offset: int, data: bytes, size: int = 0x9000, **more: bytes) -> bytes:
    whole = bytearray(size)
    whole[offset : offset + len(data)] = data
    for place, bytes_ in more.items():
        start = int(place.removeprefix("at_"), 16)
        whole[start : start + len(bytes_)] = bytes_
    return bytes(whole)


SECTOR_END = {"at_1fe": b"\x55\xaa"}
NASM = b"bits 32\nglobal _start\n_start: hlt\n"
FOREIGN = {
    "os.iso": (
        at(0x8001, b"CD001", **SECTOR_END),
        "an ISO 9660 image: there is no disk and no CD; give vmm the kernel",
    ),
    "vmlinux.gz": (gzip.compress(Elf([Part(MIB, CODE)]).build()), "compressed with gzip, an ELF in it: gzip -dc "),
    "Image.gz": (gzip.compress(arm_image()), "compressed with gzip, an arm64 Image in it: gzip -dc "),
    "init.gz": (gzip.compress(b"070701" + bytes(104)), "compressed with gzip, a cpio archive (an initramfs) in it: "),
    "cut.gz": (gzip.compress(CODE)[:12], "compressed with gzip: gzip -dc "),
    "k.xz": (lzma.compress(CODE), "compressed with xz: xz -dc "),
    "k.bz2": (bz2.compress(CODE), "compressed with bzip2: bzip2 -dc "),
    "k.zst": (b"\x28\xb5\x2f\xfd" + bytes(9), "compressed with zstd: zstd -dc "),
    "disk.qcow2": (b"QFI\xfb\0\0\0\3" + bytes(504), "a qcow2 disk image: there is no disk; qemu-img convert -O raw"),
    "u.img": (b"\x27\x05\x19\x56" + bytes(60), "a U-Boot image (uImage): dumpimage"),
    "virt.dtb": (b"\xd0\x0d\xfe\xed" + bytes(60), "a device tree, or a FIT image: the machine makes its device tree"),
    "initramfs": (
        b"070701" + b"0" * 104 + bytes(8),
        "a cpio archive (an initramfs): it goes with a kernel: vmm run KERNEL",
    ),
    "libk.a": (b"!<arch>\n" + bytes(60), "an archive of object files: link it"),
    "main.o": (b"\xcf\xfa\xed\xfe" + bytes(60), "a Mach-O file: link an ELF"),
    "boot.efi": (
        at(0, b"MZ", 512, at_3c=b"\x80", at_80=b"PE\0\0\x64\x86"),
        "a program for Windows or EFI (PE, x86-64): ",
    ),
    "k.asm": (NASM, "an assembler source: nasm -f elf32 -g -o k.o "),
    "boot.asm": (b"; boots\n[org 0x7c00]\nbits 16\nhlt\n", "an assembler source: nasm -f bin -o boot.bin "),
    "long.asm": (b"BITS 64\nhlt\n", "an assembler source: nasm -f elf64 -g -o long.o "),
    "k.rs": (b"fn main() {}\n", "a Rust source: compile and link it into an ELF"),
    "k.cpp": (b"int main() {}\n", "a C++ source: compile and link it"),
    "k.ld": (b"SECTIONS {}\n", "a linker script: give vmm what the linker makes"),
    "late.py": (b"async def scenario(m):\n    pass\n", "a Python file: vmm run IMAGE --scenario "),
    "k.hex": (b":00000001FF\n", "an Intel HEX file: objcopy -I ihex -O binary "),
    "board.resc": (b"mach create\n", "a text file: Renode's; what does the same here: vmm help other-tools"),
    "run.sh": (
        b"#!/bin/sh\necho\n",
        "a script: give vmm an image (vmm help images); if it is code, say --load-address ADDR",
    ),
    "notes.txt": (
        b"hello\n",
        "a text file: give vmm an image (vmm help images); if it is code, say --load-address ADDR",
    ),
    "bom.txt": (b"\xef\xbb\xbfhello\n", "a text file: "),
    "latin.txt": ("grüße\n".encode("utf-16"), "a text file: "),
    "lost.vmmrec": (b'{"vmmrec":2}\n', "a recording of vmm's: vmm replay "),
}


@pytest.fixture
def put(tmp_path):
    def write(name, data):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_image_is_named_with_what_to_do(put, name):
    data, line = FOREIGN[name]
    path = put(name, data)
    for refused in (lambda: load(path, Ram()), lambda: load(path, ArmRam(), architecture="arm64"), lambda: check(path)):
        with pytest.raises(VmmError) as error:
            refused()
        assert str(error.value).startswith(f"{path}: {line}")
        assert "\n" not in str(error.value) and "{" not in str(error.value)


@pytest.mark.parametrize("name", FOREIGN)
def test_a_load_address_takes_it_as_code_all_the_same(put, name):
    assert load(put(name, FOREIGN[name][0]), Ram(), load_address=0x10000).format == "flat"


@pytest.mark.parametrize(
    "data", [CODE, LOOP["arm"], LOOP["arm64"], boot_sector(), b"\xff\xfe" + CODE, b"\xeb\xfe", b"MZ\x90"]
)
def test_code_stays_code(put, data):
    path = put("code.bin", data)
    check(path)
    assert load(path, Ram()).format in ("flat", "boot_sector")


@pytest.mark.parametrize("options", [[], ["--append", "console=ttyS0"], ["--initrd", "x"], ["--board", "virt"]])
def test_it_is_named_before_anything_else_is_said(put, options, capsys):
    """As what it is: with a command line an ISO was a flat image that takes none."""
    path = put("os.iso", FOREIGN["os.iso"][0])
    assert main(["run", str(path), *options]) == 2
    assert capsys.readouterr().err.startswith(f"vmm: {path}: an ISO 9660 image: ")


def test_a_name_is_quoted_for_a_shell(put):
    path = put("my kernel.asm", NASM)
    with pytest.raises(VmmError) as error:
        check(path)
    assert "-o 'my kernel'.o " in str(error.value)
    assert f" '{path}' && " in str(error.value)


@pytest.mark.parametrize(
    ("machine", "bits", "command"),
    [
        (3, 32, "ld -m elf_i386 -N -Ttext=0x100000 -o k.elf "),
        (62, 64, "ld -m elf_x86_64 -N -Ttext=0x100000 -o k.elf "),
    ],
)
def test_an_object_has_its_linker(put, machine, bits, command):
    with pytest.raises(VmmError, match=f"a relocatable object; link it first: {command}"):
        load(put("k.o", Elf(machine=machine, bits=bits, kind=1).build()), Ram())


def test_a_multiboot2_kernel_is_told_what_it_is_not_given_and_runs(put, capsys):
    code = b"\xfa\xf4"  # cli; hlt
    path = put("k.elf", Elf([Part(MIB, code + b"\0\0" + bytes.fromhex("d65052e8"))]).build())
    assert main(["run", str(path)]) == 125
    told, ended = capsys.readouterr().err.splitlines()[:2]
    assert told.startswith(f"vmm: {path}: a multiboot2 kernel, which is loaded as an ELF alone: no magic in EAX, ")
    assert ended.startswith("vmm: idle: halted at 0x10000")
    assert main(["run", str(path), "--quiet"]) == 125
    assert capsys.readouterr().err == ""


def test_a_multiboot2_kernel_that_is_handed_something_is_told_what_it_is_here(put):
    kernel = Elf([Part(MIB, bytes.fromhex("d65052e8") + CODE)]).build()
    assert load(put("k.elf", kernel), Ram()).format == "elf"
    with pytest.raises(VmmError, match="a multiboot2 kernel, which is loaded as an ELF alone, takes neither"):
        load(put("k.elf", kernel), Ram(), append="x")
    with pytest.raises(VmmError, match="an ELF that is not multiboot takes neither a command line nor modules; multib"):
        load(put("k.elf", Elf([Part(MIB, CODE)]).build()), Ram(), append="x")
