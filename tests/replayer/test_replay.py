"""A recorded run comes again bit for bit, though nothing of the script that made it is there any more."""

import json
import random

import pytest

import vmm
from vmm.arch.arm.traps import SysReg
from vmm.arch.x86.traps import Exc, Int, Port
from vmm.catalog import guests
from vmm.inputs.traps import DONE

MOST = 30_000_000
EVERY = sorted(guest.name for guest in guests())


class Run:
    """A machine that is recorded, and the file of its recording."""

    def __init__(self, path, image, **config):
        self.path, self.written = path, bytearray()
        self.machine = vmm.boot(image, console=self.written.extend, **config)
        self.recorder = self.machine.recording()
        self.machine.limit(insns=MOST)

    def replayed(self):
        """The replay at its end, with the same output, the same trace and the same place."""
        self.recorder.save(self.path)
        self.recorder.stop()
        written = bytearray()
        replay = vmm.replay(self.path, console=written.extend)
        self.stop = replay.run()
        assert replay.finished
        assert replay.verified is True
        assert written == self.written
        assert replay.machine.position == self.machine.position
        assert [replay.machine.cpu[name] for name in replay.machine.cpu] == [
            self.machine.cpu[name] for name in self.machine.cpu
        ]
        return replay


@pytest.fixture
def record(tmp_path):
    return lambda image, **config: Run(tmp_path / "run.vmmrec", image, **config)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_a_bundled_guest_replays_to_the_same_hash_and_the_same_stop(name, record):
    run = record(name)
    stop = run.machine.run()
    replay = run.replayed()
    assert (run.stop.reason, run.stop.code, run.stop.detail) == (stop.reason, stop.code, stop.detail)
    assert replay.machine.trace.hash == run.machine.trace.hash


RANDOM = [("x86/pit_ticks", {}), ("x86/ipi_ping_pong", {}), ("x86/ipi_ping_pong", {"seed": 9}),
          ("arm64/sgi_ping_pong", {}), ("arm64/sgi_ping_pong", {"seed": 7}), ("arm/timer_ticks", {}),
          ("x86/rep_interrupted", {})]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "config"), RANDOM)
def test_decisions_at_random_boundaries_replay(name, config, seed, record):
    """Several scenarios at once, on any boundary: after deliveries, asleep, at another vCPU's turn."""
    dice = random.Random(seed)
    run = record(name, **config)

    async def scenario(m):
        for _ in range(12):
            vcpu = dice.randrange(len(m.cpus))
            await dice.choice([
                vmm.Elapsed(insns=dice.randrange(1, 400)), vmm.Elapsed(us=dice.randrange(1, 3000)), vmm.NextBoundary(),
                vmm.NextBoundary(cpu=vcpu), vmm.First(vmm.Delivered(), vmm.Elapsed(ms=2)),
                vmm.Elapsed(insns=20, cpu=vcpu),
            ])  # fmt: skip
            number = dice.randrange(3, 8)
            dice.choice([m.irq(number).pulse, m.irq(number).lower, lambda: m.type(bytes([dice.randrange(256)]))])()

    machine = run.machine
    for _ in range(3):
        machine.start(scenario)
    machine.run()
    assert len({entry.at.insns for entry in run.recorder.log.entries}) > 3
    run.replayed()


def test_what_plain_code_does_between_runs_replays(record):
    run = record("x86/pit_ticks")
    m = run.machine
    m.run(until="tick")
    m.write("kernel_stack", (7).to_bytes(4, "little"))
    m.cpu["edi"] = 0x1234
    m.memory.write(0x500, b"here")
    m.run(until=vmm.Returned(0x20))
    m.run(insns=55)
    m.irq(4).pulse()
    replay = run.replayed()
    assert replay.machine.memory.read(0x500, 4) == b"here"
    assert replay.machine.cpu["edi"] == 0x1234
    assert run.stop.detail.startswith("the recording ends at ")


def test_a_machine_that_went_on_after_its_stops_replays(record):
    run = record("x86/pit_ticks")
    m = run.machine
    m.limit(insns=1000)
    assert [m.run().reason for _ in range(3)] == ["limit"] * 3
    m.limit()
    m.end("user")
    assert m.run().reason == "user"
    assert m.run().reason == "poweroff"
    run.replayed()
    assert run.stop.reason == "poweroff"


def test_a_scenario_ends_the_run_where_it_stands(record):
    async def scenario(m):
        await vmm.Delivered(0x20)
        m.end("exit", 9)

    run = record("x86/pit_ticks")
    run.machine.start(scenario)
    stop = run.machine.run()
    assert (stop.reason, stop.exit_status, run.machine.cpu.pc) == ("exit", 9, run.machine.address("tick"))
    run.replayed()
    assert run.stop == stop


def test_traps_are_answered_from_the_recording(record):
    asked = []
    run = record("x86/hypercall")

    @run.machine.trap(Int(0x80))
    def answer(t):
        asked.append(t)
        t.cpu["eax"] = t.cpu["ebx"] + t.cpu["ecx"]
        return DONE

    @run.machine.trap(Port(0x3F8))
    def upper(t):
        asked.append(t)
        if t.write:
            t.value = ord(chr(t.value).upper())

    run.machine.run()
    count = len(asked)
    assert count > 1
    run.replayed()
    assert len(asked) == count


def test_a_trapped_system_register_of_arm_replays(record):
    run = record("arm64/sgi_ping_pong")

    @run.machine.trap(SysReg("mpidr_el1"))
    def other(t):
        t.value = 0x80000000 | t.cpu.index
        return DONE

    run.machine.run()
    assert any(call.kind == "trap" for call in run.recorder.log.calls)
    run.replayed()


class Ticker:
    """A device of a user's own: word 0 written n asks for a line after n us; read, it tells how often that was."""

    def __init__(self, m, line):
        self._clock, self._line, self._count = m.clock, m.bus.line(line), 0
        self._timer = m.clock.timer(self._tick)
        self._wave = m.clock.wave(m.bus.line(line + 1))

    def _tick(self):
        self._count += 1
        self._line.set(True)
        self._timer.at(self._clock.now() + 1_500_000)
        self._wave.start(origin_ns=self._clock.now(), hz_num=1000, hz_den=1, level=True, first_tick=1, toggles=2)

    def mmio_read(self, address, size):
        self._line.set(False)
        return self._count

    def mmio_write(self, address, size, value):
        self._timer.at(self._clock.now() + value * 1000)

    port_width = 1
    port_read, port_write = mmio_read, mmio_write


def test_an_attached_device_its_lines_timers_and_waves_replay(record):
    """It is driven by timers of its own, and by a scenario that calls it as plain Python."""
    run = record("x86/pit_ticks")
    m = run.machine
    device = Ticker(m, 5)
    m.attach(device, ports=(0x300, 4))

    async def scenario(m):
        device.mmio_write(0, 4, 300)
        while True:
            await vmm.Delivered(0x20)
            device.mmio_read(0, 4)

    m.start(scenario)
    m.run()
    assert device._count > 10
    run.replayed()


def test_what_a_guest_reads_from_an_attached_device_is_the_recorded_answer(record, tmp_path):
    image = tmp_path / "reader.bin"  # mov cx, 5; again: mov dx, 300h; in al, dx; out dx, al; loop again; hlt
    image.write_bytes(bytes.fromhex("b90500 ba0003 ec ee e2f9 faf4"))

    class Counter:
        port_width = 1
        seen = 0

        def port_read(self, port, size):
            Counter.seen += 1
            return 0x40 + Counter.seen

        def port_write(self, port, size, value):
            assert value == 0x40 + Counter.seen

    run = record(str(image))
    run.machine.attach(Counter(), ports=(0x300, 1))
    run.machine.run()
    assert (Counter.seen, run.machine.cpu["eax"] & 0xFF) == (5, 0x45)
    assert run.replayed().machine.cpu["eax"] & 0xFF == 0x45
    assert Counter.seen == 5


def test_code_that_raised_raises_again_at_the_same_place(record):
    run = record("x86/hypercall")

    @run.machine.trap(Int(0x80))
    def answer(t):
        t.cpu["eax"] = 1
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError):
        run.machine.run()
    run.machine.run()
    run.replayed()


def test_equal_answers_are_kept_once(record):
    run = record("x86/pit_ticks")
    run.machine.run()
    run.replayed()
    (console,) = [json.loads(line) for line in run.path.read_text().splitlines() if '"call"' in line]
    assert (console["kind"], console["times"]) == ("console", len(run.written))


def test_a_recording_is_written_when_its_context_ends_with_an_error(tmp_path):
    m = vmm.boot("x86/pit_ticks")
    with pytest.raises(RuntimeError, match="mine"), m.recording(tmp_path / "run.vmmrec"):
        m.run(until="tick")
        raise RuntimeError("mine")
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert (replay.verified, replay.tape.end.why) == (True, "RuntimeError: mine")
    assert replay.machine.cpu.pc == replay.machine.address("tick")


def test_a_run_that_was_cut_within_an_instruction_replays_up_to_there(tmp_path):
    def console(data):
        raise KeyboardInterrupt

    m = vmm.boot("x86/pit_ticks", console=console)
    with pytest.raises(KeyboardInterrupt), m.recording(tmp_path / "run.vmmrec"):
        m.run()
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert (replay.finished, replay.verified) == (True, None)
    assert replay.machine.instructions == m.instructions


def test_a_replay_stops_anywhere_on_the_way_and_goes_on(record):
    run = record("x86/pit_ticks")
    ticks = []

    async def scenario(m):
        for _ in range(5):
            ticks.append((await vmm.Delivered(0x20)).insns)
            m.irq(4).pulse()

    run.machine.start(scenario)
    run.machine.run()
    run.recorder.save(run.path)
    replay = vmm.replay(run.path)
    assert replay.run(until="tick").reason == "breakpoint"
    assert replay.machine.instructions == ticks[0]
    replay.run(insn=ticks[2])
    assert replay.machine.instructions == ticks[2]
    replay.run(event=60)
    assert replay.machine.position.hashed >= 60 > replay.machine.position.hashed - 8
    assert replay.run(until=vmm.Delivered(0x20)).result.number == 0x20
    assert not replay.finished
    replay.run()
    assert replay.verified


def test_a_replay_refuses_to_go_back(record):
    run = record("x86/pit_ticks")
    run.machine.run()
    run.recorder.save(run.path)
    replay = vmm.replay(run.path)
    replay.run(insn=100)
    for wrong, said in [({"insn": 99}, "is over"), ({"event": 1}, "already"), ({"insn": 1, "event": 2}, "one of")]:
        with pytest.raises(vmm.VmmError, match=said):
            replay.run(**wrong)


def test_a_run_of_another_image_is_told_from_the_recorded_one(record, tmp_path):
    run = record("x86/pit_ticks")

    async def scenario(m):
        await vmm.Delivered(0x20)
        m.irq(4).pulse()

    run.machine.start(scenario)
    run.machine.run()
    run.recorder.save(run.path)
    replay = vmm.replay(run.path, image="x86/first_isr")
    with pytest.raises(vmm.VmmError, match=r"run\.vmmrec:3: line 4 0 came at insn 727, .*; this run is at insn \d+"):
        replay.run()


def test_recording_changes_nothing(record):
    plain = vmm.boot("x86/pit_ticks")
    plain.run()
    run = record("x86/pit_ticks")
    run.machine.run()
    assert run.machine.trace.hash == plain.trace.hash


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (lambda m: m.run(insns=5), "before anything else"),
        (lambda m: m.irq(4).pulse(), "before anything else"),
        (lambda m: m.trap(Exc(6))(print), "before anything else"),
        (lambda m: m.recording(), "already"),
    ],
)
def test_a_recording_begins_at_the_beginning(before, said):
    m = vmm.boot("x86/pit_ticks")
    before(m)
    with pytest.raises(vmm.VmmError, match=said):
        m.recording()


def test_a_recording_is_of_one_image(tmp_path):
    with pytest.raises(vmm.VmmError, match="load an image first"):
        vmm.Machine().recording()
    m = vmm.boot("x86/pit_ticks")
    m.recording()
    with pytest.raises(vmm.VmmError, match="one image"):
        m.load(m.source.image)


def test_an_observer_may_not_change_a_machine_that_is_recorded():
    m = vmm.boot("x86/isr_bench" if "x86/isr_bench" in EVERY else "x86/pit_ticks")
    m.recording()
    m.trace.observe(lambda event: m.irq(4).pulse() if m.running else None)
    m.limit(insns=3_000_000)
    with pytest.raises(vmm.VmmError, match="observer of the trace"):
        m.run()


def test_an_attached_device_that_gives_no_number_is_named(tmp_path):
    image = tmp_path / "reader.bin"  # mov dx, 300h; in al, dx
    image.write_bytes(bytes.fromhex("ba0003 ec"))

    class Odd:
        port_width = 1

        def port_read(self, port, size):
            return "x"

        def port_write(self, port, size, value):
            pass

    m = vmm.boot(str(image))
    m.attach(Odd(), ports=(0x300, 1))
    with pytest.raises(vmm.VmmError, match=r"Odd\.port_read gave 'x', not a number"):
        m.run(insns=2)


def test_what_happened_before_the_machine_went_back_is_not_in_its_recording(tmp_path):
    m = vmm.boot("x86/pit_ticks")
    with m.recording(tmp_path / "run.vmmrec"):
        m.run(insns=700)
        m.irq(5).raise_()
        snapshot = m.snapshot()
        m.irq(6).raise_()
        m.run(insns=300)
        m.restore(snapshot)
        m.irq(7).raise_()
        m.run()
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert replay.verified
    assert [wire.drivers != 0 for wire in replay.machine._native.lines[5:8]] == [True, False, True]


def test_each_of_two_histories_has_its_own_decisions(tmp_path):
    m = vmm.boot("x86/pit_ticks")
    with m.recording(tmp_path / "run.vmmrec"):
        m.irq(5).raise_()
        m.run(insns=700)
        parting = m.snapshot()
        m.irq(6).raise_()
        m.run(insns=100)
        first = m.snapshot()
        m.restore(parting)
        m.irq(7).raise_()
        m.run(insns=200)
        m.restore(first)
        m.run(insns=100)
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert replay.verified
    assert [entry.decision.arguments for entry in replay.tape.entries] == [(5, 1), (6, 1)]


def test_a_shared_recording_goes_on_when_one_part_has_ended(tmp_path):
    m = vmm.boot("x86/pit_ticks")
    recorder = m.recording()
    recorder.shared = True
    with m.recording(tmp_path / "part.vmmrec"):
        m.run(insns=500)
    m.irq(5).raise_()
    m.run(insns=500)
    recorder.save(tmp_path / "all.vmmrec")
    ends = []
    for name in ("part", "all"):
        replay = vmm.replay(tmp_path / f"{name}.vmmrec")
        replay.run()
        assert replay.verified
        ends.append(replay.machine.instructions)
    assert ends == [500, 1000]


def test_a_stimulus_is_one_decision_and_comes_again(tmp_path):
    m = vmm.boot("x86/pit_ticks", seed=3)
    with m.recording(tmp_path / "run.vmmrec"):
        noise = m.stimulate(m.irq(5), vmm.Poisson(mean=50, unit="us"))
        m.run()
    assert noise.pulses > 1000
    assert (tmp_path / "run.vmmrec").stat().st_size < 2000
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert replay.verified


def test_an_instruction_that_is_waited_for_by_its_number_is_called_so(tmp_path):
    m = vmm.boot("x86/first_isr", console=None)
    with m.recording(tmp_path / "a.vmmrec"):
        m.run()
    replay = vmm.replay(tmp_path / "a.vmmrec", console=None)
    m = vmm.boot("x86/first_isr", console=None)
    second = m.where(m.run(insns=1) and m.cpu.pc)
    assert replay.run(insn=1).detail == f"insn 1 is about to begin at {second}"
    assert replay.run(vmm.Elapsed(insns=2)).detail.startswith("2 insns have begun, and it stands at 0x10")
    assert replay.run(vmm.Elapsed(ns=10)).detail.startswith("the time has passed at 0x10")
    with pytest.raises(vmm.VmmError, match="insn 1 is over: the machine stands at insn 4"):
        replay.run(insn=1)
