"""x86 guests made of random bytes. Biased noise is rich in what an interrupt laboratory must survive: privileged
instructions, far transfers, ports and model-specific registers (Intel SDM vol. 2).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from fuzz_noise import Kind, Noise

from vmm.arch.x86.vcpu import CODE32, DATA32, EFER, Segment
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine
from vmm.sources import bundled

SMALL, LARGE = 2 * MIB, 3072 * MIB
"""RAM that stray accesses miss, and RAM that hardly any misses."""
NOISE = 0x20000
"""Bytes of RAM from 0 that are random: where a stray jump or a stack lands."""
GDT, IDT, TSS, LDT, CODE = 0x1000, 0x2000, 0x3000, 0x4000, 0x8000
TABLES, DIRECTORIES, PAGES = 0x30000, 0x31000, 0x32000
"""Page tables: the root, behind it a long-mode page-directory-pointer table, and the table of 2 or 4 MiB pages."""
CODE_BYTES = 512

KERNEL32, STACKS, KERNEL64, TASK = 0x08, 0x10, 0x18, 0x20
USER32, USER_STACKS, USER64, OTHER_TASK = 0x30, 0x38, 0x40, 0x48
CODE64 = 0xAF9B00
RING3 = 3 << 13
TSS32, LDT_TYPE = 0x8900, 0x8200
DESCRIPTORS = (
    (KERNEL32, 0, CODE32), (STACKS, 0, DATA32), (KERNEL64, 0, CODE64), (TASK, TSS, TSS32), (0x28, LDT, LDT_TYPE),
    (USER32, 0, CODE32 | RING3), (USER_STACKS, 0, DATA32 | RING3), (USER64, 0, CODE64 | RING3),
    (OTHER_TASK, TSS + 0x200, TSS32),
)  # fmt: skip

# Two hexadecimal digits are a byte, a name is a token below; code of every width takes them in its own way.
SNIPPETS = tuple(
    line.split()
    for line in """
    cd any | cd any | cc | ce | f1 | 0f 0b | cf | cf | 48 cf | f4 | f4 | fb | fa | fb f4 | 9c | 9d | 6a any 9d
    e4 any | e6 any | e5 any | ed | ec | ee | ef | 66 ba port ec | ba port ed | ba port ee | ba port ef | f3 6c | f3 6e
    b0 any e6 20 | b0 any e6 21 | b0 any e6 a0 | b0 any e6 43 | b0 any e6 40 | b0 any e6 70 | e4 71 | b0 any e6 71
    ba testdev b0 01 ee | ba testdev b0 00 ee
    0f 01 any | 0f 01 mem | 0f 00 any | 0f 00 mem | 0f 01 d0 | 0f 01 d1 | 0f 01 d8 | 0f 01 f8 | 0f 01 f9 | 0f 06
    osize b8 value 0f 22 any | 0f 20 any | osize b8 value 0f 22 c0 | osize b8 value 0f 22 e0 | osize b8 value 0f 22 d8
    osize b8 value 0f 23 any | 0f 21 any | 0f 22 c0 | osize b8 value 0f 23 f8 | osize b8 value 0f 23 c0
    osize b9 msr 0f 30 | osize b9 msr 0f 32 | 0f 30 | 0f 32 | 0f 31 | 0f 33 | 0f a2 | 0f c7 any | 0f ae any | 0f aa
    ea value any any | 9a value any any | cb | ca any any | c3 | c8 any any any | c9 | ff mem | ff any | 0f 05 | 0f 07
    0f 34 | 0f 35 | 8e any | 8c any | 17 | 07 | 1f | 0f a1 | 0f a9 | 16 | 0f b2 mem | 66 any | 67 any | f0 any
    f3 a4 | f3 aa | f2 a6 | f3 ab | 66 f3 a5 | f6 any | f7 any | d9 any | db any | 0f 0f any | 62 any | c4 any | c5 any
    osize bc value | 89 e0 | 0f 38 any any | 0f 3a any any | 0f 08 | 0f 09 | 0f 18 any | 90 | eb any | e2 any | 75 any
    """.replace("\n", "|").split("|")
    if line.strip()
)
VALUES = (
    0, 1, 2, 0x11, 0x20, 0x80, 0x400, 0x7FF, 0x1000, 0x8000, 0xFFFF, 0x10000, 0x30000, 0x7FFFFFFF, 0x80000000,
    0x80000001, 0x80000011, 0xE0000011, 0xC0000000, 0xFEE00000, 0xFEE000B0, 0xFF000000, 0xFFFFF000, 0xFFFFFFFF,
)  # fmt: skip
MSRS = (
    0x10, 0x1B, 0x3B, 0xFE, 0x174, 0x175, 0x176, 0x1A0, 0x200, 0x277, 0x2FF, 0x6E0, 0x802, 0xC0000080, 0xC0000081,
    0xC0000082, 0xC0000084, 0xC0000100, 0xC0000102, 0xC0000103, 0xC0010117,
)  # fmt: skip
PORTS = (
    0x20, 0x21, 0x40, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x92, 0xA0, 0xA1, 0xE0, 0xF4, 0x2F8, 0x3F8, 0x3F9,
    0x3FA, 0x3FB, 0x3FC, 0x402, 0x4D0, 0x4D1, 0x510, 0x511, 0x514, 0x600, 0x604, 0x608, 0xCF8, 0xCFC, 0x2000, 0xFFFF,
)  # fmt: skip


class X86Noise(Noise):
    EXTREMES = VALUES

    def token(self, text: str, wide: bool) -> bytes:
        """The bytes of one word of a snippet, in code of 32 or 64 bits if `wide`."""
        match text:
            case "any":
                return self.randbytes(1)
            case "mem":
                return bytes((self.randrange(8) << 3 | (5 if wide else 6),)) + self.word(self.randrange(NOISE), wide)
            case "value":
                return self.word(self.value(), True)
            case "msr":
                return self.word(self.choice(MSRS), True)
            case "port":
                return self.word(self.choice(PORTS), wide)
            case "testdev":
                return self.word(0x2000 + self.randrange(16), wide)
            case "osize":
                return b"" if wide else b"\x66"
        return bytes.fromhex(text)

    @staticmethod
    def word(value: int, wide: bool) -> bytes:
        return (value & (0xFFFFFFFF if wide else 0xFFFF)).to_bytes(4 if wide else 2, "little")

    def code(self, *, biased: bool, wide: bool) -> bytes:
        if not biased:
            return self.randbytes(CODE_BYTES)
        parts = bytearray()
        while len(parts) < CODE_BYTES:
            snippet = self.choice(SNIPPETS) if self.likely(0.8) else ["any"] * self.randint(1, 4)
            for text in snippet:
                parts += self.token(text, wide)
        return bytes(parts[:CODE_BYTES])

    def descriptor(self, base: int, attributes: int) -> bytes:
        """One with the whole address space as its limit."""
        low = 0xFFFF | (base & 0xFFFF) << 16
        high = (base >> 16 & 0xFF) | (base & 0xFF000000) | 0xF0000 | attributes
        return (high << 32 | low).to_bytes(8, "little")

    def gate(self, code: int) -> bytes:
        """A gate to somewhere in the code, one in eight with a field out of place; 8 bytes."""
        selector, kind, ist = code, self.choice((0x8E, 0x8F, 0xEE, 0xEF)), 0
        if self.likely(0.12):
            selector = self.choice((0x10, 0x20, 0x30, 0x48, self.getrandbits(16)))
            kind = self.choice((0x85, 0x86, 0x87, 0xE5, self.getrandbits(8)))
            ist = self.choice((0, 1, 7)) if code == KERNEL64 else 0
        offset = CODE + self.randrange(CODE_BYTES)
        return (offset | selector << 16 | ist << 32 | kind << 40).to_bytes(8, "little")


def fill(machine: Machine, chance: X86Noise, *, biased: bool, wide: bool) -> None:
    """Noise at the bottom of RAM with the code in it, and noise in the registers."""
    machine.memory.write(0, chance.randbytes(NOISE))
    machine.memory.write(CODE, chance.code(biased=biased, wide=wide))
    for name in ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp"):
        machine.cpu[name] = chance.value()
    machine.cpu["rsp"] = chance.choice((0x7000, 0x7000, 0xFFFE, chance.value()))


def real(machine: Machine, chance: X86Noise, biased: bool) -> None:
    fill(machine, chance, biased=biased, wide=False)
    if chance.likely(0.7):
        vectors = b"".join(X86Noise.word(CODE + chance.randrange(CODE_BYTES), True) for _ in range(256))
        machine.memory.write(0, vectors)
    machine.cpu.enter_real(0, CODE, {"rsp": 0x7000})


def build_tables(machine: Machine, chance: X86Noise, code: int) -> None:
    """A GDT that works with noise behind it, an IDT that mostly does, a TSS with stacks for every ring."""
    gdt = bytearray(chance.randbytes(0x100))
    for selector, base, attributes in DESCRIPTORS:
        gdt[selector : selector + 8] = chance.descriptor(base, attributes)
    machine.memory.write(GDT, bytes(gdt))
    upper = bytes(8) if code == KERNEL64 else b""
    machine.memory.write(IDT, b"".join(chance.gate(code) + upper for _ in range(256)))
    if chance.likely(0.9):
        tops = [X86Noise.word(0x7000, True) + (bytes(4) if code == KERNEL64 else X86Noise.word(STACKS, True))] * 12
        machine.memory.write(TSS + 4, b"".join(tops))
    cpu = machine.cpu
    cpu.set_segment("gdtr", Segment(0, GDT, chance.choice((0xFF, 0xFF, 0x4F, 0xFFFF)), 0))
    cpu.set_segment("idtr", Segment(0, IDT, chance.choice((0xFFF, 0xFFF, 0x7FF, 0x3F, 0xFFFF)), 0))
    cpu.set_segment("tr", Segment(TASK, TSS, chance.choice((0x67, 0x67, 0x20)), TSS32 | 0x200))


def map_pages(machine: Machine, chance: X86Noise, size: int, step: int) -> None:
    """Memory as it is in pages of `step` bytes, each entry `size` bytes, some of them noise."""
    table = bytearray()
    for index in range(0x1000 // size):
        entry = (index * step & 0xFFFFFFFF) | 0xE7 if index == 0 or chance.likely(0.8) else chance.getrandbits(8 * size)
        table += entry.to_bytes(size, "little")
    machine.memory.write(PAGES, bytes(table))


def protected32(machine: Machine, chance: X86Noise, biased: bool) -> None:
    fill(machine, chance, biased=biased, wide=True)
    build_tables(machine, chance, KERNEL32)
    machine.cpu.enter_protected32(CODE, {})
    for name, selector in (("cs", KERNEL32), ("ss", STACKS)):
        part = machine.cpu.segment(name)
        machine.cpu.set_segment(name, Segment(selector, part.base, part.limit, part.attributes))
    if chance.likely(0.5):
        map_pages(machine, chance, 4, 4 * MIB)
        machine.cpu["cr4"] = 1 << 4
        machine.cpu["cr3"] = PAGES
        machine.cpu["cr0"] = machine.cpu["cr0"] | 1 << 31
    machine.cpu["rflags"] = chance.getrandbits(22) & ~(1 << 17) | 2
    if chance.likely(0.3):
        enter_ring3(machine, USER32)


def long64(machine: Machine, chance: X86Noise, biased: bool) -> None:
    fill(machine, chance, biased=biased, wide=True)
    build_tables(machine, chance, KERNEL64)
    map_pages(machine, chance, 8, 2 * MIB)
    machine.memory.write(TABLES, (DIRECTORIES | 7).to_bytes(8, "little"))
    machine.memory.write(DIRECTORIES, (PAGES | 7).to_bytes(8, "little"))
    cpu = machine.cpu
    cpu["cr4"] = 1 << 5
    cpu.set_msr(EFER, 1 << 8)
    cpu["cr3"] = TABLES
    cpu["cr0"] = cpu["cr0"] | 1 << 31 | 1
    cpu.set_segment("cs", Segment(KERNEL64, 0, 0xFFFFFFFF, CODE64))
    for name in ("ss", "ds", "es", "fs", "gs"):
        cpu.set_segment(name, Segment(STACKS, 0, 0xFFFFFFFF, DATA32))
    cpu["rip"] = CODE
    cpu["rflags"] = chance.getrandbits(22) & ~(1 << 17) | 2
    if chance.likely(0.3):
        enter_ring3(machine, USER64)


def enter_ring3(machine: Machine, code: int) -> None:
    for name, selector in (("cs", code), ("ss", USER_STACKS)):
        part = machine.cpu.segment(name)
        machine.cpu.set_segment(name, Segment(selector | 3, part.base, part.limit, part.attributes | RING3))


def image_with_noise(machine: Machine, chance: X86Noise, biased: bool) -> None:
    """A bundled guest's file with a few bytes of its headers and tables changed; `biased`: no multiboot header."""
    image = bytearray((bundled() / "x86/hello/hello.elf").read_bytes())
    headers = (0, 0x80)
    at = image.index(b"\x02\xb0\xad\x1b")
    if biased:
        image[at : at + 4] = bytes(4)
    else:
        headers = chance.choice((headers, (at, at + 48)))
    spans = (headers, headers, (int.from_bytes(image[32:36], "little"), len(image)), (0, len(image)))
    for _ in range(chance.randint(1, 4)):
        low, high = chance.choice(spans)
        where, size = chance.randrange(low, high), chance.choice((1, 2, 4))
        image[where : where + size] = X86Noise.word(chance.value(), True)[:size]
    if not biased and chance.likely(0.3):
        flags = chance.getrandbits(17)
        header = (0x1BADB002, flags, -(0x1BADB002 + flags))
        image[at : at + 12] = b"".join(X86Noise.word(field, True) for field in header)
    if chance.likely(0.1):
        del image[chance.randrange(len(image)) :]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "noise.elf"
        path.write_bytes(image)
        machine.load(path)
        machine.where(chance.value())


# ---- programs that go on ----

HANDLERS = 0x6000
"""Where handlers lie: of a fault, of one with an error code, of a trap, of an interrupt; each in 32 bytes."""
SKIPS, POPS_AND_SKIPS, RETURNS, ENDS = range(4)
WITH_ERROR, TRAPS = (8, 10, 11, 12, 13, 14, 17), (1, 3, 4)
EOI = "50 b0 20 e6 20 e6 a0 58"
"""PUSH AX; both 8259As are told the end of the interrupt; POP AX."""
BODIES = {
    16: ("55 89 e5 ff 46 02 5d cf", "55 89 e5 ff 46 02 5d cf", "cf", f"{EOI} cf"),
    32: ("ff 04 24 cf", "83 c4 04 ff 04 24 cf", "cf", f"{EOI} cf"),
    64: ("48 ff 04 24 48 cf", "48 83 c4 08 48 ff 04 24 48 cf", "48 cf", f"{EOI} 48 cf"),
}
"""What faults is left behind byte by byte."""
STEPS = tuple(
    line.split()
    for line in """
    any any | any any any | 40 | 41 | 01 c8 | 11 d0 | 29 c8 | 19 d0 | 0f af c1 | d1 d0 | c1 e8 any | f7 d8 | 0f c1 c8
    89 mem | 8b mem | 01 mem | ff mem | 86 mem | f0 01 mem | f0 0f b1 mem | 50 | 58 | 53 | 5b | 9c | 9d | 60 | 61
    c6 self any | c6 self any 40 | 88 self | c6 self 90 | fe self | c7 self any any any any
    fb | fa | fb 90 | 16 17 | 8e d0 | 8c d0 8e d0 | 9c 58 0d 00 01 00 00 50 9d | 9c 80 4c 24 01 01 9d | f3 aa | f3 a4
    b9 value | be value | bf value | b9 any 00 00 00 | 66 b9 any 00 | b0 any | e8 00 00 00 00 58 | eb 00 | 75 00 | e2 00
    cd any | cc | ce | 0f 0b | 0f a2 | 0f 31 | f3 90 | 0f 20 c0 | 0f 00 c8 | f4 | 0f 05 | 0f 34 | f1 | 9b d9 c0
    0f 58 c1
    """.replace("\n", "|").split("|")
    if line.strip()
)


def program(machine: Machine, chance: X86Noise, bits: int, biased: bool) -> None:
    """Steps in any order, again and again, some of which change others, and handlers that go on behind what faults."""
    steps, body = (STEPS, SNIPPETS) if biased else (STEPS,) * 2, bytearray()
    wide = bits != 16
    tail = (b"\xbc" + X86Noise.word(0x7000, wide), b"\xe9")
    while len(body) < CODE_BYTES - 32:
        for text in chance.choice(chance.choice(steps)):
            if text == "self":
                body += bytes((5 if wide else 6,)) + X86Noise.word(program_address(chance, bits, len(body) + 5), wide)
            else:
                body += chance.token(text, wide)
    body += b"".join(tail)
    body += X86Noise.word(-len(body) - (4 if wide else 2), wide)
    machine.memory.write(CODE, bytes(body))
    for index, text in enumerate(BODIES[bits]):
        machine.memory.write(HANDLERS + 32 * index, bytes.fromhex(text))


def program_address(chance: X86Noise, bits: int, here: int) -> int:
    """Of a byte of the program, most often one that comes soon; in 64-bit code as a distance."""
    ahead = chance.randrange(1, 12) if chance.likely(0.7) else chance.randrange(-here, CODE_BYTES - here)
    return ahead if bits == 64 else CODE + here + ahead


def handler(vector: int) -> int:
    kind = RETURNS if vector in TRAPS else POPS_AND_SKIPS if vector in WITH_ERROR else SKIPS if vector < 32 else ENDS
    return HANDLERS + 32 * kind


def real_program(machine: Machine, chance: X86Noise, biased: bool) -> None:
    real(machine, chance, biased)
    program(machine, chance, 16, biased)
    machine.memory.write(0, b"".join(X86Noise.word(handler(vector), True) for vector in range(256)))


def protected32_program(machine: Machine, chance: X86Noise, biased: bool) -> None:
    protected32(machine, chance, biased)
    program(machine, chance, 32, biased)
    gates = (handler(vector) | KERNEL32 << 16 | 0xEE << 40 for vector in range(256))
    machine.memory.write(IDT, b"".join(gate.to_bytes(8, "little") for gate in gates))
    machine.cpu["rsp"] = 0x7000


def long64_program(machine: Machine, chance: X86Noise, biased: bool) -> None:
    """Handlers have a stack of their own half of the time."""
    long64(machine, chance, biased)
    program(machine, chance, 64, biased)
    ist = chance.randrange(2)
    gates = (handler(vector) | KERNEL64 << 16 | ist << 32 | 0xEE << 40 for vector in range(256))
    machine.memory.write(IDT, b"".join(gate.to_bytes(16, "little") for gate in gates))
    machine.cpu["rsp"] = 0x7000


PRELUDE, HANDLERS16 = 0x6800, 0x6400
ICR_LOW, ICR_HIGH = 0xFEE00300, 0xFEE00310
TO_ID_1, INIT, SIPI = 1 << 24, 0x4500, 0x4600 | CODE >> 12


def two_programs(machine: Machine, chance: X86Noise, biased: bool) -> None:
    """The first vCPU starts the second at the same code, which is of 16 bits there (SDM vol. 3A 11.6.1)."""
    protected32_program(machine, chance, biased)
    for index, text in enumerate(BODIES[16]):
        machine.memory.write(HANDLERS16 + 32 * index, bytes.fromhex(text))
    offsets = (HANDLERS16 - HANDLERS + handler(vector) for vector in range(256))
    machine.memory.write(0, b"".join(X86Noise.word(offset, True) for offset in offsets))
    stores = ((ICR_HIGH, TO_ID_1), (ICR_LOW, INIT), (ICR_LOW, SIPI))
    prelude = b"".join(b"\xc7\x05" + X86Noise.word(at, True) + X86Noise.word(value, True) for at, value in stores)
    machine.memory.write(PRELUDE, prelude + b"\xe9" + X86Noise.word(CODE - PRELUDE - len(prelude) - 5, True))
    machine.cpu["rip"] = PRELUDE


def configure_two(chance: Noise) -> Config:
    board = f"pc,quantum={chance.choice((1, 2, 3, 100, 1000))}"
    return Config(board=board, memory=LARGE, smp=2, seed=chance.getrandbits(2), console=None)


def configure(chance: Noise) -> Config:
    return Config(memory=chance.choice((SMALL, LARGE)), cpu=chance.choice(("default", "max")), console=None)


def configure_image(chance: Noise) -> Config:
    return Config(memory=SMALL, cpu=chance.choice(("default", "max")), console=None)


def stimulate(machine: Machine, chance: Noise) -> None:
    match chance.randrange(4):
        case 0:
            machine.nmi()
        case 1:
            machine.irq(chance.randrange(16)).pulse()
        case 2:
            machine.inject(chance.randrange(256))


KINDS = (
    *(Kind(X86Noise, configure, prepare, stimulate) for prepare in (real, protected32, long64)),
    *(Kind(X86Noise, configure, prepare, stimulate) for prepare in (real_program, protected32_program, long64_program)),
    Kind(X86Noise, configure_two, two_programs, stimulate),
    Kind(X86Noise, configure_image, image_with_noise, stimulate),
)
