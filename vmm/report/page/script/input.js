/* Mouse, fingers, keys. */

const pointers = new Map();
let dragged = 0, pinch = null;

const local = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, local(event));
  dragged = 0;
  pinch = null;
  if (pointers.size === 2) pinched();
});
canvas.addEventListener("pointermove", (event) => {
  const [x, y] = local(event), before = pointers.get(event.pointerId);
  if (!before) { hover(x, y); return; }
  pointers.set(event.pointerId, [x, y]);
  if (pointers.size === 2) { pinched(); dragged = 99; return; }
  dragged += Math.abs(x - before[0]) + Math.abs(y - before[1]);
  if (dragged > 4) {
    pan((before[0] - x) / width);
    if (event.pointerType === "mouse") scroller.scrollTop += before[1] - y;
  }
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => {
  if (name === "pointerup" && dragged <= 4 && pointers.size === 1) clicked(...local(event));
  pointers.delete(event.pointerId);
  pinch = null;
});
canvas.addEventListener("pointerleave", () => { view.hover = null; $("tip").hidden = true; redraw(); });
canvas.addEventListener("dblclick", (event) => zoom(0.25, local(event)[0] / width));

function pinched() {
  const [[a], [b]] = [...pointers.values()], apart = Math.max(Math.abs(a - b), 8), middle = (a + b) / 2;
  if (pinch) {
    pan((pinch.middle - middle) / width);
    zoom(pinch.apart / apart, middle / width);
  }
  pinch = { apart, middle };
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan((event.deltaX || event.deltaY) / width);
  else zoom(Math.exp(Math.max(-1, Math.min(event.deltaY * (event.deltaMode ? 0.05 : 0.0025), 1))), local(event)[0] / width);
}, { passive: false });

function clicked(x, y) {
  canvas.focus({ preventScroll: true });
  const found = hit(x, y + scroller.scrollTop);
  if (found && !found.far) selectEvent(found.row.at[found.n]);
}

function hover(x, y) {
  view.hover = x;
  const found = hit(x, y + scroller.scrollTop), tip = $("tip");
  tip.hidden = !found;
  if (found) {
    tip.replaceChildren(...tipOf(found));
    const box = scroller.getBoundingClientRect(), left = canvas.getBoundingClientRect().left + x;
    tip.style.left = `${Math.min(left + 12, window.innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(box.top + y + 16, window.innerHeight - tip.offsetHeight - 8)}px`;
  }
  redraw();
}

function tipOf({ lane, row, n }) {
  const at = row.at[n], value = row.value[n];
  const span = lane.shape === "spans", end = span ? row.until[n] : n + 1 < row.at.length ? row.at[n + 1] : count;
  const name = span || lane.shape === "instants" ? spanText(row, n) : lane.shape === "bit" ? String(value) : `0x${value.toString(16)}`;
  const long = `${insns(INSNS[end] - INSNS[at])}, ${time(NS[end] - NS[at])}`;
  return [el("b", {}, `${lane.name}: ${name}`), el("span", {}, `insn ${whole(INSNS[at])}, ${time(NS[at])}${lane.shape === "instants" ? "" : `, for ${long}`}`),
    ...(at < count ? [el("span", { class: "where" }, where(at))] : [])];
}

/* ---- the whole run in small ---- */

function overviewTo(event) {
  if (!(event.buttons & 1)) return;
  const box = overview.getBoundingClientRect(), size = view.to - view.from;
  const middle = axisBegin() + ((event.clientX - box.left) / box.width) * (axisEnd() - axisBegin());
  show(middle - size / 2, middle + size / 2);
}
overview.addEventListener("pointerdown", (event) => { overview.setPointerCapture(event.pointerId); overviewTo(event); });
overview.addEventListener("pointermove", overviewTo);

/* ---- keys ---- */

function next(direction) {
  if (!interruptCount) return;
  const middle = (view.from + view.to) / 2;
  const from = view.selected !== NONE ? view.selected + direction
    : first(interruptCount, (n) => X[interrupts.at[n]] >= middle) - (direction < 0 ? 1 : 0);
  select(Math.min(Math.max(from, 0), interruptCount - 1));
}

const KEYS = [
  ["+", "zoom in", () => zoom(0.5), "="],
  ["-", "zoom out", () => zoom(2), "_"],
  ["0", "the whole run", showAll],
  ["ArrowLeft", "earlier", () => pan(-0.2)],
  ["ArrowRight", "later", () => pan(0.2)],
  ["ArrowUp", "lanes up", () => scroller.scrollBy(0, -60)],
  ["ArrowDown", "lanes down", () => scroller.scrollBy(0, 60)],
  ["Home", "the run's begin", () => show(axisBegin(), axisBegin() + view.to - view.from)],
  ["End", "its end", () => show(axisEnd() - (view.to - view.from), axisEnd())],
  ["n", "next interrupt", () => next(1)],
  ["p", "the one before", () => next(-1)],
  ["z", "zoom to the selected one", () => { if (view.selected !== NONE) { const hops = interrupts.hops[view.selected]; frame(hops[0], hops[hops.length - 1]); } }],
  ["/", "search", () => $("search").focus()],
  ["f", "next one found", () => goFound(1)],
  ["F", "the one before", () => goFound(-1)],
  ["t", "time or instructions", () => setAxis(view.axis === "time" ? "instructions" : "time")],
  ["c", "fold or unfold all", foldAll],
  ["d", "dark or light", switchTheme],
  ["?", "this help", () => $("help").showModal()],
];
/* Each does what its key does. */
const BUTTONS = { axis: "t", out: "-", in: "+", all: "0", theme: "d", ask: "?" };
const SHOWN = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const typing = event.target === $("search");
  if (typing && event.key === "Escape") { $("search").value = ""; find(""); canvas.focus(); return; }
  if (typing) return;
  const arrows = event.target.closest("[role=tablist]") && event.key.startsWith("Arrow");
  const key = arrows ? null : KEYS.find(([name, , , other]) => event.key === name || event.key === other);
  if (!key) return;
  event.preventDefault();
  key[2]();
});

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  readColors();
  redraw();
}
