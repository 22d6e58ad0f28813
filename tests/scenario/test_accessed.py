"""Waiting for accesses to memory: each instruction's, by whichever address, in both gears, and nothing of it is felt.

Which instruction accesses what is worked out from the sources here.
"""

import pytest

from vmm import Accessed, Elapsed, First, Reach, Touch, VmmError, boot
from vmm.toolchain import assemble

DATA = 0x300000
SOURCE = f"""
    .globl _start
_start:
    mov     $0x310000, %esp
    mov     $7, %eax
first:
    mov     %eax, {DATA:#x}
second:
    mov     {DATA:#x}, %ebx
third:
    movb    $1, {DATA + 3:#x}
fourth:
    push    %eax
    incl    {DATA:#x}
fifth:
    mov     ${DATA - 2:#x}, %edi
    mov     $3, %ecx
    cld
    rep stosb
sixth:
    mov     {DATA + 4:#x}, %eax
seventh:
    mov     ${DATA:#x}, %esp
    push    %eax
eighth:
    jmp     eighth
"""
PAGED = """
    .globl _start
_start:
    movl    $0x83, 0x200000             # SDM 3A 4.3: pages of 4 MiB, at 0 and 400000h where they are,
    movl    $0x400083, 0x200004
    movl    $0x400083, 0x200008         # and at 800000h once more what is at 400000h
    mov     $0x200000, %eax
    mov     %eax, %cr3
    mov     $0x10, %eax                 # CR4.PSE
    mov     %eax, %cr4
    mov     %cr0, %eax
    or      $0x80000000, %eax
    mov     %eax, %cr0
paged:
    movl    $1, 0x800010
again:
    movl    $1, 0x800020
    movl    $2, 0x400010
end:
    jmp     end
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Both sources, assembled once."""
    folder = tmp_path_factory.mktemp("accesses")
    for name, source in (("plain", SOURCE), ("paged", PAGED)):
        (folder / f"{name}.S").write_text(source)
        assemble(folder / f"{name}.S", out=folder / f"{name}.elf")
    return folder


@pytest.fixture
def machine(built):
    return lambda **options: boot(built / "plain.elf", console=None, **options)


def places(machine, trigger, most=12):
    """Where the machine stands behind each access."""
    found = []
    while len(found) < most:
        stop = machine.run(until=First(trigger, Elapsed(insns=200)))
        if stop.result.trigger != trigger:
            break
        found.append((machine.cpu.pc, stop.result.result))
    return found


@pytest.mark.parametrize("gear", ["precise", "fast"])
def test_it_comes_behind_each_write(machine, gear):
    m = machine(gear=gear)
    at, found = m.address, places(m, Accessed(DATA, size=4))
    rep = at("sixth") - 2
    assert [pc for pc, _ in found] == [at("second"), at("fourth"), at("fifth"), at("sixth")]
    assert [touch.address for _, touch in found] == [DATA, DATA + 3, DATA, DATA]
    assert all(touch.writes for _, touch in found)
    assert rep not in {pc for pc, _ in found}, "the third byte of REP STOSB is the first one there"


def test_it_comes_behind_each_read_and_an_increment_is_both(machine):
    m = machine()
    at = m.address
    assert places(m, Accessed(DATA, size=4, kind="read")) == [
        (at("third"), Touch(DATA, False)), (at("fifth"), Touch(DATA, False)),
    ]  # fmt: skip
    m = machine()
    assert [pc for pc, _ in places(m, Accessed(DATA + 3, kind="any"))] == [
        at("second"), at("third"), at("fourth"), at("fifth"),
    ]  # fmt: skip


def test_bytes_beside_it_are_others(machine):
    m = machine()
    assert [pc for pc, _ in places(m, Accessed(DATA + 1))] == [m.address("second"), m.address("fifth")]
    m = machine()
    assert [pc for pc, _ in places(m, Accessed(DATA - 4, size=2))] == [m.address("eighth")]


def test_a_delivery_writes_its_frame():
    """pit_ticks.S: the frame of a tick is three doublewords below ESP."""
    m = boot("x86/pit_ticks", console=None)
    m.run(until="sleep")
    stop = m.run(until=Accessed(m.cpu["esp"] - 12, size=12))
    assert m.cpu.pc == m.address("tick")
    assert stop.reason == "event"
    assert stop.detail.startswith("what was watched has been accessed; next is ")


@pytest.mark.parametrize(("image", "symbol"), [("arm64/first_isr", "count"), ("arm/first_isr", "count")])
def test_on_arm_it_comes_behind_the_store(image, symbol):
    m = boot(image, console=None)
    m.run(until="handler")
    before = m.u32(symbol)
    m.run(until=Accessed(symbol, size=4))
    assert (before, m.u32(symbol)) == (0, 1)


@pytest.mark.parametrize("where", [0x400010, 0x800010])
def test_it_is_met_by_whichever_address_it_is_accessed(built, where):
    m = boot(built / "paged.elf", console=None)
    m.run(until="paged")
    assert places(m, Accessed(where)) == [(m.address(name), Touch(where, True)) for name in ("again", "end")]


def test_who_waits_is_not_felt():
    plain = boot("x86/pit_ticks", console=None)
    plain.run()
    m = boot("x86/pit_ticks", console=None)
    while m.run(until=Accessed("ticks", size=4, kind="any")).reason == "event":
        pass
    assert (m.trace.hash, m.instructions) == (plain.trace.hash, plain.instructions)


def test_it_is_for_one_vcpu_or_for_any():
    """ipi_ping_pong.S: the second vCPU counts the pings, the first one reads what it counted."""
    m = boot("x86/ipi_ping_pong", console=None)
    assert m.run(until=Accessed("pings", size=4, cpu=1)).vcpu == 1
    assert m.run(until=Accessed("pings", size=4, kind="read", cpu=0)).vcpu == 0


def test_what_a_script_writes_does_not_count(machine):
    m = machine()

    async def scenario(m):
        await Reach("first")
        m.write(DATA, b"\x01")
        touch = await Accessed(DATA)
        return m.cpu.pc, touch

    task = m.start(scenario)
    m.run(insns=100)
    assert task.result == (m.address("second"), Touch(DATA, True))


@pytest.mark.parametrize(
    ("trigger", "told"),
    [(lambda: Accessed(DATA, size=0), "it is 1 to 4096 bytes"),
     (lambda: Accessed(DATA, size=4097), "it is 1 to 4096 bytes"),
     (lambda: Accessed(DATA, kind="writes"), "did you mean 'write'")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(trigger, told):
    with pytest.raises(VmmError, match=told):
        trigger()


def test_what_is_not_mapped_is_refused(machine):
    with pytest.raises(VmmError, match="not mapped to RAM"):
        machine().run(until=Accessed(0xFEE00000))
    with pytest.raises(VmmError, match="vCPU 3 is not among"):
        machine().run(until=Accessed(DATA, cpu=3))
