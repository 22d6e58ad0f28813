"""How it looks: in the colour of the text around it, so that a light and a dark notebook both have theirs."""

from vmm.style import MONO

STYLE = """
.vmm.vmm { --edge: color-mix(in srgb, currentColor 22%, transparent); margin: .3em 0 .6em; font-size: 13px;
  line-height: 1.45; overflow-x: auto; scrollbar-width: thin; scrollbar-color: var(--edge) transparent; }
.vmm.vmm .title { margin: 0 0 .35em; font-weight: 600; overflow-wrap: anywhere; }
.vmm.vmm .name { margin: .7em 0 .2em; opacity: .75; }
.vmm.vmm p { margin: .25em 0; max-width: 60em; }
.vmm.vmm table { margin: 0; border: 0; border-collapse: collapse; font-size: inherit; table-layout: auto; }
.vmm.vmm th, .vmm.vmm td { padding: .12em .8em .12em 0; border: 0; text-align: left; vertical-align: baseline;
  white-space: normal; max-width: none; color: inherit; background: none; }
.vmm.vmm tr { background: none; border: 0; }
.vmm.vmm thead th { border-bottom: 1px solid var(--edge); font-weight: 600; }
.vmm.vmm tbody th { font-weight: normal; opacity: .75; white-space: nowrap; }
.vmm.vmm .n { text-align: right; font-variant-numeric: tabular-nums; }
.vmm.vmm code, .vmm.vmm pre { padding: 0; font: 12px/1.45 MONO; color: inherit;
  background: none; }
.vmm.vmm pre { margin: .2em 0; padding-left: .8em; border-left: 2px solid var(--edge); white-space: pre; }
.vmm.vmm .bar { display: inline-block; height: .7em; background: currentColor; opacity: .55; }
.vmm.vmm .badge { padding: .05em .6em; border: 1px solid; border-radius: 1em; white-space: nowrap; font-weight: 600; }
.vmm.vmm .good { border-color: #2e9e5b; background: #2e9e5b26; }
.vmm.vmm .bad { border-color: #d64541; background: #d6454126; }
.vmm.vmm .doubt { border-color: #c98a1b; background: #c98a1b26; }
""".replace("MONO", MONO)
