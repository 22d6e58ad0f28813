"""What a key lets come from outside is a decision: recorded, and the future is another one from there on."""

import vmm
from vmm.cli import main


def test_a_raised_line_is_recorded_where_it_was_raised(stepping, tmp_path):
    path = tmp_path / "played.vmmrec"

    async def play(screen):
        await screen.answer("g", "800")
        await screen.answer("i", "5 raise")
        assert screen.machine.irq(5).high and "IRQ 5" in screen.text("controllers")
        assert "IRQ 5: high" in screen.text("told")
        await screen.press("n", "p", "p", "n")
        assert screen.machine.irq(5).high
        await screen.press("c")
        return screen.machine.trace.hash

    hashed = stepping("x86/pit_ticks", play, "--record", str(path))
    replay = vmm.replay(path, console=lambda data: None)
    replay.run()
    assert replay.verified and replay.machine.trace.hash == hashed
    assert [entry.decision.kind for entry in replay.tape.entries] == ["line"]
    assert replay.tape.entries[0].at.insns == 800


def test_what_is_decided_in_the_past_replaces_what_would_have_come(stepping, tmp_path):
    path = tmp_path / "played.vmmrec"

    async def play(screen):
        await screen.answer("g", "800")
        await screen.answer("i", "5 raise")
        await screen.answer("g", "790")
        assert not screen.machine.irq(5).high
        await screen.press("m")
        assert "an NMI is latched" in screen.text("told") and "NMI" in screen.text("code")
        await screen.answer("g", "900")
        assert not screen.machine.irq(5).high

    stepping("x86/pit_ticks", play, "--record", str(path))
    replay = vmm.replay(path, console=lambda data: None)
    assert [entry.decision.kind for entry in replay.tape.entries] == ["nmi"]
    replay.run()
    assert replay.verified and replay.machine.instructions == 900  # where it was left


def test_a_command_of_the_monitor_answers_below_the_panes(stepping):
    async def play(screen):
        await screen.answer("colon", "line 5 rise")
        assert "did you mean 'raise'" in screen.text("told")
        await screen.answer("colon", "where")
        assert screen.machine.trace.hash in screen.text("told")

    stepping("x86/pit_ticks", play)


def test_a_recording_opens_at_its_start_with_its_future_known_and_is_not_changed(stepping, tmp_path):
    path = tmp_path / "run.vmmrec"
    assert main(["run", "arm64/sgi_ping_pong", "--record", str(path), "--quiet"]) == 0
    whole = vmm.replay(path, console=lambda data: None)
    whole.run()

    async def play(screen):
        machine = screen.machine
        assert machine.instructions == 0 and f"of {whole.machine.instructions}" in screen.text("where")
        assert screen.walk.events()[1][-1].insns > 0
        await screen.press("m")
        await screen.answer("i", "5 raise")
        assert "a recorded run is looked at, not changed" in screen.text("told")
        await screen.press("N", "N", "P", "c")
        assert "poweroff: the guest switched the machine off" in screen.text("told")
        assert machine.trace.hash == whole.machine.trace.hash
        await screen.press("p")
        assert screen.walk.events()[1][-1].kind == "stop"

    stepping(path, play)


def test_a_damaged_recording_is_one_line(tmp_path, capfd):
    path = tmp_path / "run.vmmrec"
    main(["run", "x86/hello", "--record", str(path), "--quiet"])
    path.write_bytes(path.read_bytes()[:-100])
    capfd.readouterr()
    assert main(["step", str(path), "--picture", str(tmp_path / "a.svg")]) == 2
    err = capfd.readouterr().err
    assert err.startswith(f"vmm: {path}") and err.count("\n") == 1
