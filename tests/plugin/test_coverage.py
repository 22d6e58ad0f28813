"""`--vmm-coverage`: one map of all that a session's tests run, whoever ran them."""

import pytest

import vmm

from .conftest import Suite

TESTS = """
    def test_it_ends(machine):
        machine("guest.S", board="pc,pit=off").run()

    @pytest.mark.guest("guest.S", board="pc,pit=off")
    def test_it_is_done(guest):
        guest.run(until="begin")
        guest.irq(5).pulse()
        assert guest.run().reason == "poweroff"

    @pytest.mark.guest("guest.S", board="pc,pit=off")
    @pytest.mark.explore(inject="irq:5", between=("begin", "end"))
    def test_it_is_atomic(exploration):
        assert exploration
"""


@pytest.mark.slow
def test_a_session_writes_one_map_and_workers_make_the_same(suite: Suite, pytester):
    result = suite(TESTS, "--vmm-coverage", "one.json", "-n0")
    result.stdout.fnmatch_lines(["*coverage of interrupts*", "*guest.S: 3 runs, *", "vmm coverage one.json"])
    (image,) = vmm.Coverage.load(pytester.path / "one.json").images
    assert image.runs == 3
    pytester.runpytest_subprocess("below", "--vmm-coverage", "workers.json", "-n2")
    assert (pytester.path / "workers.json").read_text() == (pytester.path / "one.json").read_text()


def test_a_wrong_path_costs_nobody_a_session(suite: Suite):
    result = suite(TESTS, "--vmm-coverage", "nowhere/all.json", "-n0")
    result.stderr.fnmatch_lines(["ERROR: --vmm-coverage *all.json: cannot write: No such file or directory"])
    assert result.ret == 4


ONE = """
    def test_it_ends(machine):
        machine("guest.S").run(insns=100)
"""


def test_a_map_goes_over_no_image(suite: Suite, pytester):
    result = suite(ONE, "--vmm-coverage", "below/guest.S", "-n0")
    result.stdout.fnmatch_lines(["coverage *guest.S: cannot write: it is an input, *"])
    assert result.ret == 4
