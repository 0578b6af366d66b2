"use strict";
// What Python recorded is drawn; nothing about the machine is worked out here.
const DATA = JSON.parse(document.getElementById("recording").textContent);
const [FF, BP, UP, HOST] = [0, 1, 2, 3], LETTER = "FBUH", STYLE = ["ff", "bp", "up", "host"];
const [READ, WRITE] = [0, 1];
const [ACTIVATION, WEIGHT] = [2, 0];
const $ = (id) => document.getElementById(id);
const state = { junction: 0, clock: DATA.first, timer: null };
const plural = (n, one, many) => `${n} ${n === 1 ? one : many || one + "s"}`;
const listed = (items) => items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;

function element(tag, attributes = {}, text) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const scene = () => DATA.junctions[state.junction];
const moment = () => scene().clocks[state.clock - DATA.first];
const passOf = (now) => now.pass === null ? null : scene().passes[now.pass];
const stalls = (now, clock) => now.pass !== null && scene().passes[now.pass].begin < clock;
const label = (sample) => sample in DATA.labels ? ` (class ${DATA.labels[sample]})` : "";

/** The accesses of a clock, one by one. */
function* accesses(now) {
  for (const [memory, bank, access, operation, junction, sample, words] of now.accesses)
    for (let i = 0; i < words.length; i += 4)
      yield { memory, bank, access, operation, junction, sample,
              index: words[i], address: words[i + 1], lane: words[i + 2], value: words[i + 3] };
}

function cycle() {
  const c = DATA.clocking;
  if (!c) return null;
  return Math.floor((state.clock - c.start - c.offsets[scene().number - 1]) / c.period);
}

function story() {
  const s = scene(), now = moment(), pass = passOf(now), at = cycle();
  const where = [`Clock ${state.clock}`, `junction ${s.number}`];
  if (at !== null) where.push(at < 0 ? "before the first junction cycle" : `junction cycle ${at}`);
  if (pass) where.push(`row ${pass.row + 1} of ${s.rows}`);
  $("headline").textContent = where.join(" · ");
  const chips = [FF, BP, UP].filter((o) => o !== BP || s.number > 1).map((o) => {
    const sample = now.samples[o], idle = sample === undefined;
    return element("span", { class: `chip ${idle ? "" : STYLE[o]}`, "data-operation": DATA.operations[o], "data-sample": idle ? "" : sample },
      `${LETTER[o]} · ${DATA.operations[o]} ${idle ? "idle" : `works on sample ${sample}${label(sample)}`}`);
  });
  $("chips").replaceChildren(...chips);
  const told = [];
  if (!pass) told.push("No row is in work: results of the last rows land, or the junction waits for a sample.");
  else {
    const busy = Object.keys(now.samples).length, served = reads(now).size;
    told.push(`${plural(served, "lane")} of ${s.z} read${served === 1 ? "s" : ""} the word of ${served === 1 ? "its" : "their"} edge` +
      `${served === 1 ? "" : "s"}, each from a memory of its own${busy > 1 ? `, for ${busy} samples at once` : ""}.`);
  }
  const landing = now.accesses.filter(([, , access, , junction]) => access === WRITE && junction === s.number)
    .map(([memory, bank, , operation, , sample, words]) =>
      `${DATA.operations[operation]} writes ${plural(words.length / 4, "word")} of sample ${sample} to the ${s.memories[memory].title}`);
  if (landing.length) told.push(`Results of earlier rows land: ${listed(landing)}.`);
  $("story").textContent = told.join(" ");
  alarm(pass, s);
}

/** Which lane reads which word of a left memory in this clock, and for which operations. */
function reads(now) {
  const s = scene(), found = new Map();
  for (const a of accesses(now)) {
    const m = s.memories[a.memory];
    if (m.kind !== ACTIVATION || m.owner !== s.number || a.access !== READ || a.junction !== s.number) continue;
    const one = found.get(a.lane) || { index: a.index, address: a.address, operations: [] };
    one.operations = [...one.operations, a.operation].sort();
    found.set(a.lane, one);
  }
  return found;
}

function alarm(pass, s) {
  const box = $("alarm");
  box.hidden = !pass || !pass.clashes.length;
  if (box.hidden) { box.replaceChildren(); return; }
  const long = pass.end - pass.begin, nth = state.clock - pass.begin + 1;
  const head = element("b", { class: "head" }, nth > 1 ? "Stall clock. " : "Clash. ");
  const lines = pass.clashes.map(({ memory, served }) => {
    const lanes = served.map(([, lane]) => lane);
    const turns = served.map(([clock, lane, address]) =>
      `lane ${lane} (word ${address}) ${clock < state.clock ? "has been served" : clock === state.clock ? "is served now" : "waits"}`);
    return element("li", { "data-memory": memory, "data-lanes": lanes.join(" ") },
      `Lanes ${listed(lanes)} of this row all need memory ${memory}, which gives one word a clock: ${listed(turns)}.`);
  });
  const list = element("ul");
  list.append(...lines);
  box.replaceChildren(head, `This is clock ${nth} of ${long} of the row; without a clash it would take one. ` +
    `The whole row waits, all ${s.z} lanes of it: ${plural(long - 1, "stall clock")}.`, list);
}

function table() {
  if (!$("all").open) return;
  const s = scene(), rows = [];
  for (const a of accesses(moment())) {
    const m = s.memories[a.memory], row = element("tr");
    const cells = [a.junction || "host", DATA.operations[a.operation], DATA.accesses[a.access], m.title, a.bank, a.index, a.address,
                   a.lane, a.value, a.value / 2 ** m.fraction, a.sample < 0 ? "all at work" : a.sample];
    row.append(...cells.map((text) => element("td", {}, text)));
    rows.push(row);
  }
  $("accesses").tBodies[0].replaceChildren(...rows);
}

function show(clock) {
  state.clock = Math.min(Math.max(clock, DATA.first), DATA.last - 1);
  $("slider").value = state.clock;
  $("slider").setAttribute("aria-valuetext", `clock ${state.clock}`);
  $("clock").textContent = state.clock;
  story();
  drawPlayhead();
  drawCrossbar();
  updateMemories();
  table();
}

function choose(junction) {
  state.junction = junction;
  $("junction").value = junction;
  const s = scene();
  $("facts").textContent = `Network ${DATA.layers.join("-")}. Junction ${s.number}: ${s.left} → ${s.right} neurons, ` +
    `${s.edges.toLocaleString("en")} edges, z = ${s.z} lanes, a pass of C = ${s.rows} rows` +
    (s.stalls ? ` and ${plural(s.stalls, "stall clock")}, for its pattern is not clash-free.` : ", without a clash.") +
    ` Clocks ${DATA.first} to ${DATA.last - 1}` + (DATA.shortened ? ", less than a junction cycle: a page holds no more; another part by --clocks A:B, or one --junction." : ".");
  $("clash").hidden = !s.passes.some((p) => p.clashes.length);
  buildTimeline();
  buildMemories();
  show(state.clock);
}

function play(on) {
  clearInterval(state.timer);
  state.timer = on ? setInterval(() => show(state.clock + 1 < DATA.last ? state.clock + 1 : DATA.first), 1000 / $("speed").value) : null;
  $("play").setAttribute("aria-pressed", String(on));
  $("alarm").setAttribute("aria-live", on ? "off" : "polite");  // while it plays nobody could listen
  $("play").textContent = on ? "❚❚ Pause" : "▶ Play";
}

function nextClash() {
  const s = scene(), count = DATA.last - DATA.first;
  for (let i = 1; i <= count; i++) {
    const clock = DATA.first + (state.clock - DATA.first + i) % count, pass = passOf(s.clocks[clock - DATA.first]);
    if (pass && pass.clashes.length && pass.begin === clock) return show(clock);
  }
}

function start() {
  $("title").textContent = document.title;
  $("source").textContent = `Recorded from the cycle-level machine of hwsim, configuration ${DATA.configuration}.`;
  $("junction").append(...DATA.junctions.map((s, i) => element("option", { value: i }, `${s.number}: ${s.left} → ${s.right}`)));
  $("slider").min = DATA.first;
  $("slider").max = DATA.last - 1;
  const step = (by) => { play(false); show(state.clock + by); };
  $("slider").addEventListener("input", () => show(Number($("slider").value)));
  $("junction").addEventListener("change", () => choose(Number($("junction").value)));
  $("home").addEventListener("click", () => step(DATA.first - state.clock));
  $("back").addEventListener("click", () => step(-1));
  $("forward").addEventListener("click", () => step(1));
  $("play").addEventListener("click", () => play(!state.timer));
  $("speed").addEventListener("change", () => state.timer && play(true));
  $("clash").addEventListener("click", () => { play(false); nextClash(); });
  $("all").addEventListener("toggle", table);
  const keys = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), Home: () => step(DATA.first - state.clock),
                 End: () => step(DATA.last - state.clock), " ": () => play(!state.timer), c: nextClash,
                 j: () => choose((state.junction + 1) % DATA.junctions.length) };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || /SELECT|INPUT|TEXTAREA/.test(e.target.tagName)) return;
    if (e.key === " " && /BUTTON|SUMMARY/.test(e.target.tagName)) return;
    if (/^Arrow/.test(e.key) && e.target.classList.contains("scroll")) return;
    const act = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (act) { e.preventDefault(); act(); }
  });
  // Whoever wants little motion gets a clock a second.
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) $("speed").value = "1";
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; choose(state.junction); } });
  choose(0);
  addEventListener("hashchange", follow);
  follow();
}

/** A link to a clock: view.html#junction=2&clock=430. */
function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const junction = DATA.junctions.findIndex((s) => String(s.number) === asked.get("junction"));
  if (junction >= 0) choose(junction);
  if (/^\d+$/.test(asked.get("clock") || "")) show(Number(asked.get("clock")));
}
document.addEventListener("DOMContentLoaded", start);
