"""All that pytest needs here: what is shown. vmm assembles the sources itself (VMM_CC chooses the assembler)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def pytest_configure(config: pytest.Config) -> None:
    config.option.reportchars += "x"  # failures that are expected are listed at the end
    config.option.vmm_record_dir = config.option.vmm_record_dir or Path(os.path.relpath(HERE / "failed"))
