/* The rows at the left: lanes by group, which can be folded; where each lies. */

const folded = new Set([MASKS]);

function laneHeight(lane) {
  return lane.shape === "spans" ? Math.max(lane.rows.length, 1) * HEIGHT.spans : HEIGHT[lane.shape];
}

function arrange() {
  const labels = $("labels"), groups = new Map();
  for (const lane of lanes) {
    if (!groups.has(lane.group)) groups.set(lane.group, []);
    groups.get(lane.group).push(lane);
  }
  layout = [];
  let top = 0;
  const made = [];
  for (const [name, members] of groups) {
    const open = !folded.has(name);
    const button = el("button", { class: "group", type: "button", "aria-expanded": String(open) }, name, el("span", {}, String(members.length)));
    button.style.height = `${GROUP}px`;
    button.addEventListener("click", () => fold(name));
    made.push(button);
    layout.push({ top, high: GROUP, group: name });
    top += GROUP;
    for (const lane of open ? members : []) {
      const high = laneHeight(lane);
      const row = el("div", { class: "lane", title: `${lane.group}: ${lane.name}` }, lane.name);
      row.style.height = row.style.lineHeight = `${high}px`;
      if (lane.shape === "spans") row.style.lineHeight = `${HEIGHT.spans}px`;
      if (lane.color) row.style.setProperty("--mark", lane.color);
      made.push(row);
      layout.push({ top, high, lane });
      top += high;
    }
  }
  labels.replaceChildren(...made);
  redraw();
}

function fold(name) {
  if (!folded.delete(name)) folded.add(name);
  arrange();
}

function foldAll() {
  const names = new Set(lanes.map((lane) => lane.group));
  if (folded.size > 1) folded.clear(); else for (const name of names) folded.add(name);
  arrange();
}

/* What lies at a place of the canvas: its lane, and the number of what is drawn there in its row. */
const NEAR = 5;
function hit(x, y) {
  const place = layout.find((each) => each.lane && y >= each.top && y < each.top + each.high);
  if (!place) return null;
  const lane = place.lane;
  const depth = lane.shape === "spans" ? Math.min(Math.floor((y - place.top) / HEIGHT.spans), lane.rows.length - 1) : 0;
  const row = lane.rows[depth], size = row.at.length;
  if (!size) return null;
  let n = first(size, (each) => X[row.at[each]] > fromX(x)) - 1;
  const far = (each) => Math.abs(toX(X[row.at[each]]) - x);
  if (lane.shape === "spans" && n >= 0 && X[row.until[n]] >= fromX(x)) return { lane, row, n };
  if (n + 1 < size && (n < 0 || far(n + 1) < far(n))) n++;
  if (n < 0) return null;
  const end = lane.shape === "spans" ? Math.abs(toX(X[row.until[n]]) - x) : Infinity;
  if (lane.shape === "bit" || lane.shape === "number") return { lane, row, n, far: far(n) > NEAR };
  return Math.min(far(n), end) <= NEAR ? { lane, row, n } : null;
}
