"""Bare Unicorn with one empty CODE hook written in C: the most that a VMM with an instruction boundary can reach."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from vmm.engine import unicorn_library

SOURCE = """
#include <stdint.h>
void empty(void *engine, uint64_t address, uint32_t size, void *user)
{
    (void)engine, (void)address, (void)size, (void)user;
}
"""
ARCH_X86, MODE_32, PROT_ALL, HOOK_CODE = 4, 1 << 2, 7, 1 << 2
USE_EXITS = 4 | 1 << 26 | 1 << 30
REG_EIP, REG_ESP = 26, 30


class EmptyHook:
    """The compiled hook; `found` is False where there is no C compiler."""

    def __init__(self) -> None:
        self.found = False
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
        """Host time of `code`, 32-bit flat and ending with HLT, put at `where` in `ram` bytes of memory."""
        unicorn = ctypes.CDLL(str(unicorn_library()))
        engine, hook = ctypes.c_void_p(), ctypes.c_size_t()

        def call(name: str, *arguments: object) -> None:
            error = getattr(unicorn, name)(*arguments)
            if error:
                raise SystemExit(f"bench: bare Unicorn: {name} gives error {error}")

        word = ctypes.c_uint64
        call("uc_open", ARCH_X86, MODE_32, ctypes.byref(engine))
        call("uc_ctl", engine, USE_EXITS, 1)
        call("uc_mem_map", engine, word(0), word(ram), PROT_ALL)
        call("uc_mem_write", engine, word(where), code, word(len(code)))
        call("uc_reg_write", engine, REG_ESP, ctypes.byref(ctypes.c_uint32(where)))
        call("uc_hook_add", engine, ctypes.byref(hook), HOOK_CODE, self.address, None, word(1), word(0))
        started = time.perf_counter()
        call("uc_emu_start", engine, word(where), word(0), word(0), ctypes.c_size_t(0))
        ended = time.perf_counter()
        call("uc_close", engine)
        return ended - started
