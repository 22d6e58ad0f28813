"""Files that are no images, though anything at all could be a flat one: what each is, and what to do with it.

Known by their first bytes (the magic numbers of file(1)'s database and of the formats' own documents), texts by what
their names end with. A load address says that a file is flat whatever it looks like, and nobody asks here.
"""

from __future__ import annotations

import codecs
import re
import shlex
import zlib
from pathlib import Path
from typing import NamedTuple

from vmm.loaders.image import MIB, Image

WITHIN = 0x8800
"""Bytes of a text that are looked at."""
NO_DISK = "there is no disk and no CD; give vmm the kernel that is in it"
RAW = "there is no disk; qemu-img convert -O raw makes a raw one, whose boot sector and all behind it is loaded"
MODULE = "it goes with a kernel: vmm run KERNEL --initrd {file}"
COFF = "for nasm say -f elf32, and link it; if it is code, say --load-address ADDR"


class Magic(NamedTuple):
    """A row: bytes at an offset, what such a file is, and what to do. `{file}` is the file's name, for a shell."""

    at: int
    bytes: bytes
    what: str
    do: str


MAGICS = (
    Magic(0x8001, b"CD001", "an ISO 9660 image", NO_DISK),
    Magic(0, b"QFI\xfb", "a qcow2 disk image", RAW),
    Magic(0, b"KDMV", "a VMDK disk image", RAW),
    Magic(0x40, b"\x7f\x10\xda\xbe", "a VDI disk image", RAW),
    Magic(0, b"vhdxfile", "a VHDX disk image", RAW),
    Magic(0x200, b"EFI PART", "a disk image with a GUID partition table", NO_DISK),
    Magic(0, b"\x27\x05\x19\x56", "a U-Boot image (uImage)", "dumpimage -o kernel {file} takes its kernel out"),
    Magic(0, b"ANDROID!", "an Android boot image", "unpack_bootimg takes its kernel out"),
    Magic(0, b"\xd0\x0d\xfe\xed", "a device tree, or a FIT image", "the machine makes its device tree itself"),
    Magic(0, b"070701", "a cpio archive (an initramfs)", MODULE),
    Magic(0, b"070702", "a cpio archive (an initramfs)", MODULE),
    Magic(0x101, b"ustar", "a tar archive", "tar -xf {file} unpacks it"),
    Magic(0, b"PK\3\4", "a zip archive", "unzip {file} unpacks it"),
    Magic(0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x {file} unpacks it"),
    Magic(0, b"!<arch>\n", "an archive of object files", "link it first, with an object that has the entry point"),
    Magic(0, b"\xfe\xed\xfa\xce", "a Mach-O file", "link an ELF: clang --target=i386-unknown-none-elf, and ld.lld"),
    Magic(0, b"\xfe\xed\xfa\xcf", "a Mach-O file", "link an ELF: clang --target=i386-unknown-none-elf, and ld.lld"),
    Magic(0, b"\xce\xfa\xed\xfe", "a Mach-O file", "link an ELF: clang --target=i386-unknown-none-elf, and ld.lld"),
    Magic(0, b"\xcf\xfa\xed\xfe", "a Mach-O file", "link an ELF: clang --target=i386-unknown-none-elf, and ld.lld"),
    Magic(0, b"\xca\xfe\xba\xbe", "a Mach-O file of several architectures, or a Java class", "link an ELF"),
    Magic(0, b"BC\xc0\xde", "LLVM bitcode", "clang -c makes an object of it, ld.lld an image"),
    Magic(0, b"\0asm", "a WebAssembly module", "compile for x86 or ARM: no machine here runs it"),
    Magic(0, b"\x4c\x01", "an object file (COFF)", COFF),
    Magic(0, b'{"vmmrec"', "a recording of vmm's", "vmm replay {file} runs it"),
)

PACKERS = {
    b"\x1f\x8b\x08": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x02\x21\x4c\x18": "lz4",
}
"""By the first bytes of what it packs, the program that unpacks it with -dc."""

PE_AT = 0x3C
PE_MACHINES = {0x14C: "i386", 0x8664: "x86-64", 0xAA64: "64-bit ARM", 0x1C0: "32-bit ARM", 0x1C4: "32-bit ARM"}

FLAT = "nasm -f bin -o {stem}.bin {file} && vmm run {stem}.bin"
LINK = (
    "nasm -f elf32 -g -o {stem}.o {file} && ld -m elf_i386 -N -Ttext=0x100000 -o {stem}.elf {stem}.o "
    "&& vmm run {stem}.elf"
)
LINK_64 = LINK.replace("elf32", "elf64").replace("elf_i386", "elf_x86_64")
COMPILE = "compile and link it into an ELF; vmm itself compiles .c, .S and .s"
RENODE = "Renode's; what does the same here: vmm help other-tools"
IMAGE = "give vmm an image (vmm help images)"
TEXTS = {
    **dict.fromkeys((".asm", ".nasm", ".nas", ".inc", ".fasm", ".ASM"), ("an assembler source", LINK)),
    **dict.fromkeys((".cpp", ".cc", ".cxx", ".c++"), ("a C++ source", COMPILE)),
    ".rs": ("a Rust source", COMPILE),
    ".zig": ("a Zig source", COMPILE),
    **dict.fromkeys((".h", ".hpp"), ("a header", "vmm runs a .c or .S that includes it")),
    **dict.fromkeys((".ld", ".lds"), ("a linker script", "give vmm what the linker makes with it")),
    ".py": ("a Python file", "vmm run IMAGE --scenario {file} runs its scenarios, pytest its tests"),
    **dict.fromkeys((".hex", ".ihex"), ("an Intel HEX file", "objcopy -I ihex -O binary {file} {stem}.bin")),
    **dict.fromkeys((".srec", ".s19", ".mot"), ("an S-record file", "objcopy -I srec -O binary {file} {stem}.bin")),
    **dict.fromkeys((".resc", ".repl", ".robot"), ("a text file", RENODE)),
}
"""What a text is, and what to do, by what its name ends with."""
CODE = "; if it is code, say --load-address ADDR"


def check(image: Image) -> None:
    """VmmError for a file that shows that it is something else than a boot sector or code."""
    for kind in (_magic, _packed, _pe, _text):
        if found := kind(image):
            what, do = found
            raise image.error(f"{what}: {_filled(do, image.path)}")


def _filled(do: str, path: Path) -> str:
    return do.replace("{file}", shlex.quote(str(path))).replace("{stem}", shlex.quote(path.stem))


Found = tuple[str, str] | None
"""What it is, and what to do."""


def _magic(image: Image) -> Found:
    for row in MAGICS:
        if image.data[row.at : row.at + len(row.bytes)] == row.bytes:
            return row.what, row.do
    return None


def _packed(image: Image) -> Found:
    for magic, program in PACKERS.items():
        if image.data.startswith(magic):
            inside = _inside(image) if program == "gzip" else ""
            name = shlex.quote(image.path.stem if image.path.suffix else f"{image.path.name}.unpacked")
            then = f"vmm run KERNEL --initrd {name}" if "cpio" in inside else f"vmm run {name}"
            return f"compressed with {program}{inside}", f"{program} -dc {{file}} > {name} && {then}"
    return None


def _inside(image: Image) -> str:
    """What gzip has packed, in words, where it is clear."""
    from vmm.loaders import identify

    try:
        data = zlib.decompressobj(wbits=31).decompress(image.data[:MIB], WITHIN)
    except zlib.error:
        return ""
    inner = Image(image.path, data)
    format = identify(data, image.path)
    if found := _magic(inner):
        return f", {found[0]} in it"
    return "" if format in ("flat", "boot_sector") else f", {WORDS[format]} in it"


WORDS = {
    "multiboot": "a multiboot kernel",
    "elf": "an ELF",
    "arm_image": "an arm64 Image",
    "zimage": "a zImage",
    "bzimage": "a bzImage",
}


def _pe(image: Image) -> Found:
    data = image.data
    at = int.from_bytes(data[PE_AT : PE_AT + 4], "little")
    if not data.startswith(b"MZ") or data[at : at + 4] != b"PE\0\0":
        return None
    machine = int.from_bytes(data[at + 4 : at + 6], "little")
    what = f"a program for Windows or EFI (PE, {PE_MACHINES.get(machine, f'machine {machine:#x}')})"
    return what, "there is no EFI firmware; link an ELF, without it"


def _text(image: Image) -> Found:
    if not _is_text(image.data[:WITHIN]):
        return None
    script = image.data.startswith(b"#!")
    what, do = TEXTS.get(image.path.suffix, ("a script" if script else "a text file", IMAGE + CODE))
    return what, _for_nasm(image.data[:WITHIN].decode("utf-8", "replace")) if do is LINK else do


def _for_nasm(text: str) -> str:
    """By what the source says of itself: what has an origin is flat."""

    def said(word: str) -> bool:
        return bool(re.search(rf"^[ \t\[]*{word}", text, re.IGNORECASE | re.MULTILINE))

    if said(r"org\s") and not said(r"section\s+\.multiboot") and not said(r"extern\s"):
        return FLAT
    return LINK_64 if said(r"bits\s+64") and not said(r"bits\s+32") else LINK


def _is_text(data: bytes) -> bool:
    wide = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        text = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")().decode(data)
    except UnicodeDecodeError:
        return False
    mostly_latin = not wide or 2 * sum(character < "\x80" for character in text) > len(text)
    return bool(text) and mostly_latin and all(map(_in_texts, text))


def _in_texts(character: str) -> bool:
    return character.isprintable() or character in "\t\n\r\f"
