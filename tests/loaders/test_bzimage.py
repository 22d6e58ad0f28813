"""Linux's image for PCs: setup header and zero page, by the offsets of boot.rst and zero-page.rst."""

import struct

import pytest

import vmm
from vmm.arch.boot import Bios
from vmm.cli import main
from vmm.errors import VmmError
from vmm.loaders import identify, load

from .handmade_images import MIB, ArmRam, bzimage

BIOS = Bios(rsdp=0xF1230, mode=3, columns=80, rows=25, cell_lines=16)


class Booted:
    """What is in memory, and the zero page by offset and width."""

    def __init__(self, data, path, size, **options):
        (path / "vmlinuz").write_bytes(data)
        self.ram = ArmRam(size, base=0)
        self.loaded = load(path / "vmlinuz", self.ram, bios=BIOS, **options)
        self.entry = self.loaded.entry
        self.page = self.entry.registers.get("esi") or self.entry.registers["rsi"]

    def field(self, offset, size):
        return int.from_bytes(self.ram.read(self.page + offset, size), "little")

    def command_line(self):
        return next(data for start, data in self.ram.writes.items() if start == self.field(0x228, 4))


@pytest.fixture
def boot(tmp_path):
    def boot(data, ram=64 * MIB, **options):
        return Booted(data, tmp_path, ram, **options)

    return boot


@pytest.fixture
def initrd(tmp_path):
    def write(size):
        (tmp_path / "initrd").write_bytes(b"x" * size)
        return [tmp_path / "initrd"]

    return write


def test_it_is_known_by_the_magic_of_its_setup_header():
    assert identify(bzimage(), "vmlinuz") == "bzimage"


def test_a_32_bit_kernel_is_entered_at_its_start_with_the_zero_page_in_esi(boot):
    linux = boot(bzimage(code=b"\x11" * 64, pref_address=0x1000000))
    assert (linux.entry.mode, linux.entry.pc) == ("protected32", 0x1000000)
    assert linux.ram.read(0x1000000, 64) == b"\x11" * 64
    assert linux.field(0x214, 4) == 0x1000000  # code32_start
    assert linux.loaded.board == "pc"


def test_a_64_bit_kernel_is_entered_200h_further_on_with_all_below_4_gib_mapped_to_itself(boot):
    linux = boot(bzimage(xloadflags=1, pref_address=0x1000000))
    assert (linux.entry.mode, linux.entry.pc) == ("long64", 0x1000200)
    tables = linux.entry.registers["cr3"]

    def physical(linear):
        """SDM vol. 3A 4.5.4, figure 4-9: a 2 MiB page."""
        at = tables
        for shift in (39, 30, 21):
            entry = int.from_bytes(linux.ram.read(at + 8 * (linear >> shift & 0x1FF), 8), "little")
            assert entry & 3 == 3
            at = entry & ~0xFFF
        assert entry & 0x80
        return at | linear & 0x1FFFFF

    for linear in (0, 0x1FFFFF, 0x200000, 0x1000200, 0x40000000, 0xFFFFFFFF):
        assert physical(linear) == linear


@pytest.mark.parametrize(("flags", "code"), [(0, 0x00CF9B000000FFFF), (1, 0x00AF9B000000FFFF)])
def test_the_descriptor_table_has_code_at_10h_and_data_at_18h(boot, flags, code):
    """SDM vol. 3A figure 3-8: base 0, limit FFFFFh in pages; G and D, or G and L; type Bh and 3h, present."""
    linux = boot(bzimage(xloadflags=flags))
    address, limit = linux.entry.gdt
    assert limit == 0x1F
    assert struct.unpack("<4Q", linux.ram.read(address, 32))[2:] == (code, 0x00CF93000000FFFF)


def test_before_protocol_2_12_there_is_no_64_bit_entry(boot):
    assert boot(bzimage(version=0x20B, xloadflags=1)).entry.mode == "protected32"


def test_the_zero_page_has_the_setup_header_and_what_the_loader_says_of_itself(boot):
    linux = boot(bzimage(kernel_version=0x1234, initrd_addr_max=0x12345678))
    assert (linux.field(0x1FE, 2), linux.field(0x202, 4)) == (0xAA55, 0x53726448)
    assert (linux.field(0x20E, 2), linux.field(0x22C, 4)) == (0x1234, 0x12345678)
    assert linux.field(0x210, 1) == 0xFF  # a loader without a number
    assert linux.field(0x1EF, 1) == 0  # the sentinel of a loader that clears the page


def test_the_zero_page_ends_the_header_where_its_jump_leads(boot):
    """202h and the byte at 201h: what lies behind is code of the boot sector, and must not be there."""
    assert boot(bzimage(jump=0x40, handover_offset=0x55)).field(0x264, 4) == 0
    assert boot(bzimage(jump=0x6A, handover_offset=0x55)).field(0x264, 4) == 0x55


def test_the_zero_page_tells_where_ram_is(boot):
    linux = boot(bzimage(), ram=64 * MIB)
    assert linux.field(0x1E8, 1) == 4
    ranges = [struct.unpack("<QQI", linux.ram.read(linux.page + 0x2D0 + 20 * n, 20)) for n in range(4)]
    assert ranges == [(0, 0x9FC00, 1), (0x9FC00, 0x400, 2), (0xF0000, 0x10000, 2), (MIB, 63 * MIB, 1)]


def test_the_zero_page_tells_what_the_bios_would(boot):
    linux = boot(bzimage())
    assert linux.field(0x70, 8) == 0xF1230
    mode, columns, lines, vga, points = (
        linux.field(at, size) for at, size in ((6, 1), (7, 1), (14, 1), (15, 1), (16, 2))
    )
    assert (mode, columns, lines, vga, points) == (3, 80, 25, 1, 16)


def test_the_command_line_ends_with_a_0(boot):
    assert boot(bzimage(), append="console=ttyS0 quiet").command_line() == b"console=ttyS0 quiet\0"
    assert boot(bzimage()).command_line() == b"\0"


@pytest.mark.parametrize(("image", "most"), [(bzimage(cmdline_size=20), 20), (bzimage(version=0x205), 255)])
def test_a_command_line_is_as_long_as_the_kernel_takes(boot, image, most):
    assert boot(image, append="x" * most).command_line() == b"x" * most + b"\0"
    with pytest.raises(VmmError, match=f"vmlinuz: a command line of {most + 1} bytes is too long: .* takes {most}$"):
        boot(image, append="x" * (most + 1))


def test_an_initrd_lies_clear_of_the_kernel_and_of_all_that_it_needs_to_run(boot, initrd):
    linux = boot(bzimage(pref_address=16 * MIB, init_size=20 * MIB), initrd=initrd(5000))
    assert (linux.field(0x218, 4), linux.field(0x21C, 4)) == (36 * MIB, 5000)
    assert linux.ram.read(36 * MIB, 5000) == b"x" * 5000
    assert linux.loaded.highest == 36 * MIB + 5000


def test_without_an_initrd_its_fields_are_0(boot):
    linux = boot(bzimage(ramdisk_image=7, ramdisk_size=7))
    assert (linux.field(0x218, 4), linux.field(0x21C, 4)) == (0, 0)


@pytest.mark.parametrize("last", [8 * MIB - 1, 8 * MIB + 0xFFE])
def test_an_initrd_ends_at_the_last_address_the_kernel_names(boot, initrd, last):
    """The kernel needs all below 3 MiB."""
    linux = boot(bzimage(initrd_addr_max=last), initrd=initrd(5 * MIB))
    assert linux.field(0x218, 4) == 3 * MIB
    with pytest.raises(VmmError, match=rf"initrd: no room for an initrd of {6 * MIB} bytes .* in 0x0-{last:#x}$"):
        boot(bzimage(initrd_addr_max=last), initrd=initrd(6 * MIB))


def test_before_protocol_2_03_an_initrd_ends_at_896_mib(boot, initrd):
    image = bzimage(version=0x202, initrd_addr_max=MIB)
    assert boot(image, ram=1024 * MIB, initrd=initrd(5000)).field(0x218, 4) == 128 * MIB


def test_an_initrd_that_does_not_fit_beside_the_kernel_is_named(boot, initrd):
    with pytest.raises(
        VmmError, match=r"initrd: no room for an initrd of 8388608 bytes beside .*vmlinuz in 0x0-0x1ffffff"
    ):
        boot(bzimage(pref_address=8 * MIB, init_size=20 * MIB), ram=32 * MIB, initrd=initrd(8 * MIB))


def test_a_relocatable_kernel_stands_where_it_prefers_to_or_where_there_is_room(boot):
    image = bzimage(pref_address=16 * MIB, init_size=8 * MIB, kernel_alignment=2 * MIB)
    assert boot(image, ram=24 * MIB).entry.pc == 16 * MIB
    assert boot(image, ram=20 * MIB).entry.pc == 2 * MIB


def test_a_kernel_that_is_not_relocatable_stands_at_1_mib_and_moves_itself(boot, initrd):
    image = bzimage(relocatable=0, pref_address=4 * MIB, init_size=30 * MIB)
    linux = boot(image, initrd=initrd(5000))
    assert (linux.entry.pc, linux.field(0x218, 4)) == (MIB, 34 * MIB)
    with pytest.raises(
        VmmError, match=r"offset 0x258: running kernel at 0x400000-0x21fffff is outside RAM \(0-0x1ffffff\)"
    ):
        boot(image, ram=32 * MIB)


def test_what_an_old_header_does_not_have_yet_is_not_read(boot):
    """Protocol 2.02, whose header ends before all of these; its kernel is what is left of the file."""
    image = bzimage(
        b"\x11" * 0x321, version=0x202, syssize=0xFFFF, relocatable=1, pref_address=32 * MIB, init_size=1 << 31
    )
    linux = boot(image)
    assert linux.entry.pc == MIB
    assert linux.ram.read(MIB, 0x321) == b"\x11" * 0x321


def test_what_is_appended_to_a_kernel_is_not_loaded(boot):
    linux = boot(bzimage(b"\x11" * 64) + b"a signature")
    assert linux.ram.writes[linux.entry.pc] == b"\x11" * 64


def test_no_setup_sectors_are_four(boot):
    image = bzimage(b"\x11" * 16)
    long = image[:0x1F1] + b"\0" + image[0x1F2:0x400] + bytes(3 * 512) + image[0x400:]
    assert boot(long).ram.writes[2 * MIB] == b"\x11" * 16


@pytest.mark.parametrize(
    ("image", "line"),
    [
        (bzimage()[:0x300], "offset 0x1f1: truncated: 768 bytes, and 1024 come before the kernel"),
        (bzimage()[:0x208], "offset 0x1f1: truncated: 520 bytes, and 1024 come before the kernel"),
        (bzimage(b"\x11" * 64)[:-1], "offset 0x1f4: truncated: the kernel is of 64 bytes, the file has 63"),
        (bzimage(version=0x201), "offset 0x206: boot protocol 2.01 is too old; 2.02 and later boot here"),
        (bzimage(loadflags=0), "offset 0x211: a zImage, whose place is below 1 MiB; a bzImage boots here"),
        (bzimage(b"\x11" * 512, xloadflags=1), "offset 0x236: a 64-bit entry at 0x200 of a kernel of 512 bytes"),
        (
            bzimage(init_size=64 * MIB),
            "offset 0x258: running kernel at 0x200000-0x41fffff is outside RAM (0-0x3ffffff)",
        ),
    ],
)
def test_a_wrong_image_is_one_line_that_says_what_and_where(boot, image, line):
    with pytest.raises(VmmError) as error:
        boot(image)
    assert str(error.value).endswith(f"vmlinuz: {line}")


def test_a_second_initrd_is_refused(boot, initrd):
    with pytest.raises(VmmError, match="a second initrd; vmlinuz can be handed only one"):
        boot(bzimage(), initrd=initrd(1) * 2)


def test_it_is_for_x86_alone(tmp_path, capsys):
    (tmp_path / "vmlinuz").write_bytes(bzimage())
    assert main(["run", str(tmp_path / "vmlinuz"), "--board", "virt"]) == 2
    assert "an x86 image; this machine is AArch64 (use --board pc)" in capsys.readouterr().err


# Reports to the serial port: how it was entered, its zero page, the command line and the initrd; and switches off.
ENTRY_32 = bytes.fromhex(
    "fc b818000000 8ed8 8ed0"  # cld; mov eax,18h; mov ds,eax; mov ss,eax
    "bc00800000 6a10 e800000000 83042405 cb"  # mov esp,8000h; push 10h; call 1f; 1: add dword [esp],5; retf
    "baf8030000 b033 ee"  # mov edx,3f8h; mov al,'3'; out dx,al
    "89f3 b900100000 f36e"  # mov ebx,esi; mov ecx,1000h; rep outsb
    "8bb328020000 b904000000 f36e"  # mov esi,[ebx+228h]; mov ecx,4; rep outsb
    "8bb318020000 8b8b1c020000 f36e"  # mov esi,[ebx+218h]; mov ecx,[ebx+21ch]; rep outsb
    "ba04060000 b800200000 66ef"  # mov edx,604h; mov eax,2000h; out dx,ax
)
ENTRY_64 = bytes.fromhex(
    "fc b818000000 8ed8 8ed0"
    "bc00800000 6a10 e800000000 4883042407 48cb"  # the same with add qword [rsp],7; retfq
    "baf8030000 b036 ee"  # mov al,'6'
    "4889f3 b900100000 f36e"
    "8bb328020000 b904000000 f36e"
    "8bb318020000 8b8b1c020000 f36e"
    "ba04060000 b800200000 66ef"
)


@pytest.mark.parametrize(("flags", "first"), [(0, b"3"), (1, b"6")])
def test_a_kernel_finds_its_zero_page_and_its_segments_in_either_entry(tmp_path, flags, first):
    (tmp_path / "vmlinuz").write_bytes(
        bzimage(ENTRY_32.ljust(0x200, b"\xcc") + ENTRY_64.ljust(0x100, b"\xcc"), xloadflags=flags)
    )
    (tmp_path / "initrd").write_bytes(b"root")
    out = bytearray()
    m = vmm.boot(
        tmp_path / "vmlinuz", memory=32 * MIB, cmdline="a=1", initrd=[str(tmp_path / "initrd")], console=out.extend
    )
    assert m.run(insns=20000).reason == "poweroff"
    page = out[1:0x1001]
    assert (out[:1], len(page), out[0x1001:]) == (first, 0x1000, b"a=1\0root")
    rsdp = int.from_bytes(page[0x70:0x78], "little")
    assert m.memory.read(rsdp, 8) == b"RSD PTR "
    assert struct.unpack("<QQI", page[0x2D0 + 60 : 0x2D0 + 80]) == (MIB, 31 * MIB, 1)
    assert (page[6], page[7], page[14], page[15], page[16]) == (3, 80, 25, 1, 16)


@pytest.mark.parametrize("cpu", ["486", "pentium3", "default,-lm"])
def test_a_64_bit_kernel_needs_a_cpu_with_long_mode(tmp_path, cpu, capsys):
    (tmp_path / "vmlinuz").write_bytes(bzimage(xloadflags=1))
    assert main(["run", str(tmp_path / "vmlinuz"), "--cpu", cpu]) == 2
    assert capsys.readouterr().err == "vmm: 64-bit code, and this CPU has no long mode (use --cpu default)\n"
