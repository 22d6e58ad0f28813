"""What CPUID and the plain MSRs of an x86 vCPU say: Unicorn's CPU model, corrected to the machine that is emulated.

A model is one of Unicorn's, `default` (qemu64) or `max` (the one with most features). Features are added and removed
by name; adding one that neither Unicorn nor this machine has is an error, so CPUID never promises what is not there.
Source: Intel SDM vol. 2A CPUID, vol. 4 for the MSRs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from vmm.core.native import ffi, lib
from vmm.errors import VmmError, unknown

UNICORN_ORDER = (
    "qemu64", "phenom", "core2duo", "kvm64", "qemu32", "kvm32", "coreduo", "486", "pentium", "pentium2", "pentium3",
    "athlon", "n270", "conroe", "penryn", "nehalem", "westmere", "sandybridge", "ivybridge", "haswell", "broadwell",
    "skylake-client", "skylake-server", "cascadelake-server", "cooperlake", "icelake-client", "icelake-server",
    "denverton", "snowridge", "knightsmill", "opteron-g1", "opteron-g2", "opteron-g3", "opteron-g4", "opteron-g5",
    "epyc", "dhyana", "epyc-rome",
)  # fmt: skip
MODELS = {name: number for number, name in enumerate(UNICORN_ORDER)}
ALIASES = {"default": "qemu64", "max": "icelake-server"}

EAX, EBX, ECX, EDX = range(4)


class Feature(NamedTuple):
    """One CPUID bit; `ours` when the machine provides it whatever Unicorn's model says."""

    leaf: int
    register: int
    bit: int
    ours: bool = False


FEATURES = {
    "fpu": Feature(1, EDX, 0), "vme": Feature(1, EDX, 1), "de": Feature(1, EDX, 2), "pse": Feature(1, EDX, 3),
    "tsc": Feature(1, EDX, 4), "msr": Feature(1, EDX, 5), "pae": Feature(1, EDX, 6), "cx8": Feature(1, EDX, 8),
    "apic": Feature(1, EDX, 9), "sep": Feature(1, EDX, 11), "pge": Feature(1, EDX, 13), "cmov": Feature(1, EDX, 15),
    "pat": Feature(1, EDX, 16), "mmx": Feature(1, EDX, 23), "fxsr": Feature(1, EDX, 24), "sse": Feature(1, EDX, 25),
    "sse2": Feature(1, EDX, 26), "sse3": Feature(1, ECX, 0), "pclmulqdq": Feature(1, ECX, 1),
    "x2apic": Feature(1, ECX, 21, ours=True), "tsc-deadline": Feature(1, ECX, 24, ours=True),
    "ssse3": Feature(1, ECX, 9), "cx16": Feature(1, ECX, 13), "sse4.1": Feature(1, ECX, 19),
    "sse4.2": Feature(1, ECX, 20), "movbe": Feature(1, ECX, 22), "popcnt": Feature(1, ECX, 23),
    "aes": Feature(1, ECX, 25), "xsave": Feature(1, ECX, 26),
    "rdrand": Feature(1, ECX, 30, ours=True),
    "fsgsbase": Feature(7, EBX, 0), "bmi1": Feature(7, EBX, 3), "smep": Feature(7, EBX, 7),
    "bmi2": Feature(7, EBX, 8), "mpx": Feature(7, EBX, 14), "rdseed": Feature(7, EBX, 18, ours=True),
    "adx": Feature(7, EBX, 19), "smap": Feature(7, EBX, 20),
    "clflushopt": Feature(7, EBX, 23), "clwb": Feature(7, EBX, 24), "umip": Feature(7, ECX, 2, ours=True),
    "pcommit": Feature(7, EBX, 22, ours=True), "pku": Feature(7, ECX, 3), "la57": Feature(7, ECX, 16),
    "tsc_adjust": Feature(7, EBX, 1, ours=True),
    "syscall": Feature(0x80000001, EDX, 11), "nx": Feature(0x80000001, EDX, 20),
    "pdpe1gb": Feature(0x80000001, EDX, 26), "rdtscp": Feature(0x80000001, EDX, 27),
    "lm": Feature(0x80000001, EDX, 29),
}  # fmt: skip

NOT_HERE = (
    Feature(1, ECX, 3),  # MONITOR/MWAIT: #UD
    Feature(1, ECX, 21),  # x2APIC
    Feature(1, ECX, 24),  # TSC deadline
    Feature(1, ECX, 31),  # "a hypervisor is present": there is no leaf 40000000h to ask
    Feature(1, ECX, 5),  # VMX
    Feature(1, EDX, 7),  # machine check exception
    Feature(1, EDX, 14),  # machine check architecture
    Feature(0x80000001, ECX, 2),  # SVM: the guest mode it lives in is ours
    Feature(0x80000001, EDX, 7),
    Feature(0x80000001, EDX, 14),
)
"""Bits Unicorn's models set for things this machine does not have."""

IN_MAX = ("umip", "tsc_adjust", "pcommit")

LEAVES = (0, 1, 2, 4, 5, 6, 7, 0xA, 0xB, 0xD, *range(0x80000000, 0x80000009), 0x8000001E)
SUBLEAVES = {4: 4, 0xB: 2, 0xD: 10}
HIGHEST_BASIC, HIGHEST_EXTENDED = 0xD, 0x80000008

PLATFORM_MSRS: tuple[tuple[int, int, int], ...] = (
    #  index, value, writable bits
    (0x17, 0, 0),  # IA32_PLATFORM_ID
    (0x3A, 1, 0),  # IA32_FEATURE_CONTROL: locked, VMX off
    (0x8B, 0x1000000000000, 0xFFFFFFFFFFFFFFFF),  # IA32_BIOS_SIGN_ID
    (0xFE, 0x508, 0),  # IA32_MTRRCAP: 8 variable ranges, fixed ranges, write combining
)

AMD_MSRS = tuple((index, 0, 0xFFFFFFFFFFFFFFFF) for index in range(0xC0010000, 0xC0010008))
"""PerfEvtSel and PerfCtr 0-3, which every AMD64 processor has (AMD APM vol. 2, 13.2); nothing counts here."""
AMD_VENDORS = tuple(int.from_bytes(vendor, "little") for vendor in (b"Auth", b"Hygo"))

# CPUID.0DH: a component is announced only with its feature (SDM vol. 1, 13.1); size and offset are fixed.
XSAVE_LEGACY_END = 0x240
XSAVE_COMPONENTS = {3: ("mpx", 0x40, 0x3C0), 4: ("mpx", 0x40, 0x400), 9: ("pku", 0x8, 0xA80)}


def _limit_xsave(leaves: dict[tuple[int, int], list[int]]) -> None:
    """Leaf 0Dh of Unicorn's models names state that its CPU does not have (AVX): keep what the features say."""
    present = leaves[1, 0][ECX] >> 26 & 1
    mask, end = 3, XSAVE_LEGACY_END
    for component, (name, size, offset) in XSAVE_COMPONENTS.items():
        feature = FEATURES[name]
        on = present and leaves[feature.leaf, 0][feature.register] >> feature.bit & 1
        leaves[0xD, component] = [size, offset, 0, 0] if on else [0, 0, 0, 0]
        if on:
            mask |= 1 << component
            end = max(end, offset + size)
    for component in range(2, SUBLEAVES[0xD]):
        if component not in XSAVE_COMPONENTS:
            leaves[0xD, component] = [0, 0, 0, 0]
    leaves[0xD, 0] = [mask, end, end, 0] if present else [0, 0, 0, 0]


def parse(text: str) -> tuple[str, dict[str, bool]]:
    """`NAME[,+feature,-feature…]` as the model's name and what is asked of each feature; VmmError names what is off."""
    name, *changes = text.split(",")
    model = ALIASES.get(name, name)
    if model not in MODELS:
        raise unknown("CPU", name, [*ALIASES, *MODELS])
    wanted = dict.fromkeys(IN_MAX, True) if name == "max" else {}
    for change in changes:
        sign, feature = change[:1], change[1:]
        if sign not in ("+", "-"):
            raise VmmError(f"--cpu: {change!r} must be +feature or -feature")
        if feature not in FEATURES:
            raise unknown("CPU feature", feature, FEATURES)
        wanted[feature] = sign == "+"
    return model, wanted


def _native_leaves(vcpu: Any) -> Iterator[tuple[int, int, list[int]]]:
    out = ffi.new("uint32_t[]", 4)
    for leaf in LEAVES:
        for subleaf in range(SUBLEAVES.get(leaf, 1)):
            lib.vmm_x86_model_cpuid(vcpu, leaf, subleaf, out)
            yield leaf, subleaf, list(out)


def _put(leaves: dict[tuple[int, int], list[int]], feature: Feature, on: bool) -> None:
    registers = leaves[feature.leaf, 0]
    bit = 1 << feature.bit
    registers[feature.register] = registers[feature.register] | bit if on else registers[feature.register] & ~bit


def apply(vcpu: Any, wanted: dict[str, bool]) -> None:
    """Fill the vCPU's CPUID and MSR tables. Only before it has run."""
    leaves = {(leaf, subleaf): registers for leaf, subleaf, registers in _native_leaves(vcpu)}
    leaves[0, 0][EAX] = min(leaves[0, 0][EAX], HIGHEST_BASIC)
    leaves[0x80000000, 0][EAX] = min(leaves[0x80000000, 0][EAX], HIGHEST_EXTENDED)
    for feature in NOT_HERE:
        _put(leaves, feature, False)
    for name, on in wanted.items():
        feature = FEATURES[name]
        if on and feature.leaf == 7:
            leaves[0, 0][EAX] = max(leaves[0, 0][EAX], 7)
        provided = feature.ours or leaves[feature.leaf, 0][feature.register] >> feature.bit & 1
        if on and not provided:
            raise VmmError(f"--cpu: this CPU model cannot have +{name}; try the model 'max'")
        _put(leaves, feature, on)
    _limit_xsave(leaves)
    msrs = PLATFORM_MSRS + (AMD_MSRS if leaves[0, 0][EBX] in AMD_VENDORS else ())
    x86 = lib.vmm_x86_of(vcpu)
    for n, ((leaf, subleaf), registers) in enumerate(leaves.items()):
        x86.cpuid[n] = (leaf, subleaf, leaf not in SUBLEAVES and leaf != 7, *registers)
    x86.cpuid_count = len(leaves)
    for n, (index, value, writable) in enumerate(msrs):
        x86.msr[n] = (index, writable == 0, value, writable)
    x86.syscall_anywhere = x86.breakpoint_in_ss_shadow = leaves[0, 0][EBX] in AMD_VENDORS
    x86.msr_count = len(msrs)
