/* The canvas: lanes, with no more drawn than there are pixels; the ruler; the whole run in small. */

const canvas = $("canvas"), ruler = $("ruler"), overview = $("overview"), scroller = $("scroller");
const HEIGHT = { spans: 18, bit: 16, number: 24, instants: 16 };
const GROUP = 24, LABEL = 34;
let colors = {}, width = 0, layout = [];

function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["back", "paper", "ink", "soft", "edge", "link", "grid", "base", "warn"])
    colors[name] = style.getPropertyValue(`--${name}`).trim();
}

function sized(element, high) {
  const ratio = window.devicePixelRatio || 1, wide = element.clientWidth;
  if (element.width !== Math.round(wide * ratio) || element.height !== Math.round(high * ratio)) {
    element.width = Math.round(wide * ratio);
    element.height = Math.round(high * ratio);
  }
  const context = element.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, wide, high);
  context.font = "11px " + getComputedStyle(document.body).getPropertyValue("--mono");
  context.textBaseline = "middle";
  return context;
}

const toX = (value) => ((value - view.from) / (view.to - view.from)) * width;
const fromX = (x) => view.from + (x / width) * (view.to - view.from);
/* Of events, the first behind the pixel that has x. */
const behind = (at, x) => first(at.length, (n) => X[at[n]] >= fromX(Math.floor(x) + 1));
const GLYPH = 6.7;

/* As much of it as there is room for. */
function cut(text, room) {
  const most = Math.floor(room / GLYPH);
  return text.length > most ? text.slice(0, most - 1) + "…" : text;
}
const isLight = (color) => {
  const [r, g, b] = [1, 3, 5].map((n) => parseInt(color.slice(n, n + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b > 140;
};

function draw() {
  width = canvas.clientWidth;
  if (!width) return;
  const high = scroller.clientHeight, top = scroller.scrollTop;
  canvas.style.height = `${high}px`;
  const context = sized(canvas, high);
  const ticks = grid();
  context.fillStyle = colors.grid;
  for (const tick of ticks.at) context.fillRect(Math.round(toX(tick)), 0, 1, high);
  for (const place of layout) {
    const y = place.top - top;
    if (y > high || y + place.high < 0) continue;
    context.fillStyle = colors.edge;
    context.fillRect(0, y + place.high - 1, width, 1);
    if (place.lane) DRAW[place.lane.shape](context, place.lane, y);
  }
  drawSelection(context, high, top);
  drawRuler(ticks);
  drawOverview();
}

/* ---- shapes ---- */

/* What begins in the same pixel is one mark. */
function drawSpans(context, lane, y) {
  lane.rows.forEach((row, depth) => {
    const { at, until } = row, size = at.length, up = y + depth * HEIGHT.spans + 2, high = HEIGHT.spans - 4;
    let n = first(size, (each) => X[until[each]] >= view.from);
    while (n < size && X[at[n]] <= view.to) {
      const left = toX(X[at[n]]), right = toX(X[until[n]]);
      const color = eventColor(at[n]);
      context.fillStyle = color && interruptOf[at[n]] !== NONE && interrupts.at[interruptOf[at[n]]] === at[n] ? color : colors.base;
      const begin = Math.max(left, -2), long = Math.min(right, width + 2) - begin;
      context.fillRect(begin, up, Math.max(long, 1), high);
      if (long > 26) label(context, spanText(row, n), begin, up, long, high);
      if (right - left >= 1) { n++; continue; }
      const next = behind(at, left);
      n = Math.max(next - (X[until[next - 1]] > fromX(Math.floor(left) + 1) ? 1 : 0), n + 1);
    }
  });
}

function label(context, text, x, y, long, high) {
  const color = context.fillStyle;
  const from = Math.max(x, 0) + 4, room = Math.min(x + long, width) - from - 3;
  if (room < 2 * GLYPH) return;
  context.fillStyle = isLight(color) ? "#14171b" : "#fff";
  context.fillText(cut(text, room), from, y + high / 2 + 0.5);
}

function drawBit(context, lane, y) {
  const { at, value } = lane.rows[0], size = at.length, high = HEIGHT.bit - 6, up = y + 3;
  const color = lane.color || colors.soft;
  const level = (left, right, is) => {
    context.fillStyle = color;
    context.globalAlpha = is ? 0.8 : 0.45;
    if (is) context.fillRect(left, up, Math.max(right - left, 1), high);
    else context.fillRect(left, up + high - 1, Math.max(right - left, 0), 1);
    context.globalAlpha = 1;
  };
  let n = first(size, (each) => X[at[each]] > view.from) - 1;
  if (n < 0) {  // what it was before it changed first, unless that is where the run begins
    if (size && X[at[0]] > axisBegin()) level(Math.max(toX(axisBegin()), 0), Math.min(toX(X[at[0]]), width), !value[0]);
    n = 0;
  }
  while (n < size && X[at[n]] <= view.to) {
    const left = Math.max(toX(X[at[n]]), 0), right = n + 1 < size ? toX(X[at[n + 1]]) : toX(axisEnd());
    if (right - left >= 1 || n + 1 === size) { level(left, Math.min(right, width), value[n]); n++; continue; }
    context.fillStyle = color;
    context.globalAlpha = 0.6;
    context.fillRect(Math.floor(left), up, 1, high);
    context.globalAlpha = 1;
    n = Math.max(behind(at, left) - 1, n + 1);
  }
}

function drawNumber(context, lane, y) {
  const { at, value } = lane.rows[0], size = at.length, high = HEIGHT.number - 6, up = y + 3;
  if (!lane.most) lane.most = value.reduce((most, each) => Math.max(most, each), 1);
  context.fillStyle = lane.color || colors.soft;
  let n = Math.max(first(size, (each) => X[at[each]] > view.from) - 1, 0);
  while (n < size && X[at[n]] <= view.to) {
    const left = Math.max(toX(X[at[n]]), 0), right = Math.min(n + 1 < size ? toX(X[at[n + 1]]) : toX(axisEnd()), width);
    const tall = Math.max((value[n] / lane.most) * high, 1);
    context.globalAlpha = 0.35;
    context.fillRect(left, up + high - tall, Math.max(right - left, 1), tall);
    context.globalAlpha = 1;
    context.fillRect(left, up + high - tall, Math.max(right - left, 1), 1);
    if (right - left > 40) {
      context.save();
      context.fillStyle = colors.ink;
      context.fillText(`0x${value[n].toString(16)}`, left + 4, up + high / 2);
      context.restore();
    }
    if (right - left >= 1) { n++; continue; }
    n = Math.max(behind(at, left) - 1, n + 1);
  }
}

function drawInstants(context, lane, y) {
  const row = lane.rows[0], { at } = row, size = at.length, middle = y + HEIGHT.instants / 2;
  let n = first(size, (each) => X[at[each]] >= view.from);
  while (n < size && X[at[n]] <= view.to) {
    const x = toX(X[at[n]]);
    const next = behind(at, x);
    context.fillStyle = lane.plain ? colors.warn : eventColor(at[n]) || colors.soft;
    context.beginPath();
    context.moveTo(x, middle - 5); context.lineTo(x + 4, middle); context.lineTo(x, middle + 5); context.lineTo(x - 4, middle);
    context.fill();
    const room = (next < size ? toX(X[at[next]]) : width) - x - 12;
    if (room > 40 && next === n + 1) {
      context.fillStyle = colors.ink;
      context.fillText(cut(spanText(row, n), room), x + 7, middle + 0.5);
    }
    n = next > n ? next : n + 1;
  }
}

const DRAW = { spans: drawSpans, bit: drawBit, number: drawNumber, instants: drawInstants };

/* ---- over all lanes ---- */

function drawSelection(context, high, top) {
  const line = (at, color, dash) => {
    const x = Math.round(toX(X[at])) + 0.5;
    if (x < 0 || x > width) return;
    context.strokeStyle = color;
    context.setLineDash(dash);
    context.beginPath(); context.moveTo(x, 0); context.lineTo(x, high); context.stroke();
    context.setLineDash([]);
  };
  if (view.selected !== NONE) {
    const hops = interrupts.hops[view.selected], left = toX(X[hops[0]]), right = toX(X[hops[hops.length - 1]]);
    context.fillStyle = colorOf(vectorOf(view.selected)) || colors.link;
    context.globalAlpha = 0.1;
    context.fillRect(Math.max(left, 0), 0, Math.max(Math.min(right, width) - Math.max(left, 0), 1), high);
    context.globalAlpha = 1;
    for (const at of hops) line(at, colors.soft, [2, 3]);
    line(interrupts.at[view.selected], colors.ink, []);
  }
  if (view.event !== NONE) line(view.event, colors.link, []);
  if (view.hover !== null) {
    context.fillStyle = colors.soft;
    context.globalAlpha = 0.5;
    context.fillRect(Math.round(view.hover), 0, 1, high);
    context.globalAlpha = 1;
  }
}

/* Where lines are drawn: 1, 2 or 5 of a power of ten apart. */
function grid() {
  const rough = ((view.to - view.from) / width) * 84, power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max([1, 2, 5, 10].find((each) => each * power >= rough) * power, 1);
  const at = [];
  for (let tick = Math.ceil(Math.max(view.from, 0) / step) * step; tick <= view.to; tick += step) at.push(tick);
  return { at, step };
}

function drawRuler(ticks) {
  const context = sized(ruler, ruler.clientHeight), high = ruler.clientHeight;
  const unit = UNITS.find(([each]) => view.to >= each) || UNITS[3];
  for (const tick of ticks.at) {
    const x = Math.round(toX(tick));
    context.fillStyle = colors.edge;
    context.fillRect(x, high - 6, 1, 6);
    context.fillStyle = colors.soft;
    const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(ticks.step / unit[0]) - 1e-9)));
    const text = view.axis === "time" ? `${(tick / unit[0]).toFixed(digits)} ${unit[1]}` : whole(tick);
    context.fillText(text, x + 4, high / 2);
  }
  context.fillStyle = colors.link;
  let last = -9;
  for (const at of search.found) {
    const x = toX(X[at]);
    if (x < 0 || x > width || x - last < 2) continue;
    last = x;
    context.fillRect(x - 1, 0, 2, 4);
  }
}

/* How many interrupts came when, by colour, and which part of the run is shown. */
let crowd = null;
function crowded(wide) {
  if (crowd && crowd.wide === wide && crowd.axis === view.axis) return crowd;
  const begin = axisBegin(), scale = wide / Math.max(axisEnd() - begin, 1), bins = new Map();
  let most = 1;
  for (let n = 0; n < interruptCount; n++) {
    const bin = Math.min(Math.floor((X[interrupts.at[n]] - begin) * scale / 2), Math.ceil(wide / 2) - 1);
    if (!bins.has(bin)) bins.set(bin, new Map());
    const of = bins.get(bin), color = colorOf(vectorOf(n));
    of.set(color, (of.get(color) || 0) + 1);
  }
  for (const of of bins.values()) most = Math.max(most, [...of.values()].reduce((a, b) => a + b));
  return (crowd = { wide, axis: view.axis, bins, most });
}

function drawOverview() {
  const high = overview.clientHeight, wide = overview.clientWidth, context = sized(overview, high);
  const { bins, most } = crowded(wide);
  for (const [bin, of] of bins) {
    let y = high;
    for (const [color, times] of of) {
      const tall = Math.max((times / most) * (high - 4), 1.5);
      context.fillStyle = color || colors.soft;
      context.fillRect(bin * 2, y - tall, 2, tall);
      y -= tall;
    }
  }
  const begin = axisBegin(), scale = wide / Math.max(axisEnd() - begin, 1);
  const left = Math.max((view.from - begin) * scale, 0), right = Math.min((view.to - begin) * scale, wide);
  context.fillStyle = colors.back;
  context.globalAlpha = 0.65;
  context.fillRect(0, 0, left, high);
  context.fillRect(right, 0, wide - right, high);
  context.globalAlpha = 1;
  context.strokeStyle = colors.link;
  context.strokeRect(left + 0.5, 0.5, Math.max(right - left - 1, 2), high - 1);
}
