"""Bare Unicorn with one empty hook written in C, of instructions or of blocks: the most that a VMM can reach that looks
before each. Its stores stay on Unicorn's slow path, which ours leave.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from vmm.core.native import unicorn_library

SOURCE = """
#include <stdint.h>
void empty(void *engine, uint64_t address, uint32_t size, void *user)
{
    (void)engine, (void)address, (void)size, (void)user;
}
"""
PROT_ALL = 7
KINDS = {"CODE": 1 << 2, "BLOCK": 1 << 3}
"""Of hooks: before each instruction, before each block."""
USE_EXITS = 4 | 1 << 26 | 1 << 30


class Arch(NamedTuple):
    """Unicorn's numbers, and where RAM begins."""

    number: int
    mode: int
    stack_pointer: int
    ram_base: int


ARCHES = {"x86": Arch(4, 1 << 2, 30, 0), "arm64": Arch(2, 0, 4, 0x40000000)}
"""32-bit x86 and A64."""


class EmptyHook:
    """The compiled hook; `found` is False where there is no C compiler."""

    def __init__(self, arch: str = "x86", kind: str = "CODE") -> None:
        self.found = False
        self.kind = kind
        self._arch = ARCHES[arch]
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            return
        with tempfile.TemporaryDirectory() as scratch:
            source, library = Path(scratch) / "empty.c", Path(scratch) / "empty.so"
            source.write_text(SOURCE)
            command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
            if subprocess.run(command, capture_output=True).returncode == 0:
                self._library = ctypes.CDLL(str(library))
                self.address = ctypes.cast(self._library.empty, ctypes.c_void_p)
                self.found = True

    def seconds(self, code: bytes, where: int, ram: int) -> float:
        """Host time of `code`, which ends with HLT or WFI, put at `where` in `ram` bytes of memory."""
        arch = self._arch
        unicorn = ctypes.CDLL(str(unicorn_library()))
        engine, hook = ctypes.c_void_p(), ctypes.c_size_t()

        def call(name: str, *arguments: object) -> None:
            error = getattr(unicorn, name)(*arguments)
            if error:
                raise SystemExit(f"bench: bare Unicorn: {name} gives error {error}")

        word = ctypes.c_uint64
        call("uc_open", arch.number, arch.mode, ctypes.byref(engine))
        call("uc_ctl", engine, USE_EXITS, 1)
        call("uc_mem_map", engine, word(arch.ram_base), word(ram), PROT_ALL)
        call("uc_mem_write", engine, word(where), code, word(len(code)))
        call("uc_reg_write", engine, arch.stack_pointer, ctypes.byref(word(where)))
        call("uc_hook_add", engine, ctypes.byref(hook), KINDS[self.kind], self.address, None, word(1), word(0))
        started = time.perf_counter()
        call("uc_emu_start", engine, word(where), word(0), word(0), ctypes.c_size_t(0))
        ended = time.perf_counter()
        call("uc_close", engine)
        return ended - started
