"""Builds `vmm._native` with cffi (API mode). The declarations Python sees are cut from the C headers themselves."""

import os
import re
from pathlib import Path

from cffi import FFI

NATIVE = Path(__file__).parent
HEADER = "api/vmm_all.h"
SOURCES = sorted(str(path.relative_to(NATIVE)) for path in NATIVE.rglob("*.c"))
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wshadow"]
"""Errors in CI: VMM_NATIVE_FLAGS=-Werror."""

PYTHON_CALLBACKS = """
extern "Python" {
    uint32_t vmm_py_port_read(void *, uint32_t, uint32_t, uint32_t);
    void vmm_py_port_write(void *, uint32_t, uint32_t, uint32_t, uint32_t);
    uint64_t vmm_py_mmio_read(void *, uint32_t, uint64_t, uint32_t);
    void vmm_py_mmio_write(void *, uint32_t, uint64_t, uint32_t, uint64_t);
    void vmm_py_timer(void *, uint32_t);
    uint32_t vmm_py_trap(void *, uint32_t, vmm_trap *);
    void vmm_py_drain(void *);
    void vmm_py_console(void *, const uint8_t *, uint32_t);
    uint32_t vmm_py_judge(void *, const vmm_ending *);
    void vmm_py_act(void *, uint32_t);
    uint32_t vmm_py_take(void *);
    void vmm_py_put(void *, uint32_t);
}
"""


def declarations(name: str, seen: set[str]) -> str:
    """A header, its parts in their places, without what cffi cannot read: guards and suffixed constants."""
    if name in seen:
        return ""
    seen.add(name)
    text = (NATIVE / name).read_text()
    text = re.sub(r'^#include "([\w/]+\.h)"$', lambda part: declarations(part[1], seen), text, flags=re.MULTILINE)
    text = re.sub(r"^#(include|ifndef|endif|define \w+_H\b).*$", "", text, flags=re.MULTILINE)
    return re.sub(r"^(#define \w+ (?:0x)?[0-9a-fA-F]+)U?L*$", r"\1", text, flags=re.MULTILINE)


SEEN_BY_PYTHON = declarations(HEADER, set()) + PYTHON_CALLBACKS

builder = FFI()
builder.cdef(SEEN_BY_PYTHON)
builder.set_source(
    "vmm._native",
    '#include "calls.h"',
    sources=[f"native/{name}" for name in SOURCES],
    include_dirs=["native"],
    depends=[f"native/{path.relative_to(NATIVE)}" for path in sorted(NATIVE.rglob("*.h"))],
    extra_compile_args=["-O2", "-g", "-fvisibility=hidden", *WARNINGS, *os.environ.get("VMM_NATIVE_FLAGS", "").split()],
    extra_link_args=os.environ.get("VMM_NATIVE_LINK", "").split(),
    libraries=["dl"],
)

if __name__ == "__main__":
    builder.compile(verbose=True)
