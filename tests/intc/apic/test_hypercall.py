"""KVM's hypercalls, of which one sends IPIs to a bitmap of APIC ids (Linux, Documentation/virt/kvm/x86/hypercalls.rst).

Numbers and results are those of include/uapi/linux/kvm_para.h: KVM_HC_SEND_IPI 10, KVM_ENOSYS 1000, EPERM 1, EINVAL 22.
"""

from __future__ import annotations

import pytest
from x86.x86_bench import CODE, IF, UD, X86Bench, handler

from intc.apic.apic_bench import ALL, EXTINT, FIXED, INIT, LEVEL, LOGICAL, NMI, SELF, SVR, Apic, vectors

VMCALL, VMMCALL = bytes.fromhex("0f01c1"), bytes.fromhex("0f01d9")
SEND_IPI, KICK_CPU = 10, 5
NOT_PERMITTED, INVALID, UNKNOWN = -1, -22, -1000
GARBAGE = 0xDEADBEEF << 32


class HypercallBench(X86Bench):
    """Two vCPUs with enabled local APICs; the first calls, the second has not been started."""

    def __init__(
        self, mode: str, *arguments: int, number: int = SEND_IPI, code: bytes = VMCALL, **options: int
    ) -> None:
        registers = dict(zip(("rbx", "rcx", "rdx", "rsi"), arguments, strict=False))
        super().__init__(mode, code, smp=2, rax=number, **registers, **options)
        self.apics = [Apic(self.machine._native, index) for index in range(2)]
        for apic in self.apics:
            apic.enable()

    def call(self) -> int:
        """What it returns, as a signed number of the mode's width."""
        self.step()
        assert (self.vectors, self.rip) == ([], CODE + 3)
        bits = 64 if self.mode == "long64" else 32
        value = self.cpu["rax"]
        assert value >> bits == 0
        return value - (value >> bits - 1 << bits)

    def requests(self) -> list[frozenset[int]]:
        return [apic.state.irr for apic in self.apics]


every_mode = pytest.mark.parametrize("mode", ["real", "protected16", "protected32", "compat32", "long64"])


@every_mode
@pytest.mark.parametrize("code", [VMCALL, VMMCALL], ids=["vmcall", "vmmcall"])
def test_an_ipi_goes_to_every_vcpu_whose_bit_is_set_and_the_result_counts_them(mode: str, code: bytes) -> None:
    bench = HypercallBench(mode, 0b11, 0, 0, FIXED | 0x51, code=code)
    assert bench.call() == 2
    assert bench.requests() == [vectors(0x51)] * 2
    assert [bench.cpu[name] for name in ("rbx", "rcx", "rdx", "rsi")] == [0b11, 0, 0, 0x51]


@every_mode
def test_bit_0_stands_for_the_apic_id_of_the_third_argument(mode: str) -> None:
    bench = HypercallBench(mode, 0b1, 0, 1, FIXED | 0x51)
    assert bench.call() == 1
    assert bench.requests() == [vectors(), vectors(0x51)]


@pytest.mark.parametrize(("mode", "bits"), [("protected32", 32), ("compat32", 32), ("long64", 64)])
def test_the_second_argument_goes_on_where_the_first_ends(mode: str, bits: int) -> None:
    """128 ids in 64-bit mode, 64 in 32-bit mode."""
    bench = HypercallBench(mode, 1 << bits - 1, 1, 100, FIXED | 0x51)
    for n, apic in enumerate(bench.apics):
        apic.raw.id = 100 + bits - 1 + n
    assert bench.call() == 2
    assert bench.requests() == [vectors(0x51)] * 2


def test_the_last_bit_of_the_second_argument_is_128_ids_up() -> None:
    bench = HypercallBench("long64", 0, 1 << 63, 3, FIXED | 0x51)
    bench.apics[1].raw.id = 3 + 127
    assert bench.call() == 1
    assert bench.requests() == [vectors(), vectors(0x51)]


def test_outside_64_bit_mode_only_the_low_halves_of_registers_count() -> None:
    bench = HypercallBench("compat32", GARBAGE | 2, GARBAGE, GARBAGE, GARBAGE | 0x51, number=GARBAGE | SEND_IPI)
    assert bench.call() == 1
    assert bench.requests() == [vectors(), vectors(0x51)]


@pytest.mark.parametrize("high", [0, 0xFFFFFFFF])
def test_ids_do_not_wrap_from_the_highest_to_0(high: int) -> None:
    """No vCPU has an id above FFFFFFFEh, and the broadcast address is none."""
    bench = HypercallBench("long64", 0xFFFFFFFF, high, 0xFFFFFFFF, 0)
    assert bench.call() == 0
    assert bench.requests() == [vectors()] * 2


def test_the_broadcast_address_of_an_xapic_is_an_id_like_any_other() -> None:
    bench = HypercallBench("long64", 1, 0, 0xFF, FIXED | 0x51)
    assert bench.call() == 0
    assert bench.requests() == [vectors()] * 2


def test_absent_ids_and_those_that_accept_nothing_are_not_counted() -> None:
    """SDM vol. 3A 11.4.7.2: an APIC that software disabled takes no fixed interrupts."""
    bench = HypercallBench("long64", 0b1111, ~0, 0, FIXED | 0x51)
    bench.apics[1].write(SVR, 0xFF)
    assert bench.call() == 1
    assert bench.requests() == [vectors(0x51), vectors()]


def test_an_nmi_can_be_sent_too() -> None:
    bench = HypercallBench("long64", 0b10, 0, 0, NMI)
    assert bench.call() == 1
    assert [apic.nmi() for apic in bench.apics] == [False, True]


@pytest.mark.parametrize("icr", [EXTINT, INIT | LEVEL], ids=["ExtINT", "INIT de-assert"])
def test_what_an_icr_would_not_send_is_not_sent(icr: int) -> None:
    """SDM vol. 3A 11.6.1: neither is an IPI."""
    bench = HypercallBench("long64", 0b10, 0, 0, icr)
    assert bench.call() == 0
    assert (bench.apics[1].intr(), bench.apics[1].read(SVR)) == (False, 0x1FF), "an INIT would have reset SVR"


@pytest.mark.parametrize("icr", [LOGICAL, SELF, ALL], ids=["logical", "self", "all"])
def test_an_icr_with_a_destination_of_its_own_is_invalid(icr: int) -> None:
    bench = HypercallBench("long64", 0b11, 0, 0, icr | 0x51)
    assert bench.call() == INVALID
    assert bench.requests() == [vectors()] * 2


def test_an_ipi_to_the_caller_comes_at_the_boundary_behind_the_call() -> None:
    bench = HypercallBench("long64", 1, 0, 0, FIXED | 0x51, flags=IF)
    bench.reach(0x51)
    assert (bench.vectors, bench.frame().ip, bench.cpu["rax"]) == ([0x51], CODE + 3, 1)
    assert bench.rip == handler(0x51)


@every_mode
@pytest.mark.parametrize("number", [0, KICK_CPU, SEND_IPI + 1, 0xFFFFFFFF])
def test_an_unknown_number_is_told_so(mode: str, number: int) -> None:
    assert HypercallBench(mode, 3, 0, 0, 0x51, number=number).call() == UNKNOWN


@pytest.mark.parametrize("mode", ["vm86", "protected32", "long64"])
@pytest.mark.parametrize("number", [SEND_IPI, 0])
def test_only_ring_0_may_call(mode: str, number: int) -> None:
    bench = HypercallBench(mode, 0b11, 0, 0, FIXED | 0x51, number=number, ring=3)
    assert bench.call() == NOT_PERMITTED
    assert bench.requests() == [vectors()] * 2


@pytest.mark.parametrize("code", ["f00f01c1", "f30f01c1", "0f01c2", "0f01d8"])
def test_other_instructions_of_virtualization_stay_undefined(code: str) -> None:
    """SDM vol. 2D VMCALL: with LOCK, #UD; VMLAUNCH and VMRUN are not announced."""
    bench = HypercallBench("long64", 0b11, 0, 0, FIXED | 0x51, code=bytes.fromhex(code))
    bench.step()
    assert bench.vectors == [UD]
    assert bench.requests() == [vectors()] * 2
