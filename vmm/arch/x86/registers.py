"""Register names of x86 and the numbers Unicorn's public API has for them."""

NUMBERS = {
    "rax": 35, "rbx": 37, "rcx": 38, "rdx": 40, "rsi": 43, "rdi": 39, "rbp": 36, "rsp": 44,
    "r8": 106, "r9": 107, "r10": 108, "r11": 109, "r12": 110, "r13": 111, "r14": 112, "r15": 113,
    "rip": 41, "rflags": 25, "eflags": 25,
    "eax": 19, "ebx": 21, "ecx": 22, "edx": 24, "esi": 29, "edi": 23, "ebp": 20, "esp": 30, "eip": 26,
    "ax": 3, "bx": 8, "cx": 12, "dx": 18, "si": 45, "di": 14, "bp": 6, "sp": 47, "ip": 34,
    "al": 2, "bl": 5, "cl": 10, "dl": 16, "ah": 1, "bh": 4, "ch": 9, "dh": 13,
    "cr0": 50, "cr2": 52, "cr3": 53, "cr4": 54,
    "dr0": 66, "dr1": 67, "dr2": 68, "dr3": 69, "dr6": 72, "dr7": 73,
    "mxcsr": 249, "fpcw": 246, "fpsw": 31, "fptag": 247,
}  # fmt: skip
