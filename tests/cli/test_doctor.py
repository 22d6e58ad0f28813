"""`vmm doctor`: what is there, what is missing, and what to do about it."""

import json
from importlib import metadata

import pytest

from vmm import toolchain
from vmm.arch import every, named
from vmm.cli.doctor import examine
from vmm.core import native
from vmm.errors import VmmError
from vmm.machine.machine import boot


def raises(line: str):
    def fail(*_: object) -> None:
        raise VmmError(line)

    return fail


@pytest.fixture
def findings():
    return lambda: {finding.name: finding for finding in examine()}


def test_a_machine_that_runs_the_tests_is_in_order(vmm):
    done = vmm("doctor")
    assert (done.status, done.err) == (0, "")
    lines = {line[9:26].strip(): line for line in done.out.splitlines()}
    for name in ("Python", "unicorn", "capstone", "pyelftools", "rich", "C extension", "Unicorn's CPU"):
        assert lines[name].startswith("ok ")
    for name in ("x86, 8259A", "arm64, GICv2", "arm64, GICv3", "arm, GICv2", "arm, GICv3"):
        assert lines[name].endswith("takes its interrupts")
    assert {f"assembler, {arch}" for arch in ("x86", "arm", "arm64")} <= lines.keys()


def test_the_same_comes_as_json(vmm):
    done = vmm("doctor", "--json")
    rows = json.loads(done.out)
    assert {"Python", "C extension", "arm, GICv2"} <= {row["name"] for row in rows}
    assert all(row.keys() == {"name", "ok", "found", "essential", "hint"} for row in rows)
    assert {row["name"] for row in rows if row["essential"] and not row["ok"]} == set()


def test_without_an_assembler_guests_still_run(vmm, monkeypatch):
    monkeypatch.setattr(toolchain, "find", raises("no assembler found; pip install it"))
    done = vmm("doctor")
    assert done.status == 0
    assert "missing  assembler" in done.out
    assert "pip install it" in done.out


def test_a_library_that_is_not_what_it_should_be_is_essential(vmm, monkeypatch):
    monkeypatch.setattr(native, "unicorn_library", raises("Unicorn 2.0.0; vmm needs 2.1.4"))
    done = vmm("doctor")
    assert done.status == 1
    (line,) = [line for line in done.out.splitlines() if "Unicorn's CPU" in line]
    assert line.startswith("missing") and "vmm needs 2.1.4" in line


def test_a_package_of_another_version_than_the_one_needed_is_named_with_both(findings, monkeypatch):
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "2.0.1" if name == "unicorn" else real(name))
    unicorn = findings()["unicorn"]
    assert (unicorn.ok, unicorn.found, unicorn.hint) == (False, "2.0.1", "pip install 'unicorn==2.1.4'")


def test_a_package_that_is_not_there_has_the_command_that_brings_it(findings, monkeypatch):
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    capstone = findings()["capstone"]
    assert not capstone.ok and capstone.essential
    assert capstone.hint.startswith("pip install 'capstone")


def test_a_missing_qemu_is_no_trouble(findings, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = findings()
    for name in ("QEMU, x86", "QEMU, arm64", "QEMU, arm"):
        assert not found[name].ok and not found[name].essential


@pytest.mark.parametrize("guest", ["arm64/daif_unmask", "arm/level_vs_edge"])
def test_the_proof_of_a_gicv3_runs_on_a_gicv3(guest):
    assert guest in [proof for arch in every() for proof in arch.proofs.values()]
    assert boot(guest).config.board == "virt,gic=3"


def test_a_guest_that_fails_is_essential_and_says_how_it_ended(findings, monkeypatch):
    monkeypatch.setitem(named("arm64").proofs, "GICv2", "x86/hypercall")  # it needs more than MOST allows
    monkeypatch.setattr("vmm.cli.doctor.MOST", 3)
    found = findings()["arm64, GICv2"]
    assert not found.ok and found.essential
    assert found.hint.startswith("x86/hypercall: the instruction limit was reached at ")
