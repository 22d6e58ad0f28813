/* What was clicked: an interrupt from its line to its return, or an event that is of none. */

function jump(at, text) {
  const button = el("button", { type: "button", class: "jump" }, text || `insn ${whole(INSNS[at])}`);
  button.addEventListener("click", () => { view.event = at; center(at); });
  return button;
}

const insns = (number) => `${whole(number)} instruction${number === 1 ? "" : "s"}`;
const chip = (vector) => {
  const mark = el("i", { class: "color" });
  mark.style.background = colorOf(vector) || "var(--soft)";
  return mark;
};

function select(n, { move = true } = {}) {
  view.selected = n;
  view.event = NONE;
  const hops = interrupts.hops[n], left = X[hops[0]], right = X[hops[hops.length - 1]];
  const far = right < view.from || left > view.to;
  if (move && (far || (right - left) / (view.to - view.from) < 0.004)) frame(hops[0], hops[hops.length - 1]);
  openTab("interrupt");
  $("interrupt").replaceChildren(...described(n));
  redraw();
}

function selectEvent(at) {
  if (at >= count) return;
  if (interruptOf[at] !== NONE) { select(interruptOf[at], { move: false }); view.event = at; redraw(); return; }
  view.selected = NONE;
  view.event = at;
  openTab("interrupt");
  $("interrupt").replaceChildren(
    el("h2", {}, run.kinds[events.kind[at]]), el("p", {}, what(at)), el("p", { class: "where" }, where(at)),
    facts([["instruction", whole(INSNS[at])], ["time", time(NS[at])], ["vCPU", String(events.vcpu[at])]]));
  redraw();
}

function facts(rows) {
  return el("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function described(n) {
  const vector = vectorOf(n), at = interrupts.at[n];
  const same = [];
  for (let each = 0; each < interruptCount; each++) if (interrupts.vector[each] === interrupts.vector[n]) same.push(each);
  const place = same.indexOf(n);
  const to = (which, text, name) => {
    const button = el("button", { type: "button", title: name, "aria-label": name, disabled: which === undefined }, text);
    button.addEventListener("click", () => select(which));
    return button;
  };
  return [
    el("div", { class: "head" }, el("h2", {}, chip(vector), nameOf(vector)),
      el("span", { class: "turn" }, to(same[place - 1], "◀", "the one before"), to(same[place + 1], "▶", "the next one"))),
    el("p", { class: "soft" }, `${whole(place + 1)} of ${whole(same.length)} on vCPU ${events.vcpu[at]}, at insn ${whole(INSNS[at])}, ${time(NS[at])}${interrupts.depth[n] > 1 ? `, ${interrupts.depth[n]} deep` : ""}`),
    el("h3", {}, "Path"), path(n),
    ...split(n),
    el("h3", {}, "Frame"), frameOf(n),
    ...code("Interrupted", interrupts.interrupted[n]),
    ...code("Handler", interrupts.handler[n]),
  ];
}

function path(n) {
  const hops = interrupts.hops[n];
  return el("ol", { class: "path" }, ...hops.map((at, number) => {
    const step = number ? INSNS[at] - INSNS[hops[number - 1]] : 0;
    const row = el("li", { class: at === interrupts.at[n] ? "delivery" : "" },
      el("span", { class: "step" }, number ? `+${whole(step)}` : "0"),
      el("div", {}, jump(at, what(at)), at === interrupts.answered[n] ? el("em", {}, "the answer") : null, el("span", { class: "where" }, where(at))));
    row.dataset.insns = INSNS[at];
    return row;
  }).concat(interrupts.returned[n] === NONE ? [el("li", { class: "open" }, el("span", { class: "step" }, "…"), el("div", {}, "has not returned"))] : []));
}

/* Where what begins with an event is: of a delivery its handler. */
function began(at) {
  const n = interruptOf[at], block = n !== NONE && interrupts.at[n] === at ? interrupts.handler[n] : NONE;
  return block === NONE ? where(at) : run.texts[run.code.where[run.blocks[block][0]]];
}

const PARTS = ["masked", "nested", "entry"];

function split(n) {
  if (interrupts.masked[n] === NONE) return [];
  const parts = PARTS.map((name) => [name, interrupts[name][n]]);
  const known = parts.filter(([, each]) => each !== NONE), sum = known.reduce((all, [, each]) => all + each, 0);
  const bar = el("div", { class: "split", "aria-hidden": "true" }, ...known.map(([name, each]) => {
    const part = el("i", { class: name });
    part.style.flexGrow = each;
    return part;
  }));
  const legend = el("ul", { class: "parts" }, ...parts.map(([name, each]) =>
    el("li", { class: name }, el("b", {}, each === NONE ? "–" : whole(each)), ` ${name}`)));
  const blame = interrupts.blame[n];
  return [
    el("h3", {}, "Response"),
    el("p", { class: "sum" }, interrupts.entry[n] === NONE ? `${insns(sum)} so far, not answered` : insns(sum)), bar, legend,
    ...(blame.length ? [el("p", { class: "soft" }, `It waited for ${blame[0] === "nested" ? "another handler" : "code that masks interrupts"}, from `,
      jump(blame[1]), " to ", jump(blame[2]), " at ", el("span", { class: "where" }, began(blame[1])))] : []),
  ];
}

function frameOf(n) {
  return facts(run.frames[interrupts.frame[n]].map(([name, value]) => [run.texts[name], run.texts[value]]));
}

function code(title, block) {
  if (block === NONE) return [];
  const rows = run.blocks[block].map((n) => {
    const place = run.texts[run.code.where[n]], [address, ...names] = place.split(" ");
    return el("li", {},
      el("span", { class: "place" }, `${address} ${names.join(" ")}`),
      el("code", {}, run.texts[run.code.text[n]]),
      el("span", { class: "source" }, run.texts[run.code.source[n]]));
  });
  return [el("h3", {}, title), el("ol", { class: "code" }, ...rows)];
}
