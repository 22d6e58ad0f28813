"""How tools are told about x86."""

from __future__ import annotations

from vmm.arch.target import Target

TARGET = Target(
    zig=("-target", "x86-freestanding"),
    clang=("--target=i386-unknown-none-elf",),
    gcc=("-m32",),
    cross=(("i686-linux-gnu-gcc",), ("i686-elf-gcc",)),
    linker=("-m", "elf_i386"),
    c_flags=("-mgeneral-regs-only", "-fcf-protection=none"),
    zig_c_flags=("-mcpu=baseline-sse-sse2-mmx-x87",),
    accepted="movl %cr0, %eax\n",
    refused=".code64\nmovabs $_start, %rax\n",
)
