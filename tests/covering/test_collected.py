"""What a map says of a run: against one worked out by hand, against the same run in single steps, and that nothing of
it is felt by a guest.
"""

import pytest

import vmm
from vmm.coverage.image import Interrupt
from vmm.coverage.summary import INTERRUPTED, MASKED, NEVER, Summary
from vmm.machine.collected import MASKED as WAS_MASKED
from vmm.machine.collected import OPEN

from .guests import LINES, OPEN_AT, made

IF = 1 << 9
IRQ_5 = Interrupt(0x25, "IRQ 5")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return made(tmp_path_factory.mktemp("guests"))


def boot(image):
    return vmm.boot(image, board="pc,pit=off", console=None)


def covered(machine, run):
    coverage = vmm.Coverage()
    coverage.watch(machine)
    run(machine)
    coverage.collect()
    (found,) = coverage.images
    return found


def interrupted_at(image, where):
    def run(machine):
        machine.run(until=where)
        machine.irq(5).pulse()
        machine.run()

    return covered(boot(image), run)


def test_a_delivery_is_at_the_instruction_that_its_frame_returns_to(image):
    found = interrupted_at(image, "begin")
    assert found.delivered == {(boot(image).address("begin"), IRQ_5): 1}


def test_boundaries_with_interrupts_on_are_told_from_masked_and_shadowed_ones(image):
    found = interrupted_at(image, "begin")
    begin, shadowed = boot(image).address("begin"), boot(image).address("shadowed")
    assert {address for address, bits in found.began.items() if bits & OPEN} == {begin + n for n in OPEN_AT.values()}
    assert found.began[shadowed] == WAS_MASKED
    assert found.began[boot(image).address("handler")] == WAS_MASKED


def test_each_function_and_line_has_its_tally(image):
    summary = Summary(interrupted_at(image, "begin"))
    functions = {str(each): each for each in summary.functions}
    assert functions["begin"].tally.kinds == {INTERRUPTED: 1, NEVER: 2}
    assert functions["end"].tally.kinds == {NEVER: 1}
    assert set(functions["masked"].tally.kinds) == set(functions["handler"].tally.kinds) == {MASKED}
    assert functions["unused"].tally.boundaries == 0
    assert [line.number for line in functions["unused"].lines.values()] == [21, 22]
    tallies = {number: tally for (_, number), tally in summary.lines().items()}
    kinds = {number: tallies[number].kind for number in LINES}
    assert kinds == {10: INTERRUPTED, 11: NEVER, 12: NEVER, 14: NEVER}
    assert tallies[10].by == {IRQ_5: 1}
    assert summary.not_executed == 2


def test_a_boundary_where_a_handler_alone_went_on_is_interrupted_though_nothing_began_there(tmp_path):
    """HLT, and the handler switches off: what is behind HLT never begins."""
    source = tmp_path / "off.S"
    source.write_text(
        '#include "x86/guest.h"\n    GUEST_PROTECTED32\n    IDT_GATE 0x25, handler\n    PIC_UNMASK 5\n'
        "    sti\n    hlt\nbehind:\n    nop\nhandler:\n    POWER_OFF\n"
    )

    def run(machine):
        machine.run()
        machine.irq(5).pulse()
        machine.run()

    machine = vmm.boot(source, board="pc,pit=off", console=None)
    found = covered(machine, run)
    assert found.delivered == {(machine.address("behind"), IRQ_5): 1}
    assert machine.address("behind") not in found.began
    assert next(each for each in Summary(found).functions if each.name == "behind").tally.kinds == {INTERRUPTED: 1}


STEPPED = ["x86/first_isr", "arm64/first_isr", "arm/first_isr"]


@pytest.mark.parametrize("guest", STEPPED)
def test_what_began_is_what_single_steps_see(guest):
    """A step to the next boundary begins one instruction, or is a delivery, and then none. With IF 0, or PSTATE.I 1,
    it was masked; else, but for a shadow, it was not.
    """
    found = covered(vmm.boot(guest, console=None), lambda machine: machine.run())
    machine = vmm.boot(guest, console=None)
    seen, stop = {}, None
    while stop is None or stop.reason == "breakpoint":
        before, pc, on = machine.instructions, machine.cpu.pc, _on(machine.cpu)
        stop = machine.run(until=vmm.NextBoundary())
        if machine.instructions > before:
            seen.setdefault(pc, set()).add(on)
    assert found.began.keys() == seen.keys()
    assert {pc for pc, bits in found.began.items() if bits & OPEN} <= {pc for pc, on in seen.items() if True in on}
    never_on = {pc for pc, on in seen.items() if True not in on}
    assert never_on <= {pc for pc, bits in found.began.items() if bits == WAS_MASKED}


def _on(cpu):
    if isinstance(cpu, vmm.X86):
        return bool(cpu["rflags"] & IF)
    return not cpu["cpsr" if "cpsr" in list(cpu) else "pstate"] & 1 << 7


FELT = [
    "x86/pit_ticks", "x86/sti_shadow", "x86/mov_ss_shadow", "x86/rep_interrupted", "x86/vm86", "x86/ipi_ping_pong",
    "arm/it_block_irq", "arm/fiq_over_irq", "arm64/daif_unmask", "arm64/el0_user", "arm64/sgi_ping_pong",
]  # fmt: skip


@pytest.mark.parametrize("guest", FELT)
def test_a_guest_feels_nothing_of_it(guest):
    def facts(coverage):
        machine = vmm.boot(guest, console=None)
        if coverage:
            coverage.watch(machine)
        machine.trace.record()
        stop = machine.run()
        return stop, machine.instructions, machine.now_ns, machine.trace.hash, list(machine.trace.of())

    assert facts(None) == facts(vmm.Coverage())


def test_a_snapshot_takes_nothing_of_it_back(image):
    def run(machine):
        machine.run(until="begin")
        snapshot = machine.snapshot()
        for _ in range(3):
            machine.irq(5).pulse()
            machine.run()
            machine.restore(snapshot)

    assert covered(boot(image), run).delivered == {(boot(image).address("begin"), IRQ_5): 3}


@pytest.mark.parametrize("reduction", [True, False])
def test_each_placement_of_an_exploration_is_a_delivery_at_its_boundary(image, reduction):
    coverage = vmm.Coverage()
    options = {"inject": ["irq:5", "nmi"], "between": ("begin", "end"), "check": "n < 99", "reduction": reduction}
    vmm.explore(image, board="pc,pit=off", coverage=coverage, **options)
    begin = boot(image).address("begin")
    expected = {(begin + n, each): 1 for n in OPEN_AT.values() for each in (IRQ_5, Interrupt(2, "NMI"))}
    assert coverage.images[0].delivered == expected


def test_a_machine_is_watched_once_and_has_an_image(image):
    coverage = vmm.Coverage()
    machine = coverage.watch(boot(image))
    with pytest.raises(vmm.VmmError, match="collected already"):
        coverage.watch(machine)
    with pytest.raises(vmm.VmmError, match="load one into the machine first"):
        coverage.watch(vmm.Machine(vmm.Config(console=None)))
    coverage.collect()
    coverage.watch(machine)
