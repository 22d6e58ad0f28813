"""`vmm new`: what it writes passes as it is, and would fail if the guest were wrong."""

import pytest

import vmm.testing.boundaries
import vmm.testing.failure
import vmm.testing.machines
import vmm.testing.markers  # noqa: F401 : what an inner pytest imports first it takes away with it

ARCHITECTURES = ("x86", "arm64", "arm")


def outcome(pytester: pytest.Pytester, name: str) -> dict[str, int]:
    again = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # our own pytest has loaded the plugin
    options = ("-p", "vmm.pytest_plugin", "-p", "no:cacheprovider", *again)
    return pytester.runpytest_inprocess(*options, name).parseoutcomes()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_its_tests_pass(vmm, pytester, arch):
    done = vmm("new", pytester.path / "mine", "--arch", arch)
    assert (done.status, done.err) == (0, "")
    assert done.out.split() == [
        str(pytester.path / "mine" / name) for name in ("mine.S", "scenario.py", "test_mine.py")
    ]
    outcomes = outcome(pytester, "mine")
    assert outcomes.keys() == {"passed"}
    assert outcomes["passed"] >= 4


@pytest.mark.slow
def test_without_the_shadow_of_sti_the_guest_sleeps_for_ever_and_they_all_fail(vmm, pytester):
    vmm("new", pytester.path / "mine")
    source = pytester.path / "mine/mine.S"
    source.write_text(source.read_text().replace("sleep:\n", "    nop\nsleep:\n"))
    assert outcome(pytester, "mine") == {"failed": 7}  # NOP is a boundary more


@pytest.mark.slow
def test_two_lie_side_by_side(vmm, pytester):
    for name in ("first", "second"):
        vmm("new", pytester.path / name)
    assert outcome(pytester, ".").keys() == {"passed"}


def test_the_guest_runs_without_its_scenario_and_waits(vmm, tmp_path):
    vmm("new", tmp_path / "mine")
    assert vmm("run", tmp_path / "mine/mine.S", "--quiet", "--board", "pc,pit=off").status == 125


def test_nothing_is_written_over(vmm, tmp_path):
    vmm("new", "mine")
    (tmp_path / "mine/mine.S").write_text("precious")
    assert vmm("new", "mine") == (2, "", "vmm: mine: it is there already, and nothing is written over\n")
    assert (tmp_path / "mine/mine.S").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["9lives"], "'9lives': a name has letters, digits and _, and begins with no digit"),
        (["my-isr"], "'my-isr': a name has letters, digits and _, and begins with no digit"),
        ([".."], "'..': a name has letters, digits and _, and begins with no digit"),
        (["mine", "--arch", "arm46"], "unknown architecture 'arm46'; did you mean 'arm64'?"),
        ([], "the following arguments are required: NAME; see vmm new --help"),
    ],
)
def test_wrong_arguments_are_told_in_one_line_and_nothing_is_written(vmm, tmp_path, arguments, said):
    assert vmm("new", *arguments) == (2, "", f"vmm: {said}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_named(vmm, tmp_path):
    (tmp_path / "file").write_text("")
    assert vmm("new", "file/mine") == (2, "", "vmm: file/mine: Not a directory\n")
