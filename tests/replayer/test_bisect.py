"""The first instruction at which two recorded runs differ."""

import pytest

import vmm
from vmm.replayer.bisect import bisect


@pytest.fixture
def recorded(tmp_path):
    """The file of a run of `image` with this scenario."""

    def record(name, scenario=None, image="x86/pit_ticks", **config):
        path = tmp_path / name
        m = vmm.boot(image, **config)
        with m.recording(path):
            if scenario:
                m.start(scenario)
            m.run()
        return path

    return record


def line_after(insns, number=4):
    async def scenario(m):
        await vmm.Reach("tick")
        await vmm.Elapsed(insns=insns)
        m.irq(number).raise_()

    return scenario


@pytest.mark.slow
def test_equal_runs_do_not_differ(recorded):
    assert bisect(recorded("a", line_after(30)), recorded("b", line_after(30))) is None


def test_a_line_that_rises_an_instruction_later_is_found_where_it_rises_first(recorded):
    a, b = recorded("a", line_after(30)), recorded("b", line_after(31))
    first = vmm.replay(a).tape.entries[0].at.insns
    found = bisect(a, b)
    assert found.insns == first
    assert found.details[0].startswith("event: line 4 becomes 1 at ")
    assert found.details[-1].startswith(f"decision: line 4 1 at insn {first}, ")
    assert f"| line 4 1 at insn {first + 1}, " in found.details[-1]
    assert [line.partition(":")[0] for line in bisect(b, a).details] == ["event", "decision"]


def test_a_register_is_found(recorded):
    def put(value):
        async def scenario(m):
            await vmm.Reach("tick")
            m.cpu["edi"] = value

        return scenario

    found = bisect(recorded("a", put(1)), recorded("b", put(2)))
    assert found.details[0] == "rdi: 0x1 | 0x2"
    assert found.where == "0x100505 tick pit_ticks.S:30"  # the first instruction that begins with it


def test_memory_is_found_when_it_is_written_though_nobody_reads_it(recorded):
    def put(value):
        async def scenario(m):
            await vmm.Reach("tick")
            await vmm.Elapsed(insns=100)
            m.memory.write(0x5003, bytes([value]) * 2)

        return scenario

    a, b = recorded("a", put(1)), recorded("b", put(2))
    found = bisect(a, b)
    assert found.insns == vmm.replay(a).tape.entries[0].at.insns
    assert found.details[0] == "memory 0x5003: 01 01 00 00 00 00 00 00 | 02 02 00 00 00 00 00 00"


def test_flash_is_memory_that_is_found_too(recorded):
    def put(value):
        async def scenario(m):
            await vmm.Elapsed(insns=10)
            m.memory.write(0x4000010, bytes([value]))

        return scenario

    runs = [recorded(name, put(value), "arm64/hello") for name, value in (("a", 1), ("b", 2))]
    assert bisect(*runs).details[0] == "memory 0x4000010: 01 ff ff ff ff ff ff ff | 02 ff ff ff ff ff ff ff"


def test_runs_of_another_image_differ_where_its_code_first_matters(recorded, tmp_path):
    """The 3000th iteration of one image decides otherwise."""
    # mov cx, 5000; again: cmp cx, 2000; jne next; inc dx; next: loop again; cli; hlt
    code = bytes.fromhex("b98813 81f9d007 7501 42 e2f7 faf4")
    other = bytes.fromhex("b98813 81f9d007 7501 4a e2f7 faf4")  # dec dx
    paths = [tmp_path / "a.bin", tmp_path / "b.bin"]
    for path, data in zip(paths, (code, other), strict=True):
        path.write_bytes(data)
    a, b = recorded("a", image=str(paths[0])), recorded("b", image=str(paths[1]))
    found = bisect(a, b)
    # They lie in memory, so the images differ from the start.
    assert found.insns == 0
    assert found.details == ["memory 0x7c09: 42 e2 f7 fa f4 00 00 00 | 4a e2 f7 fa f4 00 00 00"]


@pytest.mark.slow
def test_other_turns_of_several_vcpus_differ_within_the_first_two(recorded):
    a = recorded("a", image="arm64/sgi_ping_pong", seed=1)
    b = recorded("b", image="arm64/sgi_ping_pong", seed=2)
    found = bisect(a, b)
    assert found is not None
    before = [vmm.replay(path) for path in (a, b)]
    for replay in before:
        replay.run(insn=found.insns - 1)
    one, other = (replay.machine for replay in before)
    assert [[cpu[name] for name in cpu] for cpu in one.cpus] == [[cpu[name] for name in cpu] for cpu in other.cpus]


def test_a_run_that_ends_sooner_is_found_at_its_end(recorded):
    async def scenario(m):
        await vmm.Elapsed(insns=1500)
        m.end("exit", 1)

    found = bisect(recorded("a", scenario), recorded("b"))
    assert found.insns >= 1500


def test_machines_of_another_kind_are_not_compared(recorded):
    with pytest.raises(vmm.VmmError, match="differ in architecture"):
        bisect(recorded("a"), recorded("b", image="arm64/hello"))
