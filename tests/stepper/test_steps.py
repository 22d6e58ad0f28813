"""A boundary on, a boundary back: panes are held against the machine, and frames against what manuals say is there."""


def test_a_frame_is_named_on_the_stack_and_a_step_back_is_before_it(stepping):
    """pit_ticks.S: HLT is interrupted; a same-privilege frame is EIP, CS, EFLAGS from the top on (SDM 3A 6.12.1)."""

    async def play(screen):
        await screen.press("N")
        machine = screen.machine
        assert machine.cpu.pc == machine.address("tick")
        above, here = screen.here()
        assert above == "tick:" and here.startswith(f"{machine.cpu.pc:08x} inc dword ptr")
        top = machine.cpu["esp"]
        eip, cs, eflags = (machine.u32(top + 4 * n) for n in range(3))
        assert (machine.where(eip).split()[1], cs) == ("awake", 8) and eflags & 0x200
        stack = screen.pane("stack")
        assert stack[0] == "in the handler of 0x20 (IRQ 0)"
        for n, (name, value) in enumerate((("EIP awake", eip), ("CS", cs), ("EFLAGS", eflags))):
            assert stack[1 + n] == f"{top + 4 * n:08x} {value:08x} ◀ {name}"
        await screen.press("p")
        assert machine.cpu.pc == machine.address("sleep")
        assert "in the shadow of STI" in screen.text("code")
        assert "handler" not in screen.text("stack")

    stepping("x86/pit_ticks", play)
