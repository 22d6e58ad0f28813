"""Register names of x86 and the numbers Unicorn's public API has for them."""

from vmm.core.native import lib

NAMES = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
    "eflags", "eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip",
    "ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ip", "al", "bl", "cl", "dl", "ah", "bh", "ch", "dh",
    "cr0", "cr2", "cr3", "cr4", "dr0", "dr1", "dr2", "dr3", "dr6", "dr7", "mxcsr", "fpcw", "fpsw", "fptag",
)  # fmt: skip
NUMBERS: dict[str, int] = {name: getattr(lib, f"UC_X86_REG_{name.upper()}") for name in NAMES}
NUMBERS["rflags"] = NUMBERS["eflags"]
