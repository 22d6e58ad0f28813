"""Rule 19: message signalled interrupts (Intel SDM vol. 3A 11.11), computed by hand."""

from __future__ import annotations

import pytest

from intc.apic.apic_bench import (
    ASSERT,
    EXTINT,
    INIT,
    LDR,
    LEVEL,
    LOWEST,
    NMI,
    SMI,
    STARTUP,
    TPR,
    ApicBench,
    State,
    vectors,
)  # fmt: skip
from vmm.errors import VmmError


@pytest.fixture
def three() -> ApicBench:
    bench = ApicBench(3)
    for index, apic in enumerate(bench.apics):
        apic.write(LDR, 1 << index << 24)
    return bench


def requested(bench: ApicBench) -> list[frozenset[int]]:
    return [apic.state.irr for apic in bench.apics]


def test_an_edge_message_is_a_request_of_its_vector(three: ApicBench) -> None:
    three.msi(0x51, to=1)
    assert three.apics[1].state == State(vectors(0x51), vectors(), vectors())
    assert three.apics[1].serve() == [0x51]
    assert requested(three) == [vectors()] * 3


def test_a_level_message_sets_tmr_and_its_deassertion_does_nothing(three: ApicBench) -> None:
    """Data bits 15 and 14."""
    three.msi(LEVEL | 0x51)
    assert three.apic.state.irr == vectors()
    three.msi(LEVEL | ASSERT | 0x51)
    assert three.apic.state == State(vectors(0x51), vectors(), vectors(0x51))


@pytest.mark.parametrize("data", [0x51, ASSERT | 0x51])
def test_the_level_bit_of_an_edge_means_nothing(three: ApicBench, data: int) -> None:
    three.msi(data)
    assert three.apic.state == State(vectors(0x51), vectors(), vectors())


@pytest.mark.parametrize(
    ("to", "logical", "reached"),
    [(2, False, {2}), (0xFF, False, {0, 1, 2}), (5, False, set()), (0x05, True, {0, 2}), (0x08, True, set())],
)
def test_destinations_are_physical_or_logical(three: ApicBench, to: int, logical: bool, reached: set[int]) -> None:
    three.msi(0x51, to, logical=logical)
    assert {index for index, irr in enumerate(requested(three)) if irr} == reached


def test_the_redirection_hint_picks_one_of_a_logical_set(three: ApicBench) -> None:
    """The lowest priority of those addressed: vCPU 0, the lowest of all, is not among them."""
    for apic, tpr in zip(three.apics, (0x00, 0x40, 0x20), strict=True):
        apic.write(TPR, tpr)
    three.msi(0x51, to=0x06, logical=True, redirect=True)
    assert requested(three) == [vectors(), vectors(), vectors(0x51)]


def test_the_redirection_hint_leaves_a_physical_destination_alone(three: ApicBench) -> None:
    three.apics[1].write(TPR, 0x40)
    three.msi(0x51, to=1, redirect=True)
    assert requested(three) == [vectors(), vectors(0x51), vectors()]


def test_lowest_priority_mode_needs_no_hint(three: ApicBench) -> None:
    for apic, tpr in zip(three.apics, (0x30, 0x40, 0x20), strict=True):
        apic.write(TPR, tpr)
    three.msi(LOWEST | 0x51, to=0x03, logical=True)
    assert requested(three) == [vectors(0x51), vectors(), vectors()]


def test_nmi_init_and_extint_messages(three: ApicBench) -> None:
    three.msi(NMI | 0x51, to=1)
    assert (three.apics[1].nmi(), requested(three)) == (True, [vectors()] * 3)
    three.msi(EXTINT, to=0)
    assert three.apic.intr()
    three.apic.ipi(INIT, to=2)
    three.apic.ipi(STARTUP | 5, to=2)
    three.msi(INIT, to=2)
    assert three.apics[2].vcpu.off == 1


@pytest.mark.parametrize("mode", [SMI, STARTUP, 3 << 8])
def test_smi_and_reserved_modes_leave_no_trace(three: ApicBench, mode: int) -> None:
    three.msi(mode | 0x51, to=0xFF)
    assert requested(three) == [vectors()] * 3


def test_an_illegal_vector_is_the_receivers_error(three: ApicBench) -> None:
    three.msi(0x0F, to=1)
    three.apics[1].write(0x280, 0)
    assert three.apics[1].read(0x280) == 0x40


@pytest.mark.parametrize("address", [0, 0xFED00000, 0xFEF00000, 0x1FEE00000])
def test_another_address_is_no_message(three: ApicBench, address: int) -> None:
    with pytest.raises(VmmError, match=f"{address:#x} is not the address of an interrupt message"):
        three.view.message(address, 0x51)
