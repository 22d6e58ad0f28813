"""The fixtures `machine` and `guest`, their markers and options."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from vmm.testing import machines
from vmm.testing.images import Images

from .conftest import GUEST, Suite

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_machine_boots_a_source_beside_the_test_or_a_bundled_guest(suite: Suite):
    suite("""
        def test_both(machine):
            mine, other = machine("guest.S"), machine("arm64/first_isr")
            assert mine.architecture == "x86" and other.architecture == "arm64"
            assert mine.run().reason == other.run().reason == "poweroff"
            assert (mine.u32("shared"), mine.u32("count"), other.u32("count")) == (1, 0, 1)
    """).assert_outcomes(passed=1)


def test_guest_is_the_machine_of_its_marker_with_the_options_there(suite: Suite):
    suite("""
        @pytest.mark.guest("guest.S", board="pc,pit=off", smp=2, memory=8 << 20, seed=7, cmdline="x=1")
        def test_it(guest):
            config = guest.config
            assert (config.board, config.smp, config.memory) == ("pc,pit=off", 2, 8 << 20)
            assert (config.seed, config.cmdline) == (7, "x=1")

        @pytest.mark.guest("guest.S", prepare=lambda m: m.memory.write(0x5000, b"prepared"))
        class TestClass:
            def test_a_class_has_markers_too(self, guest):
                assert guest.memory.read(0x5000, 8) == b"prepared"
    """).assert_outcomes(passed=2)


SEEDS = """
    @pytest.mark.seed(3)
    @pytest.mark.board("pc,pit=off")
    def test_markers(machine):
        assert machine("guest.S").config.seed == 3
        assert machine("guest.S").config.board == "pc,pit=off"
        assert machine("guest.S", seed=4).config.seed == 4

    def test_none(machine):
        assert machine("guest.S").config.seed == WANTED
"""


@pytest.mark.parametrize(("options", "seed"), [((), 0), (("--vmm-seed", "0x10"), 16)])
def test_a_seed_is_the_calls_or_the_markers_or_the_command_lines(suite: Suite, options, seed):
    suite(f"WANTED = {seed}\n" + SEEDS.replace("\n    ", "\n"), *options).assert_outcomes(passed=2)


def test_the_seed_of_the_command_line_must_be_a_number(suite: Suite):
    result = suite("", "--vmm-seed", "dice")
    result.stderr.fnmatch_lines(["*argument --vmm-seed: 'dice' is not a number"])


def test_machines_end_with_their_test_and_so_do_their_scenarios(suite: Suite):
    suite("""
        ended = []

        def test_a(machine):
            async def scenario(m):
                try:
                    await vmm.Delivered(0x99)
                finally:
                    ended.append(m.architecture)

            for _ in range(2):
                machine("guest.S").start(scenario)
            assert ended == []

        def test_b():
            assert ended == ["x86", "x86"]
    """).assert_outcomes(passed=2)


def test_one_that_fails_to_end_keeps_no_other_from_it(suite: Suite):
    suite("""
        ended = []

        def test_a(machine):
            async def scenario(m):
                try:
                    await vmm.Delivered(0x99)
                finally:
                    ended.append(m.architecture)
                    assert m.architecture != "x86", "this one fails"

            for name in ("arm64/first_isr", "guest.S", "arm/first_isr"):
                machine(name).start(scenario)

        def test_b():
            assert sorted(ended) == ["arm", "arm64", "x86"]
    """).assert_outcomes(passed=2, errors=1)


def test_modules_lie_beside_the_test(suite: Suite):
    suite("""
        from pathlib import Path

        def test_it(machine):
            Path(__file__).with_name("module.bin").write_bytes(b"a module of a multiboot image")
            m = machine("guest.S", initrd=["module.bin"])
            assert b"a module of a multiboot image" in m.memory.read(0x100000, 0x100000)
    """).assert_outcomes(passed=1)


def test_a_guest_that_never_ends_hangs_no_suite(monkeypatch, tmp_path):
    monkeypatch.setattr(machines, "MOST", 1000)
    (tmp_path / "spin.bin").write_bytes(bytes.fromhex("ebfe"))
    m = machines.Machines(Images(), tmp_path, {})("spin.bin")
    assert (m.run().reason, m.instructions) == ("limit", 1000)


def test_a_source_is_assembled_once_and_again_when_it_has_changed(tmp_path):
    source, images = tmp_path / "guest.S", Images()
    source.write_text(GUEST)
    image = images.find("guest.S", tmp_path)
    assert images.find(source, Path("/")) == image
    os.utime(source, (1, 1))
    assert images.find("guest.S", tmp_path) != image


def test_methods_of_unittest_have_machines_by_an_autouse_fixture(suite: Suite):
    suite("""
        import unittest

        class Case(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _machine(self, machine):
                self.machine = machine

            def test_it(self):
                m = self.machine("guest.S")
                self.assertEqual(m.run().reason, "poweroff")
    """).assert_outcomes(passed=1)


def test_what_the_guest_writes_still_goes_where_the_test_wants_it(suite: Suite):
    suite("""
        def test_it(machine):
            heard = []
            machine("guest.S", console=heard.append).run()
            assert b"".join(heard) == b"ready\\n"
    """).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ('guest("gest.S")', "*gest.S: no such file"),
        ('guest("x86/first_irs")', "unknown bundled guest 'x86/first_irs'; did you mean 'x86/first_isr'?"),
        ('guest("guest.S", bord="pc")', "unknown option of a machine 'bord'; did you mean 'board'?"),
        ('guest("guest.S", seed=-1)', "seed -1 is not a number from 0 to 2^64-1"),
        ('guest(image="guest.S")', "marker guest: it takes one image, and options by their names"),
        ("skipif(False, reason='')", 'no guest: mark the test with @pytest.mark.guest("image.S")'),
        ("seed(1, 2)", "marker seed: it takes one value"),
    ],
)
def test_a_wrong_marker_is_told_in_one_line(suite: Suite, output, marker, said):
    result = suite(f"""
        @pytest.mark.{marker}
        def test_it(guest):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_it*", said])
    assert "Traceback" not in output(result) and "pytest_plugin.py" not in output(result)


def test_what_is_wrong_with_a_call_is_shown_at_the_tests_own_line(suite: Suite, output):
    result = suite("""
        def test_it(machine):
            machine("guest.S").u32("cuont")
    """)
    result.stdout.fnmatch_lines(
        ['>*machine("guest.S").u32("cuont")', "E*unknown symbol 'cuont'; did you mean 'count'?"]
    )
    assert "guest_memory.py" not in output(result)


def test_markers_and_options_are_documented(suite: Suite):
    markers = suite("", "--markers")
    markers.stdout.fnmatch_lines([f"@pytest.mark.{name}(*" for name in ("guest", "board", "seed", "every_boundary")])


def test_a_suite_that_does_not_use_it_pays_nothing():
    program = "import sys, vmm.pytest_plugin; print(*sorted(name for name in sys.modules if name.startswith('vmm')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["vmm", "vmm.errors", "vmm.pytest_plugin", "vmm.version"]


def test_an_installed_vmm_brings_the_plugin():
    entries = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["pytest11"]
    assert [hasattr(import_module(module), "pytest_addoption") for module in entries.values()] == [True]
    assert entries.keys() == set(entries.values())  # so that `-p` and pytest_plugins do not load it twice
