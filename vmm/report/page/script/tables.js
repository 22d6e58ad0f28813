/* The other tabs: interrupts by vector with histograms, verdicts, the run. */

const TABS = ["interrupt", "vectors", "verdicts", "pictures", "about"];

function openTab(name) {
  for (const each of TABS) {
    $(each).hidden = each !== name;
    $(`tab-${each}`).setAttribute("aria-selected", String(each === name));
    $(`tab-${each}`).tabIndex = each === name ? 0 : -1;
  }
}

/* ---- by vector ---- */

const cell = (text, kind) => el("td", { class: kind || "" }, text);
const number = (value) => (value === null || value === undefined ? "–" : whole(value));

function fillVectors() {
  if (!run.vectors.length) return $("vectors").append(el("p", { class: "soft" }, "No interrupt was delivered."));
  const several = new Set(run.vectors.map((each) => each.vcpu)).size > 1;
  const body = el("tbody");
  const shown = new Map();
  run.vectors.forEach((vector, row) => {
    const first = interrupts.vector.indexOf(row);
    const name = el("button", { type: "button", class: "jump", disabled: first === NONE }, chip(vector), nameOf(vector));
    name.addEventListener("click", () => select(first));
    body.append(el("tr", {}, el("td", {}, name), ...(several ? [cell(String(vector.vcpu), "number")] : []),
      ...[vector.delivered, vector.least, vector.median, vector.most].map((each) => cell(number(each), "number"))));
    if (vector.least !== null && first !== NONE) shown.set(row, vector);
  });
  const names = ["interrupt", ...(several ? ["vCPU"] : []), "delivered", "least", "median", "most"];
  $("vectors").append(
    el("p", { class: "soft" }, "Latency from request to delivery, in instructions."),
    el("div", { class: "wide" }, el("table", {}, el("thead", {}, el("tr", {}, ...names.map((each) => el("th", {}, each)))), body)));
  for (const [row, vector] of shown) $("vectors").append(...histograms(row, vector));
}

const BARS = 24;

function histograms(row, vector) {
  const of = [];
  for (let n = 0; n < interruptCount; n++) if (interrupts.vector[n] === row) of.push(n);
  const delivery = of.map((n) => [interrupts.masked[n] + interrupts.nested[n], n]);
  const answered = of.filter((n) => interrupts.entry[n] !== NONE).map((n) => [interrupts.entry[n], n]);
  return [el("h3", {}, chip(vector), nameOf(vector)),
    histogram("until delivery", delivery, vector), ...(answered.length ? [histogram("from there to its answer", answered, vector)] : [])];
}

/* Bars of whole instructions; a click on one selects the first interrupt in it. */
function histogram(title, values, vector) {
  const least = values.reduce((a, [b]) => Math.min(a, b), Infinity), most = values.reduce((a, [b]) => Math.max(a, b), 0);
  const step = Math.max(Math.ceil((most - least + 1) / BARS), 1), bars = Array.from({ length: Math.ceil((most - least + 1) / step) }, () => []);
  for (const [value, n] of values) bars[Math.floor((value - least) / step)].push(n);
  const tallest = Math.max(...bars.map((each) => each.length));
  const drawn = el("div", { class: "histogram" }, ...bars.map((each, n) => {
    const begin = least + n * step, range = step > 1 ? `${whole(begin)} to ${whole(begin + step - 1)}` : whole(begin);
    const bar = el("button", { type: "button", title: `${range} instructions: ${whole(each.length)}`, disabled: !each.length });
    const fill = el("i");
    fill.style.height = each.length ? `max(${(each.length / tallest) * 100}%, 2px)` : "0";
    fill.style.background = colorOf(vector) || "var(--soft)";
    bar.append(fill);
    bar.addEventListener("click", () => select(each[0]));
    return bar;
  }));
  const range = least === most ? insns(most) : `${whole(least)} to ${insns(most)}`;
  return el("figure", {}, el("figcaption", {}, `${title}: ${range}`), drawn);
}

/* ---- verdicts ---- */

const MOST_SHOWN = 500;

function fillVerdicts() {
  const panel = $("verdicts"), places = [...(told.get("verdict") || [])];
  const place = (at) => el("li", {}, jump(at), ` ${what(at)} `, el("span", { class: "where" }, where(at)));
  for (const verdict of run.verdicts)
    panel.append(el("article", { class: verdict.confidence }, el("h3", {}, `${verdict.name}, ${verdict.confidence}`), el("p", {}, verdict.text),
      el("ul", {}, ...places.splice(0, verdict.evidence).map(place))));
  if (!run.verdicts.length) panel.append(el("p", { class: "soft" }, "The diagnoses found nothing."));
  for (const [kind, indices] of told)
    if (kind !== "verdict") panel.append(el("h3", {}, kind), el("ul", {}, ...indices.slice(0, MOST_SHOWN).map(place)));
  if (run.findings.length) panel.append(el("h3", {}, "where it ended"), el("ul", {}, ...run.findings.map((each) => el("li", {}, each))));
  for (const [name, lines] of Object.entries(run.figures)) panel.append(el("h3", {}, `${name} measured`), el("ul", {}, ...lines.map((each) => el("li", {}, each))));
  if (run.verdicts.length) $("tab-verdicts").append(el("b", {}, String(run.verdicts.length)));
}

function fillAbout() {
  $("about").append(facts(run.facts));
  for (const [title, lines] of run.crash) $("about").append(el("h3", {}, title), el("pre", { class: "dump" }, lines.join("\n")));
  if (run.console) $("about").append(el("h3", {}, "Console"), el("pre", { class: "console" }, run.console));
}
