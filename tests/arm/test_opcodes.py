"""The table of instructions against a disassembler: every encoding is what its name says."""

from __future__ import annotations

import capstone
import pytest

from arm.opcodes import A32, A64, T32

SETS = {
    "A64": (A64, capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)),
    "A32": (A32, capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_ARM)),
    "T32": (T32, capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB)),
}


@pytest.mark.parametrize("name", SETS)
def test_every_encoding_is_the_instruction_it_is_called(name: str) -> None:
    table, disassembler = SETS[name]
    for text, encoding in table.items():
        decoded = [
            f"{found.mnemonic} {found.op_str}".strip() for found in disassembler.disasm(bytes.fromhex(encoding), 0)
        ]
        assert decoded == [text]
