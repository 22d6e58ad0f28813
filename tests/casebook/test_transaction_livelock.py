"""How often a transaction is aborted, and that masking after three times ends it within the latency that is allowed."""

import re

import vmm
from casebook.play import case, played
from vmm.casebook.case import BROKEN, FIXED
from vmm.diagnoses.livelock import MANY

TRANSFERS, PATIENCE, ACCOUNTS = 10, 3, 60
LONGEST = 2 + 5 * ACCOUNTS + 1
"""Instructions of the transaction: longer than the timer's period, so each try that is not masked is aborted."""


def test_nothing_is_ever_done() -> None:
    m, looked = played(case("transaction_livelock/x86", BROKEN))
    assert [verdict.diagnosis for verdict in looked.verdicts] == ["livelock"]
    assert m.where("again") == looked.verdicts[0].evidence[0].where
    assert m.u32("done") == 0


def test_masking_ends_it_within_the_latency() -> None:
    m, looked = played(case("transaction_livelock/x86", FIXED))
    assert (m.u32("done"), m.u32("aborts"), m.u32("total")) == (TRANSFERS, TRANSFERS * PATIENCE, TRANSFERS * ACCOUNTS)
    assert m.read("accounts", 4 * ACCOUNTS) == TRANSFERS.to_bytes(4, "little") * ACCOUNTS
    (worst,) = [line for line in looked.figures["latency"] if line.startswith("worst response")]
    (masked,) = map(int, re.findall(r"(\d+) masked", worst))
    assert 0 < masked <= LONGEST + 2, "with CLI before it and STI behind it"


def test_an_abort_now_and_then_is_none_and_leaves_nothing() -> None:
    m = vmm.boot(case("transaction_livelock/x86", BROKEN).image, console=None)
    with m.diagnose("livelock") as diagnoses:
        m.run(until="transfer")
        m.stimulate(m.irq(5), vmm.Periodic(period=200, hold="served"))
        for aborts in range(1, MANY + 1):
            m.run(until="aborted")
            assert len(diagnoses.verdicts()) == (aborts >= MANY)
            assert (m.u32("total"), m.read("accounts", 4 * ACCOUNTS)) == (0, bytes(4 * ACCOUNTS))
