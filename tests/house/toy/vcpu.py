"""The vCPU: four registers, and code that stands where its address says."""

from vmm.arch.x86.vcpu import X86

REGISTERS = {"a": "eax", "b": "ebx", "link": "esp", "pc": "eip"}


class Toy(X86):
    arch = "toy"

    def __getitem__(self, name):
        return super().__getitem__(REGISTERS.get(name, name))

    def __iter__(self):
        return iter(REGISTERS)

    @staticmethod
    def exception_name(number):
        return {6: "bad instruction"}.get(number)

    def shutdown_story(self, where, whose, raises):
        return f"locked up at {where}"

    def enter(self, entry):
        assert entry.mode == "toy"
        self.enter_real(0, entry.pc, entry.registers)
