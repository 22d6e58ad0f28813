"""The colours of interrupts: told apart by who is colour-blind, and legible on light and dark."""

from __future__ import annotations

PALETTE = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#a59a2c", "#aa4499", "#44aa99", "#8a8f98",
)  # fmt: skip
"""After Okabe and Ito, and Tol; as many as plots have."""
