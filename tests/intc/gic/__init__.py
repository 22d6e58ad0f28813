"""The GIC against its manuals: named rules, and an independent model."""
