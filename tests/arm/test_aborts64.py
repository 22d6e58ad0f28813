"""Rule 25, A64 aborts with 4 KB pages: what ESR, FAR and ELR say (DDI0487 D13.2.37 for EC 0x20-0x25, D5.4)."""

from __future__ import annotations

import pytest

from arm.arm_bench import (
    CODE,
    DATA,
    DATA_ABORT,
    DATA_LOWER,
    EL0,
    EL1H,
    ELXH_GROUP,
    FETCH,
    FETCH_LOWER,
    INTID,
    IRQ,
    LOWER_A64,
    PAGE_EL0,
    PAGE_EL1,
    PAGE_NOT_ACCESSED,
    PAGE_PXN,
    PAGE_RO,
    PAGE_UXN,
    RAM,
    STACK64,
    TABLES,
    VECTORS,
    Arm64Bench,
    syndrome,
)  # fmt: skip
from arm.opcodes import a64

TRANSLATION, ACCESS_FLAG, PERMISSION, ALIGNMENT, EXTERNAL = 0b000100, 0b001000, 0b001100, 0b100001, 0b010000
"""Fault status codes; the low two bits of the first three are the level."""
WNR = 1 << 6
ELSEWHERE = 0x7FFF0000
"""An address of the second gigabyte that no second-level entry covers; still within what TCR_EL1 says (39 bits)."""

LOADS_A64 = {"ldr x0, [x1]": (0, 8), "str x0, [x1]": (WNR, 8), "ldrb w0, [x1]": (0, 1), "stp x2, x3, [x1]": (WNR, 16)}
SOURCES = [(EL0, DATA_LOWER, LOWER_A64), (EL1H, DATA_ABORT, ELXH_GROUP)]


def fault_status(bench: Arm64Bench) -> int:
    return int(bench.cpu["esr_el1"] & 0x3F)


@pytest.mark.parametrize("code", LOADS_A64)
@pytest.mark.parametrize(("source", "number", "group"), SOURCES)
def test_a_page_that_is_not_there_is_a_translation_fault_of_level_3(
    code: str, source: int, number: int, group: int
) -> None:
    """DFSC 0b000111; WnR tells loads from stores; FAR is the address, ELR the instruction."""
    bench = Arm64Bench(a64("nop", code), source, x1=DATA + 0x18)
    bench.paging()
    bench.page(CODE, PAGE_EL0 if source == EL0 else PAGE_EL1)
    bench.page(DATA, 0)
    bench.step(2)
    event = bench.deliveries[0]
    write = LOADS_A64[code][0]
    assert event.error is not None
    isv_and_what_it_covers = event.error & 0x1FFC000
    bench.assert_taken(
        number, group, after=2, elr=CODE + 4, spsr=source,
        esr=syndrome(number, write | TRANSLATION | 3) | isv_and_what_it_covers, far=DATA + 0x18,
    )  # fmt: skip
    assert isv_and_what_it_covers == 0, "only EL2 is told of the instruction (D13.2.37, ISV)"


@pytest.mark.parametrize(
    ("address", "level"),
    [(1 << 39, 0), (2 << 30, 1), (ELSEWHERE, 2), (DATA, 3)],
    ids=["beyond TCR.T0SZ", "no first-level entry", "no second-level entry", "no page"],
)
def test_the_fault_status_names_the_level_that_had_no_entry(address: int, level: int) -> None:
    """DDI0487 D5.4.1; outside the input range the fault is of level 0."""
    bench = Arm64Bench(a64("ldr x0, [x1]"), EL1H, x1=address)
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    bench.page(DATA, 0)
    bench.step()
    bench.assert_taken(
        DATA_ABORT, ELXH_GROUP, after=1, elr=CODE, spsr=EL1H, esr=syndrome(DATA_ABORT, TRANSLATION | level),
        far=address,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "attributes", "code", "status"),
    [
        (EL0, PAGE_EL1, "ldr x0, [x1]", PERMISSION | 3),
        (EL0, PAGE_EL1, "str x0, [x1]", WNR | PERMISSION | 3),
        (EL0, PAGE_RO, "str x0, [x1]", WNR | PERMISSION | 3),
        (EL1H, PAGE_RO, "str x0, [x1]", WNR | PERMISSION | 3),
        (EL1H, PAGE_NOT_ACCESSED, "ldr x0, [x1]", ACCESS_FLAG | 3),
        (EL0, PAGE_NOT_ACCESSED, "str x0, [x1]", WNR | ACCESS_FLAG | 3),
    ],
)
def test_what_a_page_forbids_is_a_permission_or_access_flag_fault_of_level_3(
    source: int, attributes: int, code: str, status: int
) -> None:
    """DDI0487 D5.4.1 and D5.4.7."""
    bench = Arm64Bench(a64(code), source, x1=DATA + 8)
    bench.paging()
    bench.page(CODE, PAGE_EL0 if source == EL0 else PAGE_EL1)
    bench.page(DATA, attributes)
    bench.step()
    number, group = (DATA_LOWER, LOWER_A64) if source == EL0 else (DATA_ABORT, ELXH_GROUP)
    bench.assert_taken(number, group, after=1, elr=CODE, spsr=source, esr=syndrome(number, status), far=DATA + 8)


@pytest.mark.parametrize(
    ("source", "attributes", "status"),
    [
        (EL0, 0, TRANSLATION | 3),
        (EL1H, 0, TRANSLATION | 3),
        (EL0, PAGE_UXN, PERMISSION | 3),
        (EL1H, PAGE_PXN, PERMISSION | 3),
        (EL1H, PAGE_EL0, PERMISSION | 3),
        (EL1H, PAGE_NOT_ACCESSED, ACCESS_FLAG | 3),
    ],
    ids=["absent, EL0", "absent, EL1", "UXN", "PXN", "writable by EL0", "AF"],
)
def test_a_fetch_that_is_not_allowed_is_an_instruction_abort_at_its_target(
    source: int, attributes: int, status: int
) -> None:
    """DDI0487 D1.10.1 and D5.4.1: ELR and FAR are the address that could not be fetched; the branch is complete."""
    bench = Arm64Bench(a64("br x1"), source, x1=DATA + 4)
    bench.paging()
    bench.page(CODE, PAGE_EL0 if source == EL0 else PAGE_EL1)
    bench.page(DATA, attributes)
    bench.step(2)
    number, group = (FETCH_LOWER, LOWER_A64) if source == EL0 else (FETCH, ELXH_GROUP)
    bench.assert_taken(number, group, after=2, elr=DATA + 4, spsr=source, esr=syndrome(number, status), far=DATA + 4)


def test_a_store_across_a_page_faults_with_the_first_address_that_is_not_there() -> None:
    """DDI0487 D13.2.39: FAR is the address of the access that faulted; bytes before it may have been written."""
    bench = Arm64Bench(a64("str x0, [x1]"), EL1H, x1=DATA + 0xFFC)
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    bench.page(DATA + 0x1000, 0)
    bench.step()
    assert bench.numbers == [DATA_ABORT]
    assert (fault_status(bench), bench.cpu["far_el1"]) == (TRANSLATION | 3, DATA + 0x1000)


@pytest.mark.parametrize(("source", "number", "group"), SOURCES)
def test_an_exclusive_load_must_be_aligned(source: int, number: int, group: int) -> None:
    """DDI0487 B2.5.2: an Alignment fault, DFSC 0b100001, whatever SCTLR_EL1.A."""
    bench = Arm64Bench(a64("ldxr x0, [x1]"), source, x1=DATA + 1)
    bench.paging()
    bench.page(CODE, PAGE_EL0 if source == EL0 else PAGE_EL1)
    bench.step()
    bench.assert_taken(number, group, after=1, elr=CODE, spsr=source, esr=syndrome(number, ALIGNMENT), far=DATA + 1)


def test_an_address_that_nothing_decodes_is_a_synchronous_external_abort() -> None:
    """DDI0487 D13.2.37: DFSC 0b010000."""
    bench = Arm64Bench(a64("ldr x0, [x1]"), EL1H, x1=0x0F000000)
    bench.step()
    bench.assert_taken(
        DATA_ABORT, ELXH_GROUP, after=1, elr=CODE, spsr=EL1H, esr=syndrome(DATA_ABORT, EXTERNAL), far=0x0F000000
    )


@pytest.mark.parametrize("code", ["ldr x0, [x1]", "str x0, [x1]", "ldrb w0, [x1]", "stp x2, x3, [x1]", "ldxr x0, [x1]"])
def test_the_external_aborts_address_is_the_virtual_one_that_was_used(code: str) -> None:
    """DDI0487 D13.2.40 FAR_EL1, FnV 0; of two pages that lead there the one of this access, the second time, too."""
    nobody, first, second = 0x0F000000, DATA + 0x1000, DATA + 0x5000
    bench = Arm64Bench(a64(code), EL1H)
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    for alias in (first, second):
        bench.write(TABLES + 0x1000 + 8 * (alias - RAM >> 12), nobody | PAGE_EL1, size=8)
    write = WNR if code.startswith("st") else 0
    for begun, alias in enumerate((first, second, second, first)):
        bench.registers(pstate=EL1H, pc=CODE, x1=alias + 0x48)
        bench.step()
        bench.assert_taken(
            DATA_ABORT, ELXH_GROUP, after=begun + 1, elr=CODE, spsr=EL1H, esr=syndrome(DATA_ABORT, write | EXTERNAL),
            far=alias + 0x48,
        )  # fmt: skip


def test_the_external_aborts_address_is_that_of_this_access_where_others_to_its_page_were_answered() -> None:
    """DDI0487 D13.2.40 FAR_EL1, FnV 0: a device that ends within its page, by whichever of two names, long after."""
    fw_cfg, ends_at, first, second, others = 0x09020000, 0x18, DATA + 0x1000, DATA + 0x5000, 20
    each = ("ldr w0, [x3]", "add x3, x3, #1, lsl #12", "sub x4, x4, #1", "cbnz x4, #0xfffffffffffffff4")
    code = a64("ldr w0, [x1]", "ldr w0, [x2]", *each, "ldr w0, [x5]")
    bench = Arm64Bench(code, EL1H, x1=first, x2=second, x3=DATA + 0x8000, x4=others, x5=first + ends_at)
    bench.paging()
    bench.page(CODE, PAGE_EL1)
    for page in range(others):
        bench.page(DATA + 0x8000 + 0x1000 * page, PAGE_EL1)
    for alias in (first, second):
        bench.write(TABLES + 0x1000 + 8 * (alias - RAM >> 12), fw_cfg | PAGE_EL1, size=8)
    begun = 2 + 4 * others + 1
    bench.step(begun)
    bench.assert_taken(
        DATA_ABORT, ELXH_GROUP, after=begun, elr=CODE + 4 * 6, spsr=EL1H, esr=syndrome(DATA_ABORT, EXTERNAL),
        far=first + ends_at,
    )  # fmt: skip


@pytest.mark.parametrize("stops", [(), (1,), (2,), (1, 1)])
def test_a_fetch_that_nothing_decodes_is_told_once_however_the_run_is_cut(stops: tuple[int, ...]) -> None:
    """DDI0487 D1.10.1: the abort's ELR is the address; the attempt is the second instruction that begins."""
    nowhere = 0x3000_0000
    bench = Arm64Bench(a64("br x1"), EL1H, x1=nowhere)
    for insns in (*stops, 3 - sum(stops)):
        bench.step(insns)
    errors = bench.machine.trace.first_guest_errors()
    assert [(event.insns, event.pc, event.value) for event in errors] == [(2, nowhere, nowhere)]
    assert bench.machine.trace.guest_errors == 1
    assert bench.numbers == [FETCH]


def test_the_load_is_done_again_after_the_handler_has_mapped_the_page_and_nothing_was_written_before() -> None:
    """DDI0487 D1.10.1: ELR is the instruction, base register write-back did not happen."""
    bench = Arm64Bench(a64("ldr x0, [x1], #8", "nop"), EL0, x1=DATA, x0=7)
    bench.paging()
    bench.write(DATA, 0x55AA, size=8)
    bench.page(DATA, 0)
    bench.memory.write(VECTORS[1] + LOWER_A64, a64("str x2, [x3]", "tlbi vmalle1", "dsb sy", "eret"))
    bench.registers(x2=DATA | PAGE_EL0, x3=TABLES + 0x1000 + 8 * (DATA >> 12 & 0x1FF))
    bench.step()
    assert (bench.numbers, bench.cpu["x0"], bench.cpu["x1"]) == ([DATA_LOWER], 7, DATA)
    bench.step(5)
    assert (bench.cpu.pc, bench.cpu["x0"], bench.cpu["x1"]) == (CODE + 4, 0x55AA, DATA + 8)


def test_a_stack_that_is_not_mapped_does_not_hinder_the_entry() -> None:
    """Nothing is pushed: SP_EL1 may be anything."""
    bench = Arm64Bench(a64("svc #0"), EL0)
    bench.paging()
    bench.page(STACK64[1] - 0x1000, 0)
    bench.page(STACK64[1], 0)
    bench.step()
    assert bench.numbers == [0x15]


def test_an_interrupt_comes_before_the_fetch_that_would_abort() -> None:
    """DDI0487 D1.13.4: at the boundary; the abort comes after its ERET."""
    bench = Arm64Bench(a64("msr daifclr, #2"), EL1H | 1 << 7)
    bench.paging()
    bench.memory.write(DATA - 4, a64("msr daifclr, #2"))
    for page in (CODE, DATA - 0x1000):
        bench.page(page, PAGE_EL1)
    bench.page(DATA, 0)
    bench.cpu["pc"] = DATA - 4
    bench.raise_irq()
    bench.step(2)
    bench.assert_taken(INTID, ELXH_GROUP + IRQ, after=1, elr=DATA, spsr=EL1H)


NO_TABLE = 3 << 30
"""What no table translates: nothing decodes the address of its second-level table."""


def without_a_table(code: bytes, source: int, *, gear: str = "precise", **registers: int) -> Arm64Bench:
    bench = Arm64Bench(code, source, gear=gear, **registers)
    bench.paging()
    bench.page(CODE, PAGE_EL0 if source == EL0 else PAGE_EL1)
    bench.write(0x40100000 + 8 * 3, 0x0F000003, size=8)
    return bench


@pytest.mark.parametrize("code", LOADS_A64)
@pytest.mark.parametrize(("source", "number", "group"), SOURCES)
def test_a_table_that_nothing_decodes_is_an_external_abort_of_the_access(
    code: str, source: int, number: int, group: int
) -> None:
    """FAR is the access's address, which FnV leaves valid but for other aborts than walks' (DDI0487 D13.2.37). That it
    is of the walk (DFSC 0b010110) is not told.
    """
    bench = without_a_table(a64(code), source, x1=NO_TABLE + 8)
    bench.step()
    esr = syndrome(number, LOADS_A64[code][0] | EXTERNAL)
    bench.assert_taken(number, group, after=1, elr=CODE, spsr=source, esr=esr, far=NO_TABLE + 8)


@pytest.mark.parametrize(
    ("source", "number", "group"), [(EL0, FETCH_LOWER, LOWER_A64), (EL1H, FETCH, ELXH_GROUP)], ids=["EL0", "EL1"]
)
@pytest.mark.parametrize("gear", ["precise", "fast"])
def test_a_fetch_whose_table_nothing_decodes_is_an_instruction_abort(
    source: int, number: int, group: int, gear: str
) -> None:
    """DDI0487 D13.2.37, EC 0x20 and 0x21: by what is accessed, not by the walk for it. The attempt counts."""
    bench = without_a_table(a64("br x1"), source, gear=gear, x1=NO_TABLE)
    bench.step(2)
    esr = syndrome(number, EXTERNAL)
    bench.assert_taken(number, group, after=2, elr=NO_TABLE, spsr=source, esr=esr, far=NO_TABLE)


@pytest.mark.parametrize("gear", ["precise", "fast"])
def test_vectors_whose_table_nothing_decodes_end_the_run(gear: str) -> None:
    """Each attempt to fetch the vector raises the same abort, for ever."""
    bench = without_a_table(a64("svc #0"), EL1H, gear=gear, vbar_el1=NO_TABLE)
    stop = bench.machine.run(insns=100)
    assert (stop.reason, bench.machine.instructions) == ("shutdown", 2)
