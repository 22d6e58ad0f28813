"""What users see of a machine: these names and no others, each explained."""

import ast
import inspect
import re

import pytest

import vmm
from vmm.machine import machine

ACTS = {
    "address", "answer", "attach", "byte", "close", "delay_timer", "diagnose", "end", "findings", "inject", "irq",
    "key", "limit", "line", "load", "msi", "nmi", "ppi", "reach", "read", "recording", "restore", "run", "sgi",
    "skip_to_timer", "snapshot", "spi", "spurious", "start", "stimulate", "trap", "turn", "type", "u8", "u16", "u32",
    "u64", "where", "write",
}  # fmt: skip
SHOWS = {
    "architecture", "board", "bus", "clock", "config", "cpu", "cpus", "gear", "gic", "inputs", "insn_ns",
    "instructions", "ioapic", "lapic", "loaded", "memory", "now_ns", "pic", "position", "running", "screen", "source",
    "stop", "trace", "waiting",
}  # fmt: skip


def described_attributes():
    """The names that the class's body declares, with the text that follows each."""
    (found,) = [node for node in ast.parse(inspect.getsource(machine)).body if getattr(node, "name", "") == "Machine"]
    pairs = zip(found.body, found.body[1:], strict=False)
    return {
        declared.target.id: inspect.cleandoc(after.value.value)
        for declared, after in pairs
        if isinstance(declared, ast.AnnAssign) and isinstance(after, ast.Expr)
    }


def test_a_machine_has_these_names_and_no_others():
    m = vmm.Machine()
    assert {name for name in dir(m) if not name.startswith("_")} == ACTS | SHOWS


def test_its_vcpus_are_of_their_architecture_s_class_and_both_are_a_cpu():
    x86, arm = vmm.Machine(), vmm.Machine(vmm.Config(board="virt"))
    assert [type(m.cpu) for m in (x86, arm)] == [vmm.X86, vmm.Arm]
    assert isinstance(x86.cpu, vmm.Cpu) and isinstance(arm.cpu, vmm.Cpu) and not isinstance(3, vmm.Cpu)


def test_completion_sees_behind_what_is_used_most():
    """IPython and notebooks call no property to complete `m.cpu.`, `m.cpu["` and `m.board.devices["`."""
    assert {"board", "bus", "clock", "config", "cpu", "cpus", "memory", "trace"} <= set(vars(vmm.Machine()))


def test_what_it_says_of_itself_names_them_all():
    words = set(re.findall(r"\w+", vmm.Machine.__doc__))
    assert words >= ACTS | SHOWS


@pytest.mark.parametrize("name", sorted(ACTS | SHOWS))
def test_each_of_its_names_is_explained(name):
    text = inspect.getdoc(getattr(vmm.Machine, name)) if hasattr(vmm.Machine, name) else described_attributes()[name]
    assert text.endswith(".")


@pytest.mark.parametrize("name", sorted(ACTS))
def test_what_it_does_is_a_method_of_that_name_whose_parameters_a_reader_sees(name):
    method = getattr(vmm.Machine(), name)
    assert method.__name__ == name
    assert "self" not in inspect.signature(method).parameters
