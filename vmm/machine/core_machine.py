"""The core's machine that a configuration and a board's layout ask for, still without vCPUs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vmm.boards.board import Layout
from vmm.core.native import check, ffi, lib
from vmm.errors import VmmError
from vmm.loaders.image import MIB

if TYPE_CHECKING:
    from vmm._native import vmm_machine
    from vmm.machine.config import Config


PAGE = 4096


def made(config: Config, layout: Layout, insn_ns: int) -> vmm_machine:
    """The core's machine, still without vCPUs."""
    if (new := lib.vmm_new()) == ffi.NULL:
        raise VmmError("the host has no memory for a machine")
    native = ffi.gc(new, lib.vmm_free)
    native.insn_ns = insn_ns
    native.quantum = layout.quantum
    native.hole_first, native.hole_end = layout.devices
    native.hole_floats = layout.floating
    native.cpus = config.smp
    native.seed = config.seed
    if layout.rom:
        check(native, lib.vmm_map_rom(native, layout.rom))
    check(native, lib.vmm_map_ram(native, layout.ram_base, config.memory))
    if alias := layout.alias:
        check(native, lib.vmm_map_alias(native, alias.first, alias.of, alias.size))
    if layout.controller:
        check(native, layout.controller(native, config.smp))
    return native


def check_memory(size: int, layout: Layout) -> None:
    """VmmError for a size of RAM in bytes that no machine of this layout has."""
    if size <= 0 or size % PAGE or size > layout.most_ram:
        most = layout.most_ram // MIB
        mib = f"; in MiB it is {size}M" if size < PAGE else ""
        raise VmmError(f"--memory {size}: it must be whole pages of {PAGE} bytes, and at most {most}M{mib}")


def check_command_line(text: str) -> None:
    """VmmError for one that no guest can be given."""
    try:
        fits = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise VmmError("--append: a command line has no NUL and no half of a surrogate pair in it")
