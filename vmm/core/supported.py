"""Which hosts vmm runs on. setup.py asks this file, too, before there is anything to import."""

from __future__ import annotations

import os
import sys


def has_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (OSError, ValueError):  # another C library knows no such name
        return False


def unsupported() -> str | None:
    """One line that says why vmm cannot run here, or None where it can."""
    if sys.platform != "linux":
        found = sys.platform
    elif os.uname().machine != "x86_64" or sys.maxsize < 1 << 32:
        found = f"{'64' if sys.maxsize >= 1 << 32 else '32'}-bit Python on {os.uname().machine} Linux"
    elif not has_glibc():
        found = "a C library that is not glibc"
    else:
        return None
    # native/unicorn/uc_plt.c and native/arm/it.c: nothing else of the house knows its host.
    return (
        f"this is {found}, and only Linux on x86-64 with glibc works: vmm stands between Unicorn's own calls "
        "in the slots of an ELF library, and reads the stack frames of x86-64 code"
    )
