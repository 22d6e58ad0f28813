"""Multiboot: the header, and the information structure read back by the offsets of section 3.3."""

from itertools import pairwise

import pytest

from vmm.errors import VmmError
from vmm.loaders import load
from vmm.loaders.pc_memory import memory_map

from .handmade_images import CODE, MIB, Elf, Part, Ram, boot_sector, multiboot_elf, multiboot_header


@pytest.fixture
def boot(tmp_path):
    def boot(data, ram=None, **options):
        (tmp_path / "kernel.elf").write_bytes(data)
        return load(tmp_path / "kernel.elf", ram or Ram(), **options)

    return boot


def module(directory, name, size):
    (directory / name).write_bytes(bytes(range(256)) * (size // 256) + bytes(range(size % 256)))
    return str(directory / name)


def modules_of(ram, info):
    table = ram.u32(info + 24)
    return [[ram.u32(table + 16 * n + 4 * word) for word in range(4)] for n in range(ram.u32(info + 20))]


def test_the_kernel_finds_the_magic_in_eax_and_the_information_in_ebx(boot):
    ram = Ram()
    loaded = boot(multiboot_elf(), ram)
    assert loaded.format == "multiboot"
    assert (loaded.entry.mode, loaded.entry.pc) == ("protected32", MIB + 12)
    assert loaded.entry.registers["eax"] == 0x2BADB002
    # memory, command line, modules, memory map, boot loader name
    assert ram.u32(loaded.entry.registers["ebx"]) == 0b10_0100_1101


def test_the_command_line_begins_with_the_images_name(boot):
    ram = Ram()
    info = boot(multiboot_elf(), ram, append="timeout=3 verbose").entry.registers["ebx"]
    assert ram.text(ram.u32(info + 16)) == "kernel.elf timeout=3 verbose"
    info = boot(multiboot_elf(), ram).entry.registers["ebx"]
    assert ram.text(ram.u32(info + 16)) == "kernel.elf"


def test_memory_sizes_are_kilobytes_below_the_bios_area_and_above_1_mib(boot):
    ram = Ram(4 * MIB)
    info = boot(multiboot_elf(), ram).entry.registers["ebx"]
    assert (ram.u32(info + 4), ram.u32(info + 8)) == (639, 3072)


def test_the_memory_map_tells_ram_from_the_bios_area(boot):
    ram = Ram(4 * MIB)
    info = boot(multiboot_elf(), ram).entry.registers["ebx"]
    length, at = ram.u32(info + 44), ram.u32(info + 48)
    end, ranges = at + length, []
    while at < end:
        size = ram.u32(at)
        base, count = (int.from_bytes(ram.read(at + 4 + 8 * n, 8), "little") for n in (0, 1))
        ranges.append((base, base + count, ram.u32(at + 20)))
        at += 4 + size
    assert at == end
    assert ranges == [(0, 0x9FC00, 1), (0x9FC00, 0xA0000, 2), (0xF0000, MIB, 2), (MIB, 4 * MIB, 1)]


def test_the_memory_map_of_any_size_of_ram_is_sorted_and_inside_it():
    for ram in (1, 0x9FC00, 0xA0000, 0xF0001, MIB, MIB + 1, 1 << 32):
        ranges = memory_map(ram)
        assert all(start < end <= ram for start, end, _ in ranges)
        assert all(low[1] <= high[0] for low, high in pairwise(ranges))
        assert sum(end - start for start, end, kind in ranges if kind == 1) == min(ram, 0x9FC00) + max(ram - MIB, 0)


def test_the_boot_loader_gives_its_name(boot):
    ram = Ram()
    info = boot(multiboot_elf(), ram).entry.registers["ebx"]
    assert ram.text(ram.u32(info + 64)) == "vmm"


def test_modules_lie_whole_on_pages_of_their_own_behind_the_kernel(boot, tmp_path):
    ram = Ram()
    items = [module(tmp_path, "env", 5000) + " A=1 B=2", module(tmp_path, "disk", 10), module(tmp_path, "void", 0)]
    loaded = boot(multiboot_elf(), ram, initrd=items)
    info = loaded.entry.registers["ebx"]
    table = modules_of(ram, info)
    assert [end - start for start, end, _, _ in table] == [5000, 10, 0]
    assert [ram.text(line) for _, _, line, _ in table] == ["env A=1 B=2", "disk", "void"]
    assert ram.read(table[0][0], 5000) == (tmp_path / "env").read_bytes()
    assert ram.read(table[1][0], 10) == bytes(range(10))
    assert all(start % 4096 == 0 and reserved == 0 for start, _, _, reserved in table)
    kernel_end = MIB + 16
    assert kernel_end <= table[0][0] < table[0][1] <= table[1][0] < table[1][1] <= table[2][0] <= info < loaded.highest


def test_no_modules_is_a_count_of_none(boot):
    ram = Ram()
    assert modules_of(ram, boot(multiboot_elf(), ram).entry.registers["ebx"]) == []


def test_a_low_kernel_keeps_low_memory_to_itself(boot, tmp_path):
    ram = Ram()
    loaded = boot(multiboot_elf(physical=0x8000), ram, initrd=[module(tmp_path, "env", 4)])
    assert loaded.entry.pc == 0x800C
    assert modules_of(ram, loaded.entry.registers["ebx"])[0][0] >= MIB
    assert ram.read(0x8010, 0xA0000 - 0x8010) == b"\xcc" * (0xA0000 - 0x8010)


def test_a_path_with_blanks_is_a_path(boot, tmp_path):
    ram = Ram()
    info = boot(multiboot_elf(), ram, initrd=[module(tmp_path, "my env file", 3)]).entry.registers["ebx"]
    assert ram.text(modules_of(ram, info)[0][2]) == "my env file"


def test_a_module_that_does_not_fit_is_named_with_its_size_and_what_is_free(boot, tmp_path):
    big = module(tmp_path, "big", 3 * MIB)
    with pytest.raises(VmmError, match="big: module of 3145728 bytes does not fit: there is room for 3141632"):
        boot(multiboot_elf(), initrd=[big])


def test_the_information_itself_must_fit(boot, tmp_path):
    with pytest.raises(VmmError, match="multiboot information at 0x400000-"):
        boot(multiboot_elf(), initrd=[module(tmp_path, "big", 3 * MIB - 4096)])


def test_a_missing_module_is_named(boot):
    with pytest.raises(VmmError, match="nowhere x=1: module not found"):
        boot(multiboot_elf(), initrd=["nowhere x=1"])


def test_arguments_longer_than_any_file_name_are_arguments(boot, tmp_path):
    ram = Ram()
    info = boot(multiboot_elf(), ram, initrd=[module(tmp_path, "env", 3) + " " + "x" * 9000]).entry.registers["ebx"]
    assert ram.text(modules_of(ram, info)[0][2]) == "env " + "x" * 9000


def test_a_header_is_seen_up_to_8_kib_and_on_multiples_of_4_only(boot):
    def padded(before):
        return Elf([Part(MIB, bytes(before) + multiboot_header() + CODE)]).build()

    headers = len(padded(0)) - 16
    assert boot(padded(8192 - 12 - headers)).format == "multiboot"
    assert boot(padded(8192 - 8 - headers)).format == "elf"
    assert boot(padded(1)).format == "elf"


def test_a_header_with_a_wrong_checksum_is_none(boot):
    broken = bytearray(multiboot_header())
    broken[8] ^= 1
    assert boot(Elf([Part(MIB, bytes(broken) + CODE)]).build()).format == "elf"


def test_the_first_right_header_behind_a_broken_one_counts(boot):
    assert boot(Elf([Part(MIB, b"\x02\xb0\xad\x1b" * 2 + multiboot_header() + CODE)]).build()).format == "multiboot"


def test_features_that_are_required_and_unknown_are_refused_and_optional_ones_are_not(boot):
    with pytest.raises(VmmError, match="offset 0x58: multiboot header requires unknown features 0x8008"):
        boot(multiboot_elf(flags=0x8008))
    assert boot(multiboot_elf(flags=0x80000007)).format == "multiboot"


def kernel(header=MIB + 8, load=MIB, load_end=0, bss_end=0, entry=MIB + 40, before=8):
    return bytes(before) + multiboot_header(1 << 16, header, load, load_end, bss_end, entry) + CODE


def test_raw_bytes_go_where_the_headers_address_fields_say(boot):
    ram = Ram()
    loaded = boot(kernel(), ram)
    assert (loaded.entry.pc, ram.read(MIB, 44), loaded.symbols) == (MIB + 40, kernel(), None)


def test_loading_may_start_behind_the_files_first_byte_and_end_before_its_last(boot):
    ram = Ram()
    boot(kernel(load=MIB + 4, load_end=MIB + 42), ram)
    assert ram.read(MIB, 44) == b"\xcc" * 4 + kernel(load=MIB + 4, load_end=MIB + 42)[4:42] + b"\xcc" * 2


def test_the_headers_bss_is_zeroed_and_kept_free(boot):
    ram = Ram()
    loaded = boot(kernel(bss_end=2 * MIB + 1), ram)
    assert ram.read(MIB + 44, MIB - 43) == bytes(MIB - 43)
    assert loaded.entry.registers["ebx"] > 2 * MIB


def test_address_fields_count_even_in_an_elf_file(boot):
    header = multiboot_header(1 << 16, 2 * MIB + 84, 2 * MIB, 0, 0, 2 * MIB + 116)
    ram = Ram()
    image = Elf([Part(MIB, header + CODE)]).build()
    assert boot(image, ram).entry.pc == 2 * MIB + 116
    assert ram.read(2 * MIB, len(image)) == image
    assert ram.read(MIB, 4) == b"\xcc" * 4


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (bytes(8) + multiboot_header() + CODE, "offset 0xc: multiboot header has no load addresses, and the image is"),
        (kernel()[:39], "offset 0x14: truncated"),
        (kernel(header=MIB - 1), "offset 0x14: multiboot header address 0xfffff contradicts load address 0x100000"),
        (kernel(header=MIB + 9), "offset 0x14: multiboot header address 0x100009 contradicts"),
        (kernel(load_end=MIB), "offset 0x1c: multiboot load end 0x100000 is not behind 0x100000"),
        (kernel(load_end=MIB + 45), "offset 0x1c: multiboot load end 0x10002d is not behind"),
        (kernel(bss_end=MIB + 43), "offset 0x20: multiboot bss end 0x10002b is before the load end 0x10002c"),
        (kernel(entry=MIB + 44), "offset 0x24: multiboot entry 0x10002c is outside the kernel"),
        (kernel(bss_end=0xFFFFFFFF), "kernel at 0x100000-0xfffffffe is outside RAM"),
    ],
)
def test_a_wrong_header_is_one_line_that_says_what_and_where(boot, data, line):
    with pytest.raises(VmmError) as error:
        boot(data)
    assert f"kernel.elf: {line}" in str(error.value)
    assert "\n" not in str(error.value)


def disk(*sectors):
    """A boot sector and what follows it, in whole sectors."""
    data = boot_sector() + b"".join(sectors)
    return data.ljust(-(-len(data) // 512) * 512, b"\0")


def raw_kernel(offset_of_header, *, deep=0):
    """Its header's addresses say that it is loaded from `deep` bytes before its own first one."""
    where = MIB + offset_of_header
    header = multiboot_header(1 << 16, where, MIB - deep, 0, 0, MIB + offset_of_header + 32)
    return bytes(offset_of_header) + header + CODE


@pytest.mark.parametrize("kernel", [multiboot_elf(), raw_kernel(0), raw_kernel(64)], ids=["elf", "raw", "behind"])
def test_a_kernel_in_the_sectors_of_a_disk_does_not_make_the_disk_one(boot, kernel):
    assert boot(kernel).format == "multiboot"
    for sectors in (0, 1, 5):
        loaded = boot(disk(bytes(512 * sectors), kernel))
        assert (loaded.format, loaded.entry.mode, loaded.entry.pc) == ("boot_sector", "real", 0x7C00)


def test_a_header_that_is_not_whole_does_not_either(boot):
    at_8_kib = bytes(8192 - 512 - 16) + multiboot_header(1 << 16) + bytes(4)  # its addresses lie behind
    assert boot(disk(at_8_kib)).format == "boot_sector"


def test_a_kernel_with_the_signature_of_a_boot_sector_is_a_kernel(boot):
    """What boots either way has both: a header in the first sector, or one by which the whole file is loaded."""
    first_sector = bytearray(disk(b"\1" * 512))
    first_sector[64:96] = multiboot_header(1 << 16, MIB + 64, MIB, 0, 0, MIB + 96)
    assert boot(bytes(first_sector)).format == "multiboot"
    whole = disk(bytes(512), raw_kernel(0, deep=1024))
    ram = Ram()
    assert boot(whole, ram).format == "multiboot"
    assert ram.read(MIB - 1024, 512) == whole[:512]


def test_an_elf_with_the_bytes_of_a_signature_is_an_elf(boot):
    part = Part(MIB, bytes(1024) + multiboot_header(3) + CODE)
    kernel = bytearray(Elf([part], entry=MIB).build().ljust(4096, b"\0"))
    kernel[510:512] = b"\x55\xaa"
    assert boot(bytes(kernel)).format == "multiboot"
