"""Where libunicorn aborts, a run ends, and with it a machine: no process, no recording, no other machine.

Nothing is known that still makes it abort, so a device's callback is made to lead to its own `cpu_abort`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# out 80h, al; jmp $
PROGRAM = """
import ctypes, pathlib, sys, unicorn
from vmm.core.native import ffi
from vmm.errors import VmmError
from vmm.machine.config import Config
from vmm.machine.machine import Machine
from vmm.inputs import tape

image = pathlib.Path(sys.argv[1])
image.write_bytes(bytes.fromhex("90 e680 ebfe").ljust(510, bytes(1)) + bytes.fromhex("55aa"))
library = ctypes.CDLL(next(pathlib.Path(unicorn.__file__).parent.glob("lib/libunicorn.so*")))
abort = ctypes.cast(library.cpu_abort_x86_64, ctypes.c_void_p).value


class Port:
    port_width = 1
    def port_read(self, port, size): return 0
    def port_write(self, port, size, value): pass


def machine():
    made = Machine(Config(memory=1 << 20))
    made.load(image)
    return made


first, second = machine(), machine()
with first.recording(sys.argv[2]):
    first.attach(Port(), ports=(0x80, 1))
    before = first.snapshot()
    first._native.host.port_write = ffi.cast("void *", abort)
    print(first.run(insns=10).reason, first.stop.detail)
print(first.run().reason, first.instructions, hex(first.cpu.pc))
try:
    first.restore(before)
except VmmError as error:
    print(error)
del first, before
print(second.run(insns=10).reason, second.instructions)
print(tape.read(pathlib.Path(sys.argv[2])).end.at.insns)
"""

TOLD = """
engine the CPU emulator gave up at 0x7c01, for good: make another machine
engine 2 0x7c01
the CPU emulator gave up in this machine: make another one
count 10
2
"""


def test_an_abort_of_the_cpu_emulator_ends_the_machine_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "disk.img"), str(tmp_path / "run.vmmrec")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == TOLD.strip().splitlines()
