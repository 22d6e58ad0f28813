"""What tools that build images must know of an architecture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """How each kind of tool is told about an architecture."""

    zig: tuple[str, ...]
    clang: tuple[str, ...]
    gcc: tuple[str, ...]
    """For the host's own gcc, should it be one for this architecture."""
    cross: tuple[tuple[str, ...], ...]
    """Commands of cross compilers, in the order they are tried."""
    linker: tuple[str, ...]
    c_flags: tuple[str, ...]
    zig_c_flags: tuple[str, ...]
    """For ziglang as well, which takes the CPU's features from -mcpu and is silent about flags that say otherwise."""
    accepted: str
    """Source that assemblers for this architecture take and those for others do not."""
    refused: str
    """Source that a sound assembler refuses, for an address does not fit; of x86's, clang 14 silently makes 0."""
