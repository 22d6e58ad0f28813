"""The registers of an ARM vCPU in QEMU's words: what its `-d cpu` and `info registers` write."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.arch.arm.vcpu import THUMB, Arm

FLAGS = "NZCV"
"""From bit 31 on."""
ROW32, ROW64 = 4, 3
"""Registers of a line."""


def registers(cpu: Arm) -> Iterator[str]:
    """A line after the other."""
    state = cpu.pstate
    flags = "".join(letter if state >> 31 - n & 1 else "-" for n, letter in enumerate(FLAGS))
    if cpu.arch == "arm":
        names = [*(f"r{n}" for n in range(13)), "sp", "lr", "pc"]
        told = [f"R{n:02}={cpu[name]:08x}" for n, name in enumerate(names)]
        yield from (" ".join(told[n : n + ROW32]) for n in range(0, len(told), ROW32))
        yield f"PSR={state:08x} {flags} {'T' if state & THUMB else 'A'} {cpu.mode}32"
        return
    told = [f" PC={cpu.pc:016x}", *(f"X{n:02}={cpu[f'x{n}']:016x}" for n in range(31)), f" SP={cpu['sp']:016x}"]
    yield from (" ".join(told[n : n + ROW64]) for n in range(0, len(told), ROW64))
    yield f"PSTATE={state:08x} {flags} EL{cpu.el}{cpu.mode[-1]}"
