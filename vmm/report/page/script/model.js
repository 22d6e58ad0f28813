/* The run as the page has it: columns of events and interrupts, and the rows of lanes over them. */

const $ = (id) => document.getElementById(id);
const run = JSON.parse($("run").textContent);
const NONE = -1;

/* The first number, then how far each is behind the one before. */
function unstepped(steps, Kind) {
  const out = new Kind(steps.length);
  let last = 0;
  for (let n = 0; n < steps.length; n++) out[n] = last += steps[n];
  return out;
}

function withEnd(steps, end) {
  const out = new Float64Array(steps.length + 1);
  out.set(unstepped(steps, Float64Array));
  out[steps.length] = Math.max(end, steps.length ? out[steps.length - 1] : 0);
  return out;
}

const events = run.events;
const count = events.vcpu.length;
const INSNS = withEnd(events.insns, run.end.insns);
const NS = withEnd(events.ns, run.end.ns);
const what = (at) => run.texts[events.what[at]];
const where = (at) => run.texts[events.where[at]];

const interrupts = run.interrupts;
interrupts.at = unstepped(interrupts.at, Int32Array);
const interruptCount = interrupts.at.length;
const vectorOf = (n) => run.vectors[interrupts.vector[n]];
const nameOf = (vector) => `${vector.number} ${vector.source}`;

/* Of an event, the interrupt that it is a hop of. */
const interruptOf = new Int32Array(count + 1).fill(NONE);
for (let n = 0; n < interruptCount; n++) for (const at of interrupts.hops[n]) interruptOf[at] = n;
for (let n = 0; n < interruptCount; n++) interruptOf[interrupts.at[n]] = n;

const colorOf = (vector) => (vector.color === NONE ? "" : run.palette[vector.color % run.palette.length]);
const eventColor = (at) => (interruptOf[at] === NONE ? "" : colorOf(vectorOf(interruptOf[at])));

/* ---- lanes ---- */

/* Of inputs at which nothing came. */
const MASKS = "other masks";

/* What is told of the run, by its kind: a lane each. */
const told = new Map();
for (const [kind, at] of run.told) {
  if (!told.has(kind)) told.set(kind, []);
  told.get(kind).push(at);
}

function marks(name, indices) {
  const at = [...indices].sort((a, b) => a - b);
  return { group: "marks", name, shape: "instants", rows: [{ at, until: [], value: at.map((each) => events.what[each]) }], plain: true };
}

const lanes = [...[...told].map(([kind, indices]) => marks(kind, indices)), ...run.lanes];
const isMask = (lane) => lane.shape === "bit" && run.kinds[events.kind[lane.rows[0].at[0]]] === "masked";
const inputOf = (lane) => `${lane.group} ${(lane.name.match(/\d+/) || [""])[0]}`;
const used = new Set(lanes.filter((lane) => !isMask(lane)).map(inputOf));
for (const lane of lanes.filter((each) => isMask(each) && !used.has(inputOf(each))))
  [lane.group, lane.name] = [MASKS, `${lane.group} ${lane.name}`];
for (const lane of lanes) {
  for (const row of lane.rows) {
    row.at = lane.plain ? Int32Array.from(row.at) : unstepped(row.at, Int32Array);
    row.until = unstepped(row.until, Int32Array);
  }
  lane.color = "";
  for (const row of lane.rows)
    for (let n = 0; n < row.at.length && n < 64 && !lane.color; n++) lane.color = eventColor(row.at[n]);
}
lanes.sort((a, b) => (a.group === MASKS) - (b.group === MASKS));
const spanText = (row, n) => run.texts[row.value[n]];

/* The first n of 0 to `size` for which `is` holds, which then holds for all behind it. */
function first(size, is) {
  let low = 0, high = size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (is(middle)) high = middle; else low = middle + 1;
  }
  return low;
}

/* An element; children are elements or texts, which are never markup. */
function el(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in made && typeof value !== "string") made[name] = value; else made.setAttribute(name, value);
  }
  made.append(...children.filter((each) => each !== null && each !== undefined && each !== ""));
  return made;
}

const whole = (number) => Math.round(number).toLocaleString("en-US");
const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "us"], [1, "ns"]];

/* Nanoseconds in the largest unit of which there is one. */
function time(ns) {
  const [unit, name] = UNITS.find(([each]) => Math.abs(ns) >= each) || UNITS[3];
  return `${(ns / unit).toLocaleString("en-US", { maximumFractionDigits: 3 })} ${name}`;
}
