"""Images of a few bytes to run.

Flat ones stand at 0000:7C00 in real mode; those of AArch64 at 4008_0000h in EL1, whose vectors are at 0.
"""

EXIT_0 = bytes.fromhex("b000 e6f4")  # mov al,0; out 0f4h,al
EXIT_3 = bytes.fromhex("b003 e6f4")
POWER_OFF = bytes.fromhex("ba0406 b80020 ef")  # mov dx,604h; mov ax,2000h; out dx,ax
SLEEP = bytes.fromhex("ba0406 b80034 ef ebfe")  # the same with 3400h: SLP_TYP 5; then for ever
RESET = bytes.fromhex("b0fe e664")  # mov al,0feh; out 64h,al
SPIN = bytes.fromhex("ebfe")  # jmp $
HALT_MASKED = bytes.fromhex("fa f4")  # cli; hlt
HALT_OPEN = bytes.fromhex("fb f4")  # sti; hlt
LEAVE_RAM = bytes.fromhex("ea 1000 ffff")  # jmp 0ffffh:10h, which is 1 MiB
SHUTDOWN = bytes.fromhex("0f011e007d 0f0b")  # lidt [7d00h], where all is zero; ud2
SOFTWARE = bytes.fromhex("cd80") + EXIT_0  # int 80h
ECHO = bytes.fromhex("ba fd03 ec a801 74f8 ba f803 ec ee 3c71 75ef")
"""Sends back what it is sent, to "q".

again: mov dx,3fdh; in al,dx; test al,1; jz again; mov dx,3f8h; in al,dx; out dx,al; cmp al,"q"; jne again
"""
TEST_PORT = (
    bytes.fromhex(
        "ba0120 b001 ee"  # mov dx,2001h; mov al,1; out dx,al: IRQ 1
        "90 90 90 fb 90"  # nop; nop; nop; sti; nop, in the shadow of sti
    )
    + EXIT_0
)
"""IRQ 1 is requested by the 3rd instruction and delivered after the 8th."""


def a64(*instructions: int) -> bytes:
    """Code of AArch64."""
    return b"".join(word.to_bytes(4, "little") for word in instructions)


A64_OFF = (0x52B08000, 0x72800100, 0xD4000002)  # movz w0,#8400h,lsl #16; movk w0,#8; hvc #0: PSCI SYSTEM_OFF
A64_GUEST_ERRORS = a64(
    0xD2A10021,  # movz x1,#801h,lsl #16: the GICv2's CPU interface
    0x528000A0,  # mov w0,#5
    0xB9001020,  # str w0,[x1,#10h]: GICC_EOIR
    0xB9020020,  # str w0,[x1,#200h]: no register
    *A64_OFF,
)
A64_NOWHERE = a64(0xD2A18001, 0xB9400020)  # movz x1,#0c00h,lsl #16; ldr w0,[x1]: nobody decodes that address
A64_SVC = a64(
    0xD2A80101,  # movz x1,#4008h,lsl #16
    0xF2810001,  # movk x1,#800h
    0xD518C001,  # msr vbar_el1,x1
    0xD40000E1,  # svc #7
).ljust(0xA00, b"\0") + a64(*A64_OFF)  # at 200h in the vectors: an exception of EL1 with its own stack
A64_SPIN = a64(0x14000000)  # b .


def say(text: bytes) -> bytes:
    """Code that sends `text` to COM1: mov dx,3f8h, then mov al,…; out dx,al for each byte."""
    return b"\xba\xf8\x03" + b"".join(b"\xb0%c\xee" % byte for byte in text)
