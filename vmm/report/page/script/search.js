/* Events by any of their words: kind, vector, symbol, source line. */

const search = { found: [], at: NONE };

function find(query) {
  const words = query.toLowerCase().split(/\s+/).filter((each) => each);
  search.found = [];
  search.at = NONE;
  if (words.length) {
    const has = words.map((word) => ({
      texts: run.texts.map((text) => text.toLowerCase().includes(word)), kinds: run.kinds.map((kind) => kind.includes(word)),
    }));
    for (let n = 0; n < count; n++)
      if (has.every(({ texts, kinds }) => texts[events.what[n]] || texts[events.where[n]] || kinds[events.kind[n]])) search.found.push(n);
  }
  tellFound(words.length);
  redraw();
}

function tellFound(asked) {
  const size = search.found.length;
  $("found").textContent = !asked ? "" : !size ? "nothing" : search.at === NONE ? whole(size) : `${whole(search.at + 1)} of ${whole(size)}`;
}

/* To the next one found, first behind what is shown in the middle. */
function goFound(direction) {
  const size = search.found.length;
  if (!size) return;
  const middle = (view.from + view.to) / 2;
  if (search.at === NONE) search.at = first(size, (n) => X[search.found[n]] >= middle) % size;
  else search.at = (search.at + direction + size) % size;
  const at = search.found[search.at];
  center(at);
  selectEvent(at);
  view.event = at;
  tellFound(1);
}
