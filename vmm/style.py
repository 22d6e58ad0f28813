"""How pages look, whatever is on them: the colours of light and dark, and their type."""

from __future__ import annotations

from collections.abc import Mapping

LIGHT = {
    "back": "#fbfbf9", "paper": "#fff", "ink": "#1d2329", "soft": "#616a75", "edge": "#dfe2e6",
    "link": "#1457a8",
}  # fmt: skip
DARK = {
    "back": "#14171b", "paper": "#1b1f25", "ink": "#e4e7eb", "soft": "#9aa4b1", "edge": "#313741",
    "link": "#84b8ff",
}  # fmt: skip
SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'


def colours(light: Mapping[str, str], dark: Mapping[str, str]) -> str:
    """Rules for those above and a page's own, by name: as the reader's system is, or as the page's `data-theme`."""
    bright, dim = _variables({**LIGHT, **light}), _variables({**DARK, **dark})
    return (
        f":root {{ color-scheme: light dark; {bright} }}\n"
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {dim} }} }}\n'
        f':root[data-theme="light"] {{ color-scheme: light; }}\n'
        f':root[data-theme="dark"] {{ color-scheme: dark; {dim} }}\n'
    )


def _variables(values: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in values.items())
