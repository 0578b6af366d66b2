// Pictures: the timeline, the lanes, the memories.
const MOST_WIRED = 32, MOST_WORDS = 16, MOST_SQUARES = 512;

function shape(tag, attributes = {}, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const HALO = { style: "paint-order:stroke;stroke:var(--card);stroke-width:4px;fill:var(--ink)" };
const colour = (o) => `var(--${STYLE[o]})`;
const inkOn = (o) => o === BP || o === HOST ? "dark" : "light";

// The timeline: a line per operation, a block per sample; stall clocks are marked below.
const LEFT = 30, HIGH = 17;

function buildTimeline() {
  const s = scene(), svg = $("timeline"), operations = [FF, BP, UP].filter((o) => o !== BP || s.number > 1);
  const count = DATA.last - DATA.first, width = svg.clientWidth || svg.parentNode.clientWidth, unit = (width - LEFT - 6) / count;
  const clashes = s.passes.some((p) => p.clashes.length), height = HIGH * operations.length + (clashes ? HIGH : 0) + 18;
  const parts = [];
  operations.forEach((o, line) => {
    const y = line * HIGH;
    parts.push(shape("text", { x: 2, y: y + 13, "font-size": 11, "font-weight": 600 }, DATA.operations[o]));
    for (let i = 0; i < count;) {
      const sample = s.clocks[i].samples[o];
      let end = i + 1;
      while (end < count && s.clocks[end].samples[o] === sample) end++;
      if (sample !== undefined) {
        const w = Math.max((end - i) * unit - (unit > 3 ? 1 : 0), 0.5);
        parts.push(shape("rect", { x: LEFT + i * unit, y: y + 1, width: w, height: HIGH - 2, rx: 2, fill: colour(o) }));
        const text = w > 62 ? `sample ${sample}` : w > 14 ? sample : "";
        if (text !== "") parts.push(shape("text", { x: LEFT + i * unit + w / 2, y: y + 13, "font-size": 11, "text-anchor": "middle", class: inkOn(o) }, text));
      }
      i = end;
    }
  });
  if (clashes) {
    const y = operations.length * HIGH;
    parts.push(shape("text", { x: 2, y: y + 13, "font-size": 11, "font-weight": 600 }, "stall"));
    for (let i = 0; i < count; i++)
      if (stalls(s.clocks[i], DATA.first + i))
        parts.push(shape("rect", { x: LEFT + i * unit, y: y + 3, width: Math.max(unit - 0.5, 0.7), height: HIGH - 5, fill: "var(--alarm)", class: "stall" }));
  }
  for (const clock of [DATA.first, Math.floor((DATA.first + DATA.last - 1) / 2), DATA.last - 1]) {
    const anchor = clock === DATA.first ? "start" : clock === DATA.last - 1 ? "end" : "middle";
    parts.push(shape("text", { x: LEFT + (clock - DATA.first + (anchor === "middle" ? 0.5 : anchor === "end" ? 1 : 0)) * unit, y: height - 4, "font-size": 10, "text-anchor": anchor, class: "faint" }, clock));
  }
  parts.push(shape("rect", { id: "playhead", y: 0, width: Math.max(unit, 2), height: height - 16, fill: "none", stroke: "var(--ink)", "stroke-width": 2, rx: 2 }));
  svg.setAttribute("height", height);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...parts);
  svg.onclick = (e) => { play(false); show(DATA.first + Math.floor((e.clientX - svg.getBoundingClientRect().left - LEFT) / unit)); };
  svg.dataset.unit = unit;
}

function drawPlayhead() {
  const unit = Number($("timeline").dataset.unit);
  $("playhead").setAttribute("x", LEFT + (state.clock - DATA.first) * unit);
}

// The lanes: a column of words per memory above, a lane below, and a wire from each word that is read to its lane.
function drawCrossbar() {
  const s = scene(), now = moment(), pass = passOf(now), served = reads(now), box = $("crossbar");
  const clashing = new Map((pass ? pass.clashes : []).map((c) => [c.memory, c.served]));
  const waiting = new Map(), done = new Map();
  for (const turns of clashing.values())
    for (const [clock, lane, address] of turns) (clock > state.clock ? waiting : done).set(lane, address);
  $("lanes-note").textContent = s.z > MOST_WIRED
    ? `One square a lane, with the memory that it reads from: ${s.z} lanes are too many for wires, which are drawn up to ${MOST_WIRED} (try a smaller hardware.z by --set).`
    : `Above, the ${s.z} memories of the left layer with ${plural(s.depth, "word")} each, ${s.depth <= MOST_WORDS ? "a number for each neuron" : "behind @ the word that is read"}; below, the ${s.z} lanes. In a clock, no memory can serve two lanes.`;
  const told = [...served].sort((a, b) => a[0] - b[0]).map(([lane, r]) => `lane ${lane} reads word ${r.address} of memory ${r.index}`);
  box.setAttribute("aria-label", told.length ? `${told.join(", ")}.` : "No lane reads.");
  if (s.z > MOST_WIRED) return squares(box, s, served, waiting, done);
  const tall = s.depth <= MOST_WORDS, depth = tall ? s.depth : 1;
  const room = box.clientWidth - 66, wide = Math.max(Math.min(room / s.z, 76), 24), x0 = 58, cell = 20, gap = 96;
  const top = 20, lanesAt = top + depth * cell + gap, width = x0 + s.z * wide + 6, height = lanesAt + 62, parts = [];
  parts.push(shape("defs"), shape("text", { x: 0, y: 13, "font-size": 11, class: "faint" }, "memory"), shape("text", { x: 0, y: lanesAt + 20, "font-size": 11, class: "faint" }, "lane"));
  parts[0].innerHTML = `<pattern id="waits" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--alarm-paper)"/><rect width="2.4" height="6" fill="var(--alarm)"/></pattern>`;
  const at = new Map();
  for (const [lane, r] of served) at.set(`${r.index} ${tall ? r.address : 0}`, { lane, ...r });
  const wires = [], words = [];
  for (let m = 0; m < s.z; m++) {
    const x = x0 + m * wide;
    parts.push(shape("text", { x: x + wide / 2, y: 13, "font-size": 11, "text-anchor": "middle", class: "faint" }, m));
    for (let a = 0; a < depth; a++) {
      const r = at.get(`${m} ${a}`), y = top + a * cell, turn = (clashing.get(m) || []).find(([clock, , address]) => clock !== state.clock && (!tall || address === a));
      const late = turn && turn[0] > state.clock;
      const fill = r ? colour(r.operations[0]) : late ? "url(#waits)" : "var(--s1)";
      words.push(shape("rect", { x: x + 1.5, y: y + 1, width: wide - 3, height: cell - 2, rx: 3, fill, class: "place", "data-memory": m, "data-address": r ? r.address : a, "data-lane": r ? r.lane : "" }));
      if (r && r.operations.length > 1) words.push(shape("path", { d: `M${x + wide - 1.5} ${y + 1}V${y + cell - 1}H${x + 1.5}Z`, fill: colour(r.operations[1]) }));
      const letters = r ? r.operations.map((o) => LETTER[o]).join("") : "";
      const text = wide > 44 ? `${letters} ${r && !tall ? `@${r.address}` : a * s.z + m}`.trim() : letters || (tall ? a * s.z + m : "");
      words.push(shape("text", { x: x + wide / 2, y: y + 14, "font-size": wide > 30 ? 11 : 9, "text-anchor": "middle", class: r ? "light" : "faint", "font-weight": r ? 700 : 400, "pointer-events": "none", ...(late ? HALO : {}) }, tall || r ? text : ""));
      if (r) wires.push(wire(x + wide / 2, top + depth * cell, x0 + (r.lane + 0.5) * wide, lanesAt, "var(--ink)", ""));
      if (late) wires.push(wire(x + wide / 2, top + depth * cell, x0 + (turn[1] + 0.5) * wide, lanesAt, "var(--alarm)", "4 4"));
    }
    if (clashing.has(m)) {
      words.push(shape("rect", { x: x - 0.5, y: top - 1.5, width: wide + 1, height: depth * cell + 3, rx: 5, fill: "none", stroke: "var(--alarm)", "stroke-width": 2.5, class: "clashing", "data-memory": m }));
      words.push(shape("text", { x: x + wide / 2 + 11, y: 13, "font-size": 12, "font-weight": 700, fill: "var(--alarm)", style: "fill:var(--alarm)" }, "!"));
    }
  }
  for (let lane = 0; lane < s.z; lane++) {
    const x = x0 + lane * wide, r = served.get(lane), waits = waiting.has(lane), had = !r && done.has(lane);
    words.push(shape("rect", { x: x + 1.5, y: lanesAt, width: wide - 3, height: 30, rx: 6, fill: r ? colour(r.operations[0]) : waits ? "url(#waits)" : "var(--s1)", stroke: waits ? "var(--alarm)" : "var(--line)", class: "lane", "data-lane": lane, "data-state": r ? "served" : waits ? "waits" : had ? "had" : "idle" }));
    if (r && r.operations.length > 1) words.push(shape("path", { d: `M${x + wide - 1.5} ${lanesAt + 4}V${lanesAt + 30}H${x + 3}Z`, fill: colour(r.operations[1]) }));
    words.push(shape("text", { x: x + wide / 2, y: lanesAt + 20, "font-size": 12, "font-weight": 700, "text-anchor": "middle", class: r ? "light" : "", "pointer-events": "none", ...(waits ? HALO : {}) }, lane));
    const below = waits ? "waits" : had ? "✓" : r ? r.operations.map((o) => LETTER[o]).join("") : "";
    words.push(shape("text", { x: x + wide / 2, y: lanesAt + 45, "font-size": wide > 30 ? 11 : 9, "text-anchor": "middle", class: "faint", ...(waits ? { style: "fill:var(--alarm);font-weight:700" } : {}) }, below));
  }
  const svg = shape("svg", { width, height, "aria-hidden": "true" });
  svg.append(...parts, ...wires, ...words);
  box.replaceChildren(svg);
}

function wire(x1, y1, x2, y2, stroke, dash) {
  const middle = (y1 + y2) / 2;
  return shape("path", { d: `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`, fill: "none", stroke, "stroke-width": 1.6, "stroke-opacity": 0.75, "stroke-dasharray": dash });
}

function squares(box, s, served, waiting, done) {
  const words = element("div", { class: "words" });
  for (let lane = 0; lane < Math.min(s.z, MOST_SQUARES); lane++) {
    const r = served.get(lane), waits = waiting.has(lane);
    const column = element("div", { class: "column" }, lane);
    const word = element("span", { class: "word lane", "data-lane": lane, "data-state": r ? "served" : waits ? "waits" : done.has(lane) ? "had" : "idle" }, r ? `m${r.index}` : waits ? "waits" : done.has(lane) ? "✓" : "");
    if (r) paint(word, r.operations, false);
    word.classList.toggle("long", word.textContent.length > 3);
    if (waits) word.classList.add("clash");
    column.append(word);
    words.append(column);
  }
  box.replaceChildren(words);
}

// The memories: a card per bank, a column per memory, a square per word; large ones have a square per memory.
function buildMemories() {
  const s = scene(), cut = s.memories.filter((m) => m.lanes > MOST_SQUARES), many = (m) => folded(m) && m.kind !== WEIGHT;
  $("limit").hidden = !cut.length && !s.memories.some(many);
  $("limit").textContent = (s.memories.some(many) ? `Where a bank has many words, a square is a whole memory, and @3 in it says that word 3 is accessed: words are drawn one by one for up to ${MOST_WIRED} memories of up to ${MOST_WORDS} words. ` : "") +
    (cut.length ? `Of more than ${MOST_SQUARES} memories the first ${MOST_SQUARES} are drawn (${listed(cut.map((m) => m.title))}); a smaller hardware.z by --set shows all, the table below always does.` : "");
  $("memories").replaceChildren(...s.memories.map((m, k) => {
    const box = element("div", { class: "memory", "data-memory": k });
    const size = m.kind === WEIGHT ? `${m.lanes} lanes × ${plural(m.depth, "row")}` : `${plural(m.banks, "bank")} × ${plural(m.lanes, "memory", "memories")} × ${plural(m.depth, "word")}`;
    box.append(element("h3", {}, `${m.title[0].toUpperCase()}${m.title.slice(1)}`), element("p", { class: "note" }, `${size}. ${m.note}`));
    const banks = element("div", { class: "banks" });
    const columns = Math.min(m.lanes, MOST_SQUARES);
    banks.style.setProperty("--bank", `${Math.max(Math.min(columns * (flat(m) ? m.depth : 1) * 34 + 18, columns > 8 ? 560 : 288), 240)}px`);
    for (let b = 0; b < m.banks; b++) {
      const bank = element("div", { class: "bank", "data-bank": b });
      bank.append(element("h4"));
      const words = element("div", { class: "words" });
      for (let i = 0; i < columns; i++) {
        const column = element("div", { class: flat(m) ? "column flat" : "column" }, m.lanes > 1 ? i : undefined);
        for (let a = 0; a < (folded(m) ? 1 : m.depth); a++) column.append(element("span", { class: "word" }));
        words.append(column);
      }
      bank.append(words);
      banks.append(bank);
    }
    box.append(banks);
    return box;
  }));
}

const flat = (m) => m.lanes <= 2 && m.lanes * m.depth <= 64;
const folded = (m) => m.kind === WEIGHT || !flat(m) && (m.lanes > MOST_WIRED || m.depth > MOST_WORDS);

/** What a memory holds in the clock shown: the sample of each word, as recorded at first and written since. */
function contents() {
  const s = scene(), held = s.memories.map((m) => m.held.map((bank) => bank.slice()));
  for (let clock = DATA.first; clock <= state.clock; clock++)
    for (const [memory, bank, access, , , sample, words] of s.clocks[clock - DATA.first].accesses)
      if (access === WRITE)
        for (let i = 0; i < words.length; i += 4) held[memory][bank][words[i] * s.memories[memory].depth + words[i + 1]] = sample;
  return held;
}

function updateMemories() {
  const s = scene(), now = moment(), held = contents(), touched = new Map();
  for (const a of accesses(now)) {
    const m = s.memories[a.memory], key = `${a.memory} ${a.bank} ${a.index} ${folded(m) ? 0 : a.address}`;
    touched.set(key, [...(touched.get(key) || []), a]);
  }
  document.querySelectorAll("#memories .memory").forEach((box, k) => {
    const m = s.memories[k], whole = folded(m);
    box.querySelectorAll(".bank").forEach((bank, b) => {
      const use = new Set(), samples = new Map(), squares = bank.querySelectorAll(".word"), per = whole ? 1 : m.depth;
      for (const sample of held[k][b]) samples.set(sample, (samples.get(sample) || 0) + 1);
      squares.forEach((square, n) => {
        const index = Math.floor(n / per), address = n % per, here = touched.get(`${k} ${b} ${index} ${address}`) || [];
        const own = whole ? new Set(held[k][b].slice(index * m.depth, (index + 1) * m.depth)) : new Set([held[k][b][index * m.depth + address]]);
        here.forEach((a) => use.add(`${a.junction === s.number || !a.junction ? "" : `junction ${a.junction}: `}${DATA.operations[a.operation]} ${a.access === READ ? "reads" : "writes"}${m.kind === WEIGHT ? ` row ${a.address}` : ""}${a.sample < 0 ? "" : m.kind === WEIGHT ? ` for sample ${a.sample}` : ` ${a.sample}`}`));
        fill(square, m, index, address, here, [...own], whole);
      });
      bank.classList.toggle("busy", use.size > 0);
      const name = m.banks > 1 ? `Bank ${b}` : m.kind === WEIGHT ? "All lanes" : "One bank";
      bank.querySelector("h4").replaceChildren(`${name}${m.banks > 1 ? `: ${holds(samples)}` : ""}`, element("small", {}, [...use].join(" · ")));
    });
  });
}

function holds(samples) {
  const there = [...samples].filter(([sample]) => sample >= 0).sort((a, b) => b[0] - a[0]);
  if (!there.length) return "empty";
  if (there.length === 1) return `sample ${there[0][0]}`;
  const all = [...samples.values()].reduce((a, b) => a + b, 0);
  return `sample ${there[0][0]} replaces ${there[1][0]}, ${Math.round(100 * there[0][1] / all)} %`;
}

function fill(square, m, index, address, here, own, whole) {
  const sample = own.length === 1 && own[0] >= 0 ? own[0] : null;
  square.className = "word";
  square.style.cssText = "";
  for (const name of ["read", "write", "sample", "lane", "address"]) delete square.dataset[name];
  if (!here.length) {
    square.textContent = m.banks === 1 ? "" : sample !== null ? sample : own.length > 1 ? "…" : "·";
    if (sample !== null && m.banks > 1) square.classList.add(`t${sample % 4}`);
    square.title = `memory ${index}${whole ? "" : `, word ${address}`}: ${sample === null ? "several samples" : `sample ${sample}`}`;
    return;
  }
  const operations = [...new Set(here.map((a) => a.operation))].sort(), last = here.at(-1);
  paint(square, operations, here.some((a) => a.access === WRITE));
  const shared = last.sample < 0;
  const one = here.every((a) => a.address === last.address);
  const behind = m.kind === WEIGHT ? "" : whole ? m.depth > 1 && one ? `@${last.address}` : "" : shared ? "" : last.sample;
  square.textContent = operations.map((o) => LETTER[o]).join("") + behind;
  square.classList.toggle("long", square.textContent.length > 3);
  for (const a of here) square.dataset[a.access === READ ? "read" : "write"] = DATA.operations[a.operation];
  square.dataset.sample = last.sample;
  square.dataset.lane = last.lane;
  square.dataset.address = last.address;
  square.title = here.map((a) => `${DATA.operations[a.operation]} ${a.access === READ ? "reads" : "writes"} word ${a.address} of memory ${a.index}, lane ${a.lane}: ${a.value / 2 ** m.fraction}${a.sample < 0 ? "" : `, sample ${a.sample}`}`).join("\n");
}

function paint(square, operations, writes) {
  square.classList.add(STYLE[operations[0]]);
  if (writes) square.classList.add("write");
  if (operations.length > 1) {
    square.classList.add("both");
    square.style.cssText = `--one:${colour(operations[0])};--two:${colour(operations[1])}`;
  }
}
