/* Which part of the run is shown, over which axis, and where that lies on the screen. */

const view = { axis: "time", from: 0, to: 1, selected: NONE, event: NONE, hover: null };
let X = NS;
const axisEnd = () => Math.max(X[count], 1);
const axisBegin = () => (count ? Math.min(X[0], axisEnd() - 1) : 0);
const SMALLEST = { time: 20, instructions: 4 };

let drawing = false;
function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; draw(); });
}

/* As near to what is asked as the run has it. */
function show(from, to) {
  const begin = axisBegin(), end = axisEnd(), pad = (end - begin) * 0.02;
  const size = Math.min(Math.max(to - from, SMALLEST[view.axis]), end - begin + 2 * pad);
  const middle = (from + to) / 2;
  view.from = Math.min(Math.max(middle - size / 2, begin - pad), end + pad - size);
  view.to = view.from + size;
  redraw();
}

const showAll = () => show(axisBegin() - 1, axisEnd() + 1 + (axisEnd() - axisBegin()));
const pan = (share) => show(view.from + share * (view.to - view.from), view.to + share * (view.to - view.from));

/* By `factor`, around what lies at a share of the width. */
function zoom(factor, share = 0.5) {
  const fixed = view.from + share * (view.to - view.from), size = (view.to - view.from) * factor;
  show(fixed - share * size, fixed + (1 - share) * size);
}

function center(at) {
  const half = (view.to - view.from) / 2;
  show(X[at] - half, X[at] + half);
}

/* From one event to another, with room around. */
function frame(a, b) {
  const room = Math.max((X[b] - X[a]) * 0.35, SMALLEST[view.axis]);
  show(X[a] - room, X[b] + room);
}

function setAxis(axis) {
  const left = first(count, (n) => X[n] >= view.from), right = first(count, (n) => X[n] >= view.to);
  const all = view.to - view.from >= (axisEnd() - axisBegin()) * 0.98;
  view.axis = axis;
  X = axis === "time" ? NS : INSNS;
  $("axis").textContent = axis;
  if (all) showAll(); else show(X[left], Math.max(X[right], X[left] + SMALLEST[axis]));
}
