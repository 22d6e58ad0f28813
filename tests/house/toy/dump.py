"""Its part of a post-mortem."""

LONGEST = 2


def code(cpu):
    return "toy code"


def registers(cpu):
    yield " ".join(f"{name}={cpu[name]:x}" for name in cpu)


class Disassembler:
    def disasm_lite(self, code, address, count):
        yield address, 1, "op", f"{code[0]:02x}"


def disassembler(bits):
    return Disassembler()


def before(cpu, address):
    return b""
