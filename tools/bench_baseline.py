"""The same VMM loop in plain Python on the `unicorn` package: what the native core is measured against.

It does what a guest of one controller and one line needs and no more: an 8259A with fixed priorities, the test device's
lines, the serial port's output, 32-bit interrupt gates in one ring (Intel SDM vol. 3A 6.12.1). No trace, no statistics.
"""

from __future__ import annotations

import io
import struct
import time
from typing import Any

from elftools.elf.elffile import ELFFile
from unicorn import UC_ARCH_X86, UC_HOOK_CODE, UC_HOOK_INSN, UC_HOOK_INTR, UC_MODE_32, Uc, UcError
from unicorn.x86_const import (
    UC_X86_INS_IN,
    UC_X86_INS_OUT,
    UC_X86_REG_CS,
    UC_X86_REG_EFLAGS,
    UC_X86_REG_EIP,
    UC_X86_REG_ESP,
    UC_X86_REG_IDTR,
)

RAM = 16 << 20
PIC_COMMAND, PIC_DATA, TEST_LINES, LINE_STATUS = 0x20, 0x21, range(0x2000, 0x2008), 0x3FD
TRANSMITTER_EMPTY = 0x60
FLAG_TF, FLAG_IF, FLAG_NT, FLAG_RF = 1 << 8, 1 << 9, 1 << 14, 1 << 16
STI = 0xFB


class Pic:
    """An 8259A alone, edge triggered, fully nested, after ICW1-4."""

    def __init__(self) -> None:
        self.requests = self.serving = self.lines = 0
        self.mask = 0xFF
        self.vectors = 0
        self.init_step = 0

    def line(self, pin: int, level: int) -> None:
        bit = 1 << pin
        if level and not self.lines & bit:
            self.requests |= bit
            self.lines |= bit
        elif not level:
            self.requests &= ~bit
            self.lines &= ~bit

    def write_command(self, value: int) -> None:
        if value & 0x10:
            self.init_step = 2
        elif value == 0x20:
            self.serving &= self.serving - 1

    def write_data(self, value: int) -> None:
        if self.init_step == 2:
            self.vectors = value
        elif self.init_step == 0:
            self.mask = value
        self.init_step = (self.init_step + 1) % 5 if self.init_step else 0

    @property
    def wants(self) -> bool:
        waiting = self.requests & ~self.mask
        return bool(waiting) and (not self.serving or waiting & -waiting < self.serving & -self.serving)

    def acknowledge(self) -> int:
        waiting = self.requests & ~self.mask
        bit = waiting & -waiting
        self.requests &= ~bit
        self.serving |= bit
        return self.vectors + bit.bit_length() - 1


class PythonVmm:
    """One vCPU; `rate` runs it and says how fast it took interrupts."""

    def __init__(self, image: bytes) -> None:
        self.uc = uc = Uc(UC_ARCH_X86, UC_MODE_32)
        self.pic = Pic()
        self.pending = False
        self.delivered = self.wanted = 0
        self.started = self.ended = 0.0
        self.last_opcode_sti = False
        uc.mem_map(0, RAM)
        elf = ELFFile(io.BytesIO(image))
        for segment in elf.iter_segments("PT_LOAD"):
            uc.mem_write(segment["p_paddr"], segment.data())
        self.entry = elf["e_entry"]
        uc.hook_add(UC_HOOK_CODE, self.on_code)
        uc.hook_add(UC_HOOK_INTR, self.on_intr)
        uc.hook_add(UC_HOOK_INSN, self.on_in, None, 1, 0, UC_X86_INS_IN)
        uc.hook_add(UC_HOOK_INSN, self.on_out, None, 1, 0, UC_X86_INS_OUT)

    def on_code(self, uc: Uc, address: int, size: int, data: Any) -> None:
        """The boundary before every instruction."""
        shadow, self.last_opcode_sti = self.last_opcode_sti, uc.mem_read(address, 1)[0] == STI
        if self.pending and not shadow and uc.reg_read(UC_X86_REG_EFLAGS) & FLAG_IF:
            self.deliver(self.pic.acknowledge())
            self.pending = self.pic.wants

    def on_intr(self, uc: Uc, number: int, data: Any) -> None:
        self.deliver(number)

    def on_in(self, uc: Uc, port: int, size: int, data: Any) -> int:
        if port == PIC_DATA:
            return self.pic.mask
        return TRANSMITTER_EMPTY if port == LINE_STATUS else 0xFF

    def on_out(self, uc: Uc, port: int, size: int, value: int, data: Any) -> None:
        if port in TEST_LINES:
            self.pic.line(port - TEST_LINES.start, value)
        elif port == PIC_COMMAND:
            self.pic.write_command(value)
        elif port == PIC_DATA:
            self.pic.write_data(value)
        self.pending = self.pic.wants

    def deliver(self, vector: int) -> None:
        """Through a 32-bit gate without a change of ring."""
        uc = self.uc
        flags, cs, eip, esp = uc.reg_read_batch((UC_X86_REG_EFLAGS, UC_X86_REG_CS, UC_X86_REG_EIP, UC_X86_REG_ESP))
        base = uc.reg_read(UC_X86_REG_IDTR)[1]
        low, high = struct.unpack("<II", uc.mem_read(base + 8 * vector, 8))
        esp -= 12
        uc.mem_write(esp, struct.pack("<III", eip, cs, flags))
        trap_gate = high >> 8 & 1
        flags &= ~(FLAG_TF | FLAG_NT | FLAG_RF | (0 if trap_gate else FLAG_IF))
        uc.reg_write(UC_X86_REG_ESP, esp)
        uc.reg_write(UC_X86_REG_EFLAGS, flags)
        uc.reg_write(UC_X86_REG_EIP, (high & 0xFFFF0000) | (low & 0xFFFF))
        self.delivered += 1
        if self.delivered == 1:
            self.started = time.perf_counter()
        if self.delivered == self.wanted:
            self.ended = time.perf_counter()
            uc.emu_stop()

    def rate(self, interrupts: int) -> float:
        """Round trips a second of host time, from the first delivery to the last."""
        self.wanted = interrupts
        try:
            self.uc.emu_start(self.entry, 0)
        except UcError as error:
            where = self.uc.reg_read(UC_X86_REG_EIP)
            raise SystemExit(f"bench: the Python baseline stopped at {where:#x}: {error}") from error
        return (interrupts - 1) / (self.ended - self.started)
