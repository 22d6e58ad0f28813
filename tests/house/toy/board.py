"""The bench: an 8259A pair, a port that drives its lines, another that ends the run."""

from vmm.boards.board import Board, Layout, check_options
from vmm.core.native import lib
from vmm.devices.debug_exit import DebugExit
from vmm.devices.debugcon import Debugcon
from vmm.intc.i8259 import Pic

NAME = "bench"
ARCHITECTURES = ("toy",)
LINES = 8


def layout(options):
    check_options(NAME, options, ("insn_ns",))
    return Layout(
        ram_base=0,
        most_ram=1 << 30,
        devices=(0xC0000000, 0xFFFF0000),
        floating=True,
        most_cpus=1,
        features={"fast": True},
    )


def build(parts):
    bus = parts.bus
    board = Board(NAME, console="text", line_names={n: f"WIRE {n}" for n in range(LINES)}, irqs=LINES)
    board.devices["pic"] = Pic(parts.native)
    for line in range(LINES):
        bus.connect(line, ("pic", line))
    for first, chip in ((0x20, 0), (0xA0, 1)):
        bus.add_native_ports(first, 2, "pic", chip)
    bus.add_native_ports(0x2000, LINES, "testdev", lib.VMM_TESTDEV_DRIVER)
    board.devices["text"], board.devices["exit"] = Debugcon(output=parts.console), DebugExit(stop=parts.stop)
    for device in (board.devices["text"], board.devices["exit"]):
        bus.add_ports(device, *device.PORTS)
    return board
