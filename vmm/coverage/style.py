"""How the page of a coverage map looks: light and dark, wide and narrow."""

from __future__ import annotations

from vmm.style import MONO, SANS, colours

LIGHT = {
    "hit": "#14774a", "hit-back": "#e4f4ea", "part": "#8a5a00", "part-back": "#fdf1d6", "open": "#b3261e",
    "open-back": "#fdeceb", "mask": "#566276", "mask-back": "#f0f2f6", "dead": "#6d6d6d", "dead-back": "#f3f3f3",
}  # fmt: skip
DARK = {
    "hit": "#5fd39a", "hit-back": "#17301f", "part": "#f0bf5a", "part-back": "#33290f", "open": "#ff8f86",
    "open-back": "#3a1c1b", "mask": "#9fadc4", "mask-back": "#222832", "dead": "#9b9b9b", "dead-back": "#24262a",
}  # fmt: skip
RULES = """
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem clamp(.75rem, 3vw, 2.5rem) 4rem; background: var(--back); color: var(--ink);
  font: 15px/1.5 SANS; }
header, main { max-width: 68rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 0; font-size: 1.25rem; overflow-wrap: anywhere; }
h3 { margin: 1.6rem 0 .5rem; font-size: 1rem; overflow-wrap: anywhere; }
header p, .facts { margin: .2rem 0 .8rem; color: var(--soft); }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
code { font: 13px/1.55 MONO; }
ul { margin: 0; padding: 0; list-style: none; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin-top: .8rem; }
.legend { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .25rem 1.2rem;
  font-size: .86rem; }
.legend li { padding-left: 1.7rem; } .legend .mark { margin-left: -1.7rem; width: 1.7rem; }
.legend span:last-child { color: var(--soft); }
.mark { display: inline-block; width: 1.3rem; text-align: center; font-size: .95em; }
.mark.hit { color: var(--hit); } .mark.part { color: var(--part); } .mark.open { color: var(--open); }
.mark.mask { color: var(--mask); } .mark.dead { color: var(--dead); }
.image { margin-top: 2rem; padding: 1.2rem clamp(.8rem, 2.5vw, 1.6rem) 1.6rem; background: var(--paper);
  border: 1px solid var(--edge); border-radius: .7rem; }
.bar { display: flex; gap: 2px; height: .8rem; overflow: hidden; border-radius: .4rem; }
.bar i { flex-basis: 4px; }
.bar .hit { background: var(--hit); }
.bar .open { background: repeating-linear-gradient(135deg, var(--open) 0 2px, var(--open-back) 2px 6px); }
.bar .mask { background: var(--mask-back); border: 1px solid var(--mask); }
.counts { display: flex; flex-wrap: wrap; gap: .1rem 1.4rem; margin-top: .5rem; font-size: .9rem; }
.by { display: flex; flex-wrap: wrap; gap: .3rem; margin: 0; }
p.by { margin-top: .7rem; }
.chip { padding: 0 .5rem; border: 1px solid var(--edge); border-radius: 1rem; background: var(--back);
  font-size: .78rem; line-height: 1.5; white-space: nowrap; }
.functions { border-top: 1px solid var(--edge); }
.function { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: 0 1rem; padding: .4rem 0;
  border-bottom: 1px solid var(--edge); }
.function .name { font: 13px/1.7 MONO;
  padding-left: 1.7rem; overflow-wrap: anywhere; }
.function .mark { margin-left: -1.7rem; width: 1.7rem; }
.function .facts { margin: 0; font-size: .84rem; line-height: 1.75; }
.strip { grid-column: 2; display: flex; flex-wrap: wrap; gap: 2px; align-items: end; padding-top: .15rem;
  font-size: .8rem; color: var(--soft); }
.strip i { width: 8px; height: 14px; border-radius: 2px; }
.strip .hit { background: var(--hit); }
.strip .open { border: 2px solid var(--open); }
.strip .mask { height: 5px; background: var(--mask); opacity: .65; }
.code { margin: 0; padding: 0; list-style: none; border: 1px solid var(--edge); border-radius: .5rem;
  overflow: hidden; }
.code li { display: grid; grid-template-columns: 1.6rem 2.6rem minmax(0, 1fr) auto; align-items: baseline;
  border-left: 3px solid transparent; scroll-margin-top: 3rem; }
.code .number { padding-right: .8rem; color: var(--soft); font-size: .75rem; text-align: right; user-select: none; }
.code code { white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4; }
.code .by { justify-content: end; max-width: 26rem; padding: .1rem .5rem; }
.code small { color: var(--soft); font-size: .75rem; line-height: 1.7; white-space: nowrap; }
.code .hit { background: var(--hit-back); border-left-color: var(--hit); }
.code .part { background: var(--part-back); border-left: 3px dashed var(--part); }
.code .open { background: var(--open-back); border-left: 3px double var(--open); }
.code .mask code { color: var(--soft); }
.code .dead code { color: var(--dead); font-style: italic; }
.code .mark { background: none; }
.code li:target { outline: 2px solid var(--link); outline-offset: -2px; }
.code .gap { display: block; padding: .1rem .8rem; background: var(--back); color: var(--soft); font-size: .75rem;
  text-align: center; }
.warning { margin: .4rem 0; padding: .3rem .7rem; border-left: 3px solid var(--part); background: var(--part-back);
  font-size: .88rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  .legend { grid-template-columns: 1fr; }
  .function { grid-template-columns: 1fr; } .strip { grid-column: 1; padding-left: 1.7rem; }
  .function .facts { padding-left: 1.7rem; }
  .code li { grid-template-columns: 1.5rem 2.1rem minmax(0, 1fr); }
  .code .by { grid-column: 3; justify-content: start; padding: 0 0 .25rem; } .code .by:empty { display: none; }
}
@media print { body { background: none; } .image { border: 0; padding: 0; } }
"""
STYLE = colours(LIGHT, DARK) + RULES.replace("SANS", SANS).replace("MONO", MONO)
