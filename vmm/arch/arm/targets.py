"""How tools are told about ARM."""

from __future__ import annotations

from vmm.arch.target import Target

# One float ABI for assembler and C, or GNU ld does not link the two; soft: a handler leaves the FP registers alone.
_CORTEX_A15 = ("-mcpu=cortex-a15", "-marm", "-mfloat-abi=soft")

AARCH64 = Target(
    zig=("-target", "aarch64-freestanding"),
    clang=("--target=aarch64-unknown-none-elf",),
    gcc=(),
    cross=(("aarch64-linux-gnu-gcc",), ("aarch64-none-elf-gcc",)),
    linker=("-m", "aarch64elf"),
    c_flags=("-mgeneral-regs-only", "-mstrict-align"),  # with the MMU off all memory is Device: nothing unaligned
    zig_c_flags=("-mcpu=generic-neon-fp_armv8+strict_align",),
    accepted="mrs x0, elr_el1\n",
    refused=".byte _start\n",
)
AARCH32 = Target(
    zig=("-target", "arm-freestanding-eabi", "-mcpu=cortex_a15", *_CORTEX_A15[1:]),
    clang=("--target=armv7a-unknown-none-eabi", *_CORTEX_A15),
    gcc=_CORTEX_A15,
    cross=tuple(
        (gcc, *_CORTEX_A15) for gcc in ("arm-none-eabi-gcc", "arm-linux-gnueabi-gcc", "arm-linux-gnueabihf-gcc")
    ),
    linker=(),  # GNU calls it armelf or armelf_linux_eabi by the toolchain; each linker knows its own
    c_flags=("-mno-unaligned-access",),
    zig_c_flags=("-mcpu=cortex_a15+strict_align",),
    accepted="mrs r0, spsr\n",
    refused="_start: ldr r0, _start + 0x100000\n",
)
