"""What sources begin with, and how their images and errors are looked at; tools that do as a test says."""

import sys

import pytest

from vmm.loaders import load
from vmm.toolchain import AssemblyError, assemble

HEADER = """\
    .section .multiboot, "a"
    .align 4
    .long 0x1BADB002, 0, -0x1BADB002
    .text
    .globl _start
_start:
"""


class Ram:
    base = 0
    rom_size = 0
    size = 4 << 20

    def __init__(self):
        self.bytes = bytearray(self.size)

    def read(self, address, size):
        return bytes(self.bytes[address : address + size])

    def write(self, address, data):
        self.bytes[address : address + len(data)] = data


def code_of(image, size):
    ram = Ram()
    return ram.read(load(image, ram).entry.pc, size)


def errors_of(path, **options):
    with pytest.raises(AssemblyError) as error:
        assemble(path, **options)
    assert str(error.value) == "\n".join(error.value.args)
    return list(error.value.args)


def fake(directory, name, script):
    path = directory / name
    path.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    path.chmod(0o755)
