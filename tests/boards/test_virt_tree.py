"""The virt board's device tree, read by a reader of its own and looked through as kvm-unit-tests and Linux do.

Addresses, interrupts and strings are those of QEMU's `virt`; offsets and tags those of the Devicetree Specification
0.4, chapter 5.
"""

import os
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise

import fdt
import pytest

from vmm.boards.virt_tree import tree

MIB = 0x100000
ARM64 = {"architecture": "arm64", "cpu": "arm,cortex-a57", "cpus": 2, "gic": 3, "ram_size": 128 * MIB}
ARM = {"architecture": "arm", "cpu": "arm,cortex-a15", "cpus": 1, "gic": 2, "ram_size": 128 * MIB}


@dataclass
class Node:
    """One node as it stands in the blob."""

    name: str
    properties: dict[str, bytes] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def cells(self, name):
        value = self.properties[name]
        return list(struct.unpack(f">{len(value) // 4}I", value))

    def strings(self, name):
        *strings, rest = self.properties[name].split(b"\0")
        assert rest == b""
        return [string.decode() for string in strings]

    def reg(self):
        """(address, size) pairs of a child of a node with two cells each."""
        value = self.properties["reg"]
        return [struct.unpack_from(">QQ", value, at) for at in range(0, len(value), 16)]

    def child(self, name):
        (child,) = [child for child in self.children if child.name == name]
        return child

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()


def read(blob):
    """The root node: the structure block by its tags, padding and sizes checked on the way."""
    header = struct.unpack_from(">10I", blob)
    magic, total, structure, strings, _, version, compatible, boot_cpu, strings_size, structure_size = header
    assert (magic, total, version, compatible, boot_cpu) == (0xD00DFEED, len(blob), 17, 16, 0)
    assert structure % 4 == 0 and structure + structure_size <= strings and strings + strings_size == total
    top = Node("none")
    path = [top]
    at = structure
    while True:
        (tag,) = struct.unpack_from(">I", blob, at)
        at += 4
        if tag == 1:
            end = blob.index(b"\0", at)
            path.append(Node(blob[at:end].decode()))
            path[-2].children.append(path[-1])
            at = (end + 4) & ~3
        elif tag == 2:
            path.pop()
        elif tag == 3:
            size, name = struct.unpack_from(">II", blob, at)
            end = blob.index(b"\0", strings + name)
            key = blob[strings + name : end].decode()
            assert not path[-1].children and key not in path[-1].properties  # properties precede subnodes
            path[-1].properties[key] = blob[at + 8 : at + 8 + size]
            at = (at + 8 + size + 3) & ~3
        else:
            assert tag == 9 and path == [top] and at == structure + structure_size
            (root,) = top.children
            assert root.name == ""
            return root


def compatible(root, what):
    """The first node, in the blob's order, that is compatible with `what`."""
    return next(node for node in root.walk() if "compatible" in node.properties and what in node.strings("compatible"))


@pytest.fixture(params=[2, 3])
def root(request):
    return read(tree(**(ARM64 | {"gic": request.param})))


def test_the_header_names_its_blocks_and_the_reservations_are_none():
    blob = tree(**ARM64)
    reservations = struct.unpack_from(">I", blob, 16)[0]
    assert reservations % 8 == 0
    assert blob[reservations : reservations + 16] == bytes(16)
    assert reservations + 16 <= struct.unpack_from(">I", blob, 8)[0]


@pytest.mark.parametrize("arguments", [ARM, ARM64])
def test_the_library_reads_back_the_same_names_in_the_same_order(arguments):
    blob = tree(**arguments)

    def names(node):
        return [prop.name for prop in node.props], [(child.name, names(child)) for child in node.nodes]

    def expected(node):
        return list(node.properties), [(child.name, expected(child)) for child in node.children]

    assert names(fdt.parse_dtb(blob).root) == expected(read(blob))


def test_equal_arguments_give_equal_bytes():
    arguments = {**ARM64, "cmdline": "a=1", "initrd": (0x48000000, 0x48000010)}
    assert tree(**arguments) == tree(**arguments)


def test_the_root_says_what_board_it_is_and_has_64_bit_addresses(root):
    assert root.strings("compatible") == ["linux,dummy-virt"]
    assert (root.cells("#address-cells"), root.cells("#size-cells")) == ([2], [2])


def test_every_name_with_an_address_has_it_in_reg_and_no_two_overlap(root):
    taken = []
    for parent in root.walk():
        for node in parent.children:
            _, _, unit = node.name.partition("@")
            assert bool(unit) == ("reg" in node.properties)
            if unit and parent.name != "cpus":
                assert node.reg()[0][0] == int(unit, 16)
                taken += node.reg()
    taken.sort()
    assert len(taken) == 42  # flash, RAM, two of the GIC and its child's, UART, RTC, fw_cfg, 32 slots, test device
    assert all(low + size <= high for (low, size), (high, _) in pairwise(taken))


def test_every_handle_that_is_used_is_some_nodes(root):
    handles = {node.cells("phandle")[0]: node for node in root.walk() if "phandle" in node.properties}
    assert len(handles) == 3
    assert "interrupt-controller" in handles[root.cells("interrupt-parent")[0]].properties
    used = {cell for node in root.walk() if "clocks" in node.properties for cell in node.cells("clocks")}
    assert {handles[cell].name for cell in used} == {"apb-pclk"}


@pytest.mark.parametrize("size", [16 * MIB, 0xC0000000, 0x1_8000_0000])
def test_memory_is_found_by_its_device_type(size):
    nodes = [node for node in read(tree(**(ARM64 | {"ram_size": size}))).walk() if "device_type" in node.properties]
    (memory,) = [node for node in nodes if node.strings("device_type") == ["memory"]]
    assert memory.name == "memory@40000000"
    assert memory.reg() == [(0x40000000, size)]


@pytest.mark.parametrize("count", [1, 2, 8])
def test_each_cpu_has_its_affinity_and_is_started_by_psci(count):
    cpus = read(tree(**(ARM64 | {"cpus": count}))).child("cpus")
    assert (cpus.cells("#address-cells"), cpus.cells("#size-cells")) == ([1], [0])
    assert [cpu.cells("reg") for cpu in cpus.children] == [[index] for index in range(count)]
    for cpu in cpus.children:
        assert cpu.strings("device_type") == ["cpu"]
        assert cpu.strings("compatible") == ["arm,cortex-a57"]
        assert cpu.strings("enable-method") == ["psci"]


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (ARM64, [0xC4000001, 0x84000002, 0xC4000003, 0xC4000005]),
        (ARM, [0x84000001, 0x84000002, 0x84000003, 0x84000005]),
    ],
)
def test_psci_is_called_by_hvc_with_numbers_of_the_guests_width(arguments, numbers):
    psci = compatible(read(tree(**arguments)), "arm,psci-0.2")
    assert psci.strings("compatible") == ["arm,psci-1.0", "arm,psci-0.2", "arm,psci"]
    assert psci.properties["method"] == b"hvc\0"
    assert [psci.cells(name)[0] for name in ("cpu_suspend", "cpu_off", "cpu_on", "migrate")] == numbers


@pytest.mark.parametrize("gic", [2, 3])
def test_a_guest_in_el2_calls_psci_by_smc_and_has_a_maintenance_interrupt(gic):
    root = read(tree(**(ARM64 | {"gic": gic}), el2=True))
    assert compatible(root, "arm,psci").properties["method"] == b"smc\0"
    assert root.child("intc@8000000").cells("interrupts") == [1, 9, 4]


def test_without_el2_the_gic_has_no_maintenance_interrupt(root):
    assert "interrupts" not in root.child("intc@8000000").properties


@pytest.mark.parametrize(
    ("arguments", "names", "flags"),
    [
        (ARM64, ["arm,armv8-timer", "arm,armv7-timer"], 0x004),
        (ARM64 | {"gic": 2}, ["arm,armv8-timer", "arm,armv7-timer"], 0x304),
        (ARM64 | {"gic": 2, "cpus": 8}, ["arm,armv8-timer", "arm,armv7-timer"], 0xFF04),
        (ARM, ["arm,armv7-timer"], 0x104),
    ],
)
def test_the_timers_ppis_come_in_the_bindings_order(arguments, names, flags):
    timer = read(tree(**arguments)).child("timer")
    assert timer.strings("compatible") == names
    # INTID 29 secure, 30 physical, 27 virtual, 26 hypervisor; PPIs count from INTID 16
    assert timer.cells("interrupts") == [cell for intid in (29, 30, 27, 26) for cell in (1, intid - 16, flags)]
    assert timer.properties["always-on"] == b""


@pytest.mark.parametrize(("arguments", "flags"), [(ARM64, 0x004), (ARM64 | {"gic": 2, "cpus": 8}, 0xFF04), (ARM, None)])
def test_the_cycle_counter_s_interrupt_is_told_where_qemu_tells_it(arguments, flags):
    """pmu.yaml: INTID 23 is PPI 7."""
    nodes = [node for node in read(tree(**arguments)).children if node.name == "pmu"]
    found = [(node.strings("compatible"), node.cells("interrupts")) for node in nodes]
    assert found == ([] if flags is None else [(["arm,armv8-pmuv3"], [1, 7, flags])])


def test_gicv2_is_a_distributor_a_cpu_interface_and_a_message_frame():
    root = read(tree(**ARM))
    gic = compatible(root, "arm,cortex-a15-gic")
    assert gic.reg() == [(0x08000000, 0x10000), (0x08010000, 0x10000)]
    assert gic.cells("#interrupt-cells") == [3]
    frame = gic.child("v2m@8020000")
    assert (frame.strings("compatible"), frame.reg()) == (["arm,gic-v2m-frame"], [(0x08020000, 0x1000)])
    assert "msi-controller" in frame.properties and gic.properties["ranges"] == b""


@pytest.mark.parametrize("cpus", [1, 8])
def test_gicv3_is_a_distributor_a_redistributor_of_128_kib_a_cpu_and_an_its(cpus):
    gic = compatible(read(tree(**(ARM64 | {"cpus": cpus}))), "arm,gic-v3")
    assert gic.reg() == [(0x08000000, 0x10000), (0x080A0000, cpus * 0x20000)]
    assert gic.cells("#redistributor-regions") == [1]
    its = gic.child("its@8080000")
    assert (its.strings("compatible"), its.reg()) == (["arm,gic-v3-its"], [(0x08080000, 0x20000)])
    assert its.cells("#msi-cells") == [1] and "msi-controller" in its.properties


def test_a_child_of_the_gic_has_addresses_of_two_cells_too(root):
    gic = root.child("intc@8000000")
    assert (gic.cells("#address-cells"), gic.cells("#size-cells")) == ([2], [2])


def test_the_console_is_found_by_its_path_and_is_a_pl011(root):
    (path,) = root.child("chosen").strings("stdout-path")
    uart = root.child(path.removeprefix("/"))
    assert uart is compatible(root, "arm,pl011")
    assert root.child("aliases").strings("serial0") == [path]
    assert uart.reg() == [(0x09000000, 0x1000)]
    assert uart.cells("interrupts") == [0, 1, 4]
    assert uart.strings("clock-names") == ["uartclk", "apb_pclk"]
    assert len(uart.cells("clocks")) == 2


def test_the_clock_of_the_peripherals_is_24_mhz(root):
    clock = root.child("apb-pclk")
    assert (clock.strings("compatible"), clock.cells("#clock-cells")) == (["fixed-clock"], [0])
    assert clock.cells("clock-frequency") == [24_000_000]


def test_the_rtc_is_a_pl031_at_spi_2(root):
    rtc = compatible(root, "arm,pl031")
    assert (rtc.reg(), rtc.cells("interrupts")) == ([(0x09010000, 0x1000)], [0, 2, 4])
    assert "arm,primecell" in rtc.strings("compatible")
    assert rtc.strings("clock-names") == ["apb_pclk"]


def test_there_are_32_virtio_slots_with_an_edge_each(root):
    slots = [node for node in root.children if node.name.startswith("virtio_mmio@")]
    assert [slot.reg() for slot in slots] == [[(0x0A000000 + 0x200 * slot, 0x200)] for slot in range(32)]
    assert [slot.cells("interrupts") for slot in slots] == [[0, 16 + slot, 1] for slot in range(32)]
    assert all(slot.strings("compatible") == ["virtio,mmio"] for slot in slots)


def test_flash_is_two_banks_of_64_mib_on_a_bus_of_four_bytes(root):
    """mtd-physmap.yaml, as QEMU's tree has it."""
    flash = compatible(root, "cfi-flash")
    assert flash.reg() == [(0, 0x4000000), (0x4000000, 0x4000000)]
    assert flash.cells("bank-width") == [4]


def test_fw_cfg_and_the_test_device_have_their_places(root):
    assert compatible(root, "qemu,fw-cfg-mmio").reg() == [(0x09020000, 0x18)]
    assert compatible(root, "vmm,testdev").reg() == [(0x0B000000, 0x1000)]


def test_what_was_not_given_is_not_chosen(root):
    assert list(root.child("chosen").properties) == ["stdout-path"]


@pytest.mark.parametrize("text", ["setup smp=2 mem=128", 'quote="a b"\ttab', "naïve", "raw \udcff byte", "x" * 5000])
def test_the_command_line_comes_whole_and_ends_in_zero(text):
    chosen = read(tree(**ARM64, cmdline=text)).child("chosen")
    assert chosen.properties["bootargs"] == text.encode(errors="surrogateescape") + b"\0"


@pytest.mark.parametrize("start", [0x48000000, 0x1_4800_0000])
def test_the_initrd_is_two_addresses_of_64_bits(start):
    chosen = read(tree(**ARM64, initrd=(start, start + 123))).child("chosen")
    assert chosen.properties["linux,initrd-start"] == start.to_bytes(8, "big")
    assert chosen.properties["linux,initrd-end"] == (start + 123).to_bytes(8, "big")


def test_users_see_no_warnings_of_how_the_library_beneath_is_written(tmp_path):
    """Python's, where it finds nothing that was compiled before: on standard error, and in the reports of pytest."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    command = [sys.executable, "-W", "always", "-c", "import vmm.boards.virt_tree"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
