"""`m.stop` where no run has ended: it says so, and is the last run's again when one has."""

import vmm

NOT_RUN = "no run has ended yet: it stands at 0x100010 _start first_isr.S:4"


def test_before_the_first_run_it_says_so():
    m = vmm.boot("x86/first_isr", console=None)
    assert (m.stop.reason, m.stop.detail, m.stop.address, m.stop.exit_status) == ("not run", NOT_RUN, 0x100010, 0)
    stop = m.run()
    assert m.stop == stop and stop.reason == "poweroff"


def test_a_machine_that_went_back_to_before_has_not_run():
    m = vmm.boot("x86/first_isr", console=None)
    before = m.snapshot()
    m.run(until="handler")
    m.restore(before)
    assert (m.stop.reason, m.stop.detail) == ("not run", NOT_RUN)


def test_while_a_run_is_under_way_it_says_so():
    m, seen = vmm.boot("x86/hypercall", console=None), []

    @m.trap(vmm.Int(0x80))
    def look(t):
        seen.append(m.stop)

    async def scenario(m):
        await vmm.Elapsed(insns=5)
        seen.append(m.stop)

    m.start(scenario)
    m.run()
    assert [each.reason for each in seen] == ["running", "running"]
    assert all(each.detail.startswith("a run is under way, at 0x") for each in seen)
    assert m.stop.reason == "poweroff"
