"""`every_boundary`: which boundaries, what they are called, and that the machine stands there."""

from __future__ import annotations

import pytest
from x86.x86_bench import CODE as START
from x86.x86_bench import INT, IRET, NMI, NOP, X86Bench, handler

from vmm import Elapsed, Reach
from vmm.errors import VmmError
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine
from vmm.testing.boundaries import Region, find, reach

from .conftest import Suite

CODE = 0x1000

EVERY = """
    @pytest.mark.guest("guest.S", board="pc,pit=off")
    @pytest.mark.every_boundary("begin", "end")
    def test_it(guest, boundary):
        assert boundary.machine is guest and guest.cpu.pc == boundary.address
        guest.irq(5).pulse()
        assert guest.run().reason == "poweroff"
        assert guest.u32("count") == 1
"""


def machine(code: bytes) -> Machine:
    """32-bit code at CODE with interrupts masked."""
    m = Machine(Config(memory=MIB, board="pc,pit=off"))
    m.memory.write(CODE, code)
    m.cpu.enter_protected32(CODE, {"rsp": 0x8000, "rflags": 2})
    return m


def names(code: bytes, length: int) -> list[str]:
    return [position.name for position in find(machine(code), Region(CODE, CODE + length))]


def test_a_test_is_repeated_at_each_boundary_from_begin_to_end(suite: Suite):
    result = suite(EVERY, "-v")
    result.assert_outcomes(passed=5)
    # cli is one byte, incl of an absolute address six, sti one, nop one
    wanted = ("begin", "begin+0x1", "begin+0x7", "begin+0x8", "end")
    result.stdout.fnmatch_lines([f"*::test_it[[]{name}] PASSED*" for name in wanted])


@pytest.mark.slow
def test_it_works_on_xdist(suite: Suite):
    suite(EVERY, "-n", "2", fresh=True).assert_outcomes(passed=5)


@pytest.mark.parametrize(
    ("done", "machines"),
    [
        ("guest.write('shared', b'\\xff'); guest.cpu['ebx'] = 7; guest.nmi(); guest.byte(1)", 1),
        ("guest.trap(vmm.Port(0x99))(lambda trap: None)", 5),
        ("guest.limit(insns=10**6)", 5),
        ("guest.trace.observe(print)", 5),
        ("guest.start(never)", 5),
        ("guest.close()", 1),  # it ends scenarios, and there is none
    ],
)
def test_cases_have_one_machine_as_long_as_it_is_what_a_new_one_is(suite: Suite, done, machines):
    """It stands where a new one would, to the count, after whatever the case before has done."""
    suite(f"""
        import vmm

        from pathlib import Path

        from vmm.toolchain import assemble

        stood, had = [], []

        async def never(m):
            await vmm.Reach("handler")

        @pytest.mark.guest("guest.S", board="pc,pit=off")
        @pytest.mark.every_boundary("begin", "end")
        def test_it(guest, boundary):
            stood.append((guest.instructions, guest.now_ns, guest.u32("shared"), guest.cpu["ebx"], guest.trace.hash))
            had.append(guest)
            {done}

        def test_what_they_had():
            image = assemble(Path(__file__).with_name("guest.S"), out=Path("guest.elf"))
            for insns, *found in stood:
                m = vmm.boot(image, board="pc,pit=off", console=None)
                m.run(insns=insns)
                assert found == [m.now_ns, m.u32("shared"), m.cpu["ebx"], m.trace.hash]
            assert [each - stood[0][0] for each, *_ in stood] == [0, 1, 2, 3, 4]
            assert len(set(map(id, had))) == {machines}
    """).assert_outcomes(passed=6)


def test_what_a_fixture_has_set_up_is_there_from_the_start(suite: Suite):
    """What it does to the machine is done before that has run."""
    suite("""
        @pytest.fixture
        def asked(guest):
            guest.write("shared", bytes([41, 0, 0, 0]))
            return guest

        @pytest.mark.guest("guest.S", board="pc,pit=off")
        @pytest.mark.every_boundary("begin", "begin")
        @pytest.mark.parametrize("time", range(2))
        def test_it(asked, boundary, time):
            assert asked.u32("shared") == 41
    """).assert_outcomes(passed=2)


def test_visits_are_come_to_one_after_the_other(suite: Suite):
    suite(
        """
        seen = []

        @pytest.mark.guest("guest.S", board="pc,pit=off")
        @pytest.mark.every_boundary("again", "again+0x1", nth="any")
        def test_it(guest, boundary):
            assert guest.cpu.pc == boundary.address
            seen.append((id(guest), guest.cpu["ecx"]))

        def test_what_was_seen():
            assert [left for _, left in seen] == [3, 2, 2, 1, 1, 0]
            assert len({machine for machine, _ in seen}) == 1
        """,
        guest="""
        #include "x86/guest.h"
            GUEST_PROTECTED32
            movl    $3, %ecx
        again:
            decl    %ecx
            jnz     again
            POWER_OFF
        """,
    ).assert_outcomes(passed=7)


def test_the_run_that_finds_them_is_prepared_as_the_others_are(suite: Suite):
    suite("""
        prepared = []

        @pytest.mark.guest("guest.S", prepare=prepared.append)
        @pytest.mark.every_boundary("begin", "end")
        def test_it(boundary):
            assert prepared[-1] is boundary.machine

        def test_how_often():
            assert len(prepared) == 1 + 5
    """).assert_outcomes(passed=6)


@pytest.mark.slow
def test_a_failing_case_says_where_it_stood(suite: Suite):
    result = suite("""
        @pytest.mark.guest("guest.S", board="pc,pit=off")
        @pytest.mark.every_boundary("begin", "end")
        def test_it(boundary):
            assert boundary.name != "begin+0x7", boundary.where
    """)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*_ test_it[[]begin+0x7] _*", "E*AssertionError: 0x* begin+0x7 guest.S:*"])


@pytest.mark.slow
def test_parameters_of_the_tests_own_multiply(suite: Suite):
    suite("""
        @pytest.mark.guest("guest.S")
        @pytest.mark.every_boundary("begin", "end")
        @pytest.mark.parametrize("irq", [5, 6])
        def test_it(boundary, irq):
            pass
    """).assert_outcomes(passed=10)


def test_each_pass_of_a_loop_has_boundaries_of_its_own():
    # mov ecx, 2; dec ecx; jnz .-1; nop
    places = [0x1000, 0x1005, 0x1006, 0x1005, 0x1006, 0x1008]
    visits = ["", "", "", "#2", "#2", ""]
    code = bytes.fromhex("b902000000 49 75fd 90")
    assert names(code, 8) == [f"{place:#x}{visit}" for place, visit in zip(places, visits, strict=True)]


def test_each_iteration_of_a_rep_is_one():
    # mov ecx, 3; mov edi, 5000h; rep stosb; nop
    code = bytes.fromhex("b903000000 bf00500000 f3aa 90")
    assert names(code, 12) == ["0x1000", "0x1005", "0x100a", "0x100a#2", "0x100a#3", "0x100c"]


def test_between_an_instruction_and_the_handler_it_enters_there_is_one():
    bench = X86Bench("protected32", NOP + INT(0x80) + NOP)
    bench.handler(0x80, IRET)
    found = find(bench.machine, Region(START, START + 3))
    assert [position.address for position in found] == [START, START + 1, handler(0x80), START + 3]


def test_boundaries_at_one_instruction_count_are_told_apart():
    """A delivery adds a boundary and no instruction: the one before it and the one behind are both come to."""

    def guest() -> Machine:
        bench = X86Bench("protected32", NOP * 4)
        bench.handler(NMI, IRET)

        async def nmi(m):
            await Elapsed(insns=2)
            m.nmi()

        bench.machine.start(nmi)
        return bench.machine

    region = Region(START, START + 3)
    found = find(guest(), region)
    assert [(p.insns, p.more, p.address) for p in found] == [
        (0, 0, START), (1, 0, START + 1), (2, 0, START + 2), (2, 1, handler(NMI)), (3, 0, START + 2), (4, 0, START + 3),
    ]  # fmt: skip
    for position in found:
        assert reach(guest(), region, position).machine.cpu.pc == position.address


def test_a_machine_that_was_set_up_in_another_way_is_noticed():
    region = Region(CODE, CODE + 3)
    last = find(machine(bytes.fromhex("90909090")), region)[-1]
    with pytest.raises(VmmError, match=r"0x1003: the machine is at .*set up in another way"):
        reach(machine(bytes.fromhex("ebfe")), region, last)


LOOP = bytes.fromhex("b903000000 40 90 49 75fb f4")
"""MOV ECX, 3; at 1005h INC EAX, NOP, DEC ECX, JNZ to 1005h; HLT at 100ah, with interrupts masked: the end."""
BODY = [0x1005, 0x1006, 0x1007]


def stands(region: Region) -> list[tuple[int, int]]:
    """Address and ECX at each boundary, as a fresh machine comes to it."""
    came = [reach(machine(LOOP), region, place).machine.cpu for place in find(machine(LOOP), region)]
    return [(cpu.pc, cpu["ecx"]) for cpu in came]


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_visit_is_chosen_by_its_number(nth):
    assert stands(Region(0x1005, 0x1007, nth=nth)) == [(address, 4 - nth) for address in BODY]


def test_any_visit_until_the_guest_ends():
    region = Region(0x1005, 0x1007, nth="any")
    assert stands(region) == [(address, left) for left in (3, 2, 1) for address in BODY]
    assert len({place.name for place in find(machine(LOOP), region)}) == 9


@pytest.mark.parametrize(
    ("after", "nth", "left"),
    [
        (Elapsed(insns=4), 1, 2),  # MOV, INC, NOP, DEC: the first visit is over
        (Elapsed(insns=4), 2, 1),
        (0x1008, 1, 2),
        ("0x1005", 1, 3),  # where it stands then, the first visit begins
        (Elapsed(insns=5), 1, 2),
    ],
)
def test_visits_count_from_a_trigger_or_a_place_on(after, nth, left):
    assert stands(Region(0x1005, 0x1007, nth=nth, after=after)) == [(address, left) for address in BODY]


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (Region(0x1005, 0x1007, nth=4), "the guest never comes to 0x1005 for visit 4: idle: "),
        (
            Region(0x1005, 0x1007, after=Reach(0x100A)),
            r"the guest never comes to 0x1005 after Reach\(where=4106\): idle",
        ),
        (Region(0x1005, 0x1007, after=0x2000), "the guest never comes to 0x2000: idle: "),
        (Region(0x1005, 0x1007, nth="any", limit=8), "more than 8 boundaries"),
    ],
)
def test_a_visit_that_never_comes_is_told(region, said):
    with pytest.raises(VmmError, match=said):
        find(machine(LOOP), region)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ('every_boundary("beginn", "end")', "unknown symbol 'beginn'; did you mean 'begin'?"),
        ('every_boundary("begin", "handler")', "the guest never comes to handler after begin: poweroff: *"),
        ('every_boundary("handler", "end")', "the guest never comes to handler: poweroff: *"),
        ('every_boundary("begin", "end", limit=3)', "more than 3 boundaries from begin to end: raise limit="),
        ('every_boundary("begin", "end", cpu=1)', "vCPU 1 is not among 0-0"),
    ],
)
def test_what_is_not_reached_fails_its_own_test_alone(suite: Suite, output, marker, said):
    result = suite(f"""
        @pytest.mark.guest("guest.S")
        @pytest.mark.{marker}
        def test_it(boundary):
            pass

        def test_another():
            pass
    """)
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*test_it[[]unreached]*", said, "*guest.S: why it stopped*"])
    assert "Traceback" not in output(result) and "pytest_plugin.py" not in output(result)


@pytest.mark.slow
def test_a_region_is_of_one_vcpu(suite: Suite):
    suite("""
        @pytest.mark.guest("arm64/sgi_ping_pong")
        @pytest.mark.every_boundary("answer", "waiting", cpu=1)
        def test_it(guest, boundary):
            assert guest.cpus[1].pc == boundary.address and guest.stop.vcpu == 1
    """).assert_outcomes(passed=2)  # answer: mov; waiting: wfi


@pytest.mark.slow
@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ('every_boundary("begin")', "marker every_boundary: it takes two locations, cpu= and limit= as numbers, *"),
        (
            'every_boundary("begin", "end", nth=0)',
            """marker every_boundary: nth=0: it is a number from 1 on, or "any\"""",
        ),
        (
            'every_boundary("begin", "end", after=1.5)',
            "marker every_boundary: after=1.5: it is a trigger or a location",
        ),
    ],
)
def test_a_wrong_marker_is_told_in_one_line(suite: Suite, output, marker, said):
    result = suite(f"""
        @pytest.mark.guest("guest.S")
        @pytest.mark.{marker}
        def test_it(boundary):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"below/test_it.py::test_it: {said}"])
    assert "Traceback" not in output(result) and "pytest_plugin.py" not in output(result)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            '@pytest.mark.guest("guest.S")\n@pytest.mark.every_boundary("begin", "end")\ndef test_it(guest): pass',
            "*marker every_boundary: the test does not take the fixture boundary",
        ),
        (
            '@pytest.mark.every_boundary("begin", "end")\ndef test_it(boundary): pass',
            '*no guest: mark the test with @pytest.mark.guest("image.S")',
        ),
        (
            '@pytest.mark.guest("guest.S")\ndef test_it(boundary): pass',
            'no boundary: mark the test with @pytest.mark.every_boundary("begin", "end")',
        ),
        (
            'import unittest\nclass Case(unittest.TestCase):\n    @pytest.mark.every_boundary("begin", "end")\n'
            "    def test_it(self): pass",
            "marker every_boundary: pytest cannot repeat a method of a unittest.TestCase",
        ),
    ],
)
def test_a_marker_that_would_mean_nothing_is_refused(suite: Suite, test, said):
    result = suite(test)
    result.stdout.fnmatch_lines([said])
    assert result.parseoutcomes().keys() <= {"error", "errors", "failed"}
