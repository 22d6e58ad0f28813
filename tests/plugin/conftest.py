"""A test suite of a user's, with the plugin."""

from collections.abc import Callable
from textwrap import dedent

import pytest

# What an inner run imports first it takes away with it when it ends: let it find all of this here.
import vmm.coverage.coverage
import vmm.coverage.summary
import vmm.testing.boundaries
import vmm.testing.exploration
import vmm.testing.failure
import vmm.testing.machines
import vmm.testing.markers
import vmm.testing.placement  # noqa: F401

Suite = Callable[..., pytest.RunResult]

GUEST = """
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    PRINT   "ready\\n"
    sti
begin:
    cli
    incl    shared
    sti
    nop
end:
    POWER_OFF
handler:
    incl    count
    PIC_EOI 5
    iret
    VAR     shared
    VAR     count
"""
"""In guest.S; from begin to end there are five boundaries."""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    """Run a test file beside guest.S, in this process unless `fresh`, and not from where it lies."""

    def run(tests: str, *options: str, conftest: str = "", fresh: bool = False, guest: str = GUEST) -> pytest.RunResult:
        below = pytester.mkdir("below")
        (below / "guest.S").write_text(guest)
        (below / "test_it.py").write_text("import pytest\nimport vmm\n" + dedent(tests))
        (below / "conftest.py").write_text(dedent(conftest))
        start = pytester.runpytest_subprocess if fresh else pytester.runpytest_inprocess
        again = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # our own pytest has loaded the plugin
        return start("-p", "vmm.pytest_plugin", "-p", "no:cacheprovider", *again, *options)

    return run


@pytest.fixture
def output() -> Callable[[pytest.RunResult], str]:
    """What the run printed, for looking for what must not be there."""
    return lambda result: "\n".join(result.outlines)
