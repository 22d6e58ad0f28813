/* Everything is there: fill the page, and listen. */

function begin() {
  document.title = `${run.title}: interrupts`;
  $("title").textContent = run.title;
  $("note").textContent = run.note;
  $("note").hidden = !run.note;
  readColors();
  fillVectors();
  fillVerdicts();
  fillAbout();
  if (!$("pictures").children.length) $("tab-pictures").hidden = true;
  $("keys").append(...KEYS.flatMap(([name, text]) => [el("dt", {}, el("kbd", {}, SHOWN[name] || name)), el("dd", {}, text)]));
  for (const name of TABS) $(`tab-${name}`).addEventListener("click", () => openTab(name));
  $("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const there = TABS.filter((name) => !$(`tab-${name}`).hidden), now = there.findIndex((name) => !$(name).hidden);
    const name = there[(now + step + there.length) % there.length];
    openTab(name);
    $(`tab-${name}`).focus();
  });
  $("search").addEventListener("input", () => find($("search").value));
  $("searching").addEventListener("submit", (event) => { event.preventDefault(); goFound(1); });
  for (const [id, key] of Object.entries(BUTTONS)) $(id).addEventListener("click", () => KEYS.find(([name]) => name === key)[2]());
  $("close").addEventListener("click", () => $("help").close());
  scroller.addEventListener("scroll", redraw);
  new ResizeObserver(redraw).observe(scroller);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColors(); redraw(); });
  arrange();
  showAll();
  openTab(run.verdicts.length ? "verdicts" : "vectors");
  draw();
}

/* For who drives the page by a program: where an event of a lane is on the screen. */
function placeOf(group, name, at) {
  const place = layout.find((each) => each.lane && each.lane.group === group && each.lane.name === name), box = canvas.getBoundingClientRect();
  return [box.left + toX(X[at]), box.top + place.top - scroller.scrollTop + 8];
}

begin();
window.page = { run, view, events, interrupts, lanes, INSNS, NS, search, placeOf, select, draw, pan, zoom, show };
