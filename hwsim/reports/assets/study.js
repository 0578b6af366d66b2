"use strict";
/* One filter for parallel coordinates, fronts and table. A brush, a field and the search all change the same state. */
const study = (() => {
  const known = report.parsed("study");
  const { axes, figures, designs, pairs } = known;
  const at = (id) => document.getElementById(id);
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== false) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  /* labels: by axis the kept ones, or null for all; ranges: by figure [[low, high], ...], or null; columns: figures shown. */
  const state = {
    labels: axes.map(() => null), ranges: figures.map(() => null), search: "", sort: { by: "design", down: false }, chosen: null,
    columns: figures.map((f, k) => (f.first ? k : -1)).filter((k) => k >= 0),
  };
  const kept = (d) =>
    axes.every((_, k) => !state.labels[k] || state.labels[k].has(d.labels[k])) &&
    figures.every((_, k) => !state.ranges[k] || state.ranges[k].some(([low, high]) => d.values[k] !== null && low <= d.values[k] && d.values[k] <= high)) &&
    (!state.search || axes.some((a, k) => `${a.name} ${a.labels[d.labels[k]]}`.toLowerCase().includes(state.search)));

  /* The designs that no other beats: none is at least as good in both figures and better in one. */
  const front = (among, [x, y]) => {
    const sign = (k) => (figures[k].better === "more" ? -1 : 1);
    const cost = among.filter((d) => d.values[x] !== null && d.values[y] !== null)
      .map((d) => [sign(x) * d.values[x], sign(y) * d.values[y], d]);
    cost.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2].design - b[2].design);
    const found = [];
    let best = Infinity, previous = null;
    for (const [a, b, d] of cost) {
      if (b < best || (previous && a === previous[0] && b === previous[1])) {
        found.push(d);
        best = b;
        previous = [a, b];
      }
    }
    return found;
  };

  const digits = (k, value) => {
    if (figures[k].share) return value.toFixed(2);
    if (Math.abs(value) >= 1000 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
    return Number(value.toPrecision(4)).toString();
  };
  const shown = (d, k) => {
    if (d.values[k] === null) return "";
    const half = d.halves[k];
    const spread = half ? ` ± ${figures[k].share ? half.toFixed(2) : Number(half.toPrecision(2))}` : "";
    return digits(k, d.values[k]) + spread;
  };
  const named = (k) => figures[k].title + (figures[k].unit && !figures[k].title.includes(figures[k].unit) ? ` (${figures[k].unit})` : "");
  const words = (d) => axes.map((a, k) => `${a.name} ${a.labels[d.labels[k]]}`).join(", ") || `design ${d.design}`;
  /* Plotly reads a little HTML in texts, and fills in values. */
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/%\{/g, "% {");

  /* Parallel coordinates: an axis of the study or a figure each; a figure that some design lacks has no place there. */
  const logged = (k, v) => (figures[k].log ? Math.log10(v) : v);
  const differs = (k) => designs.some((d) => d.values[k] !== designs[0].values[k]);
  const dimensions = () => [
    ...axes.map((a, k) => ({ axis: k })),
    ...state.columns.filter((k) => designs.every((d) => d.values[k] !== null) && differs(k)).map((k) => ({ figure: k })),
  ];
  /* As many labels as there is room for, and as much of each. */
  const MOST_LABELS = 16, LONGEST_LABEL = 14;
  const ticks = ({ labels }) => {
    const each = Math.ceil(labels.length / MOST_LABELS);
    return labels.map((label, k) => (k % each ? "" : label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1)}…` : label));
  };
  let drawn = [];
  const brushes = ({ axis, figure }) => {
    if (axis !== undefined) return state.labels[axis] && [...state.labels[axis]].sort((a, b) => a - b).map((v) => [v - 0.4, v + 0.4]);
    return state.ranges[figure] && state.ranges[figure].map((r) => r.map((v) => logged(figure, v)));
  };
  const finite = (range) => range.map((v, k) => (Number.isFinite(v) ? v : (k ? 1 : -1) * 1e300));
  const parallel = () => {
    drawn = dimensions();
    const coloured = [...drawn].reverse().find((d) => d.figure !== undefined && figures[d.figure].better === "more") ?? drawn.at(-1);
    const of = ({ axis, figure }) => designs.map((d) => (axis !== undefined ? d.labels[axis] : logged(figure, d.values[figure])));
    const spec = {
      plain: true,
      traces: [{
        type: "parcoords",
        dimensions: drawn.map((dimension) => {
          const { axis, figure } = dimension, range = brushes(dimension)?.map(finite);
          const own = axis !== undefined
            ? { label: plain(axes[axis].name), tickvals: axes[axis].labels.map((_, k) => k), ticktext: ticks(axes[axis]) }
            : { label: plain((figures[figure].log ? "log₁₀ " : "") + named(figure)) };
          return { ...own, values: of(dimension), ...(range?.length ? { constraintrange: range.length > 1 ? range : range[0] } : {}) };
        }),
        line: { color: coloured ? of(coloured) : "var(--series-1)", colorscale: [[0, "var(--faint)"], [1, "var(--series-1)"]] },
        unselected: { line: { color: "var(--faint)", opacity: 0.08 } },
        labelfont: { family: "var(--sans)", size: 12, color: "var(--ink)" }, tickfont: { family: "var(--sans)", size: 11, color: "var(--muted)" },
        rangefont: { size: 10, color: "rgba(0,0,0,0)" }, labelangle: drawn.length > 6 ? -12 : 0,
      }],
      layout: {
        height: 380, margin: { l: 96, r: 70, t: drawn.length > 6 ? 90 : 60, b: 24 },
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
      },
    };
    at("parallel").style.minWidth = `${Math.max(38, 7 * drawn.length)}rem`;
    return report.draw(at("parallel"), spec);
  };
  const brushed = () => {
    const there = at("parallel").data[0].dimensions;
    drawn.forEach(({ axis, figure }, k) => {
      const given = there[k].constraintrange;
      const ranges = !given ? null : Array.isArray(given[0]) ? given : [given];
      if (axis !== undefined) {
        const inside = (v) => ranges.some(([low, high]) => low <= v && v <= high);
        state.labels[axis] = ranges && new Set(axes[axis].labels.map((_, v) => v).filter(inside));
      } else {
        const back = (v) => (figures[figure].log ? 10 ** v : v);
        const eased = ([low, high]) => [low, high].map((v, side) => { const b = back(v); return b + (side ? 1 : -1) * Math.abs(b) * 1e-9; });
        state.ranges[figure] = ranges && ranges.map(eased);
      }
    });
    fields();
    later();
  };

  const drawFront = (k, visible, best) => {
    const [x, y] = pairs[k], has = (d) => d.values[x] !== null && d.values[y] !== null;
    const points = (of) => ({
      x: of.map((d) => d.values[x]), y: of.map((d) => d.values[y]), customdata: of.map((d) => d.design),
      text: of.map((d) => plain(`${words(d)}\n${named(x)} ${shown(d, x)}\n${named(y)} ${shown(d, y)}`).replace(/\n/g, "<br>")),
      hovertemplate: "%{text}<extra></extra>", type: "scatter",
    });
    const shownSet = new Set(visible), away = designs.filter((d) => has(d) && !shownSet.has(d)), chosen = state.chosen;
    const half = best.map((d) => d.halves[y] ?? 0);
    const traces = [
      { ...points(away), mode: "markers", marker: { color: "var(--faint)", size: 4, opacity: 0.45 }, hoverinfo: "skip", hovertemplate: null },
      { ...points(visible.filter(has)), mode: "markers", marker: { color: "var(--series-1)", size: 6, opacity: 0.75 } },
      { ...points(best), mode: "lines+markers", line: { color: "var(--series-2)", width: 1.5 }, marker: { color: "var(--series-2)", size: 8 },
        error_y: { type: "data", array: half, visible: half.some((h) => h > 0), color: "var(--series-2)", thickness: 1, width: 3 } },
      { ...points(chosen && has(chosen) ? [chosen] : []), mode: "markers", marker: { color: "rgba(0,0,0,0)", size: 16, line: { color: "var(--ink)", width: 2 } }, hoverinfo: "skip", hovertemplate: null },
    ];
    /* The same axes whatever the filter keeps; an interval may reach beyond. */
    const scaleOf = (f) => {
      const there = designs.flatMap((d) => (d.values[f] === null ? [] : [logged(f, d.values[f])]));
      const low = Math.min(...there), high = Math.max(...there), room = 0.06 * (high - low) || 0.5;
      return { title: named(f), type: figures[f].log ? "log" : "linear", range: [low - room, high + room], ...(figures[f].log ? { dtick: "D2" } : {}) };
    };
    report.draw(at(`front-${k}`), { traces, layout: { xaxis: scaleOf(x), yaxis: scaleOf(y), showlegend: false, height: 320, hovermode: "closest" } });
  };
  /* What is seen is drawn first, a chart a frame, so that a brush can be dragged over thousands of designs; the rest when it is seen. */
  const todo = new Map(), seen = new Set();
  let drawing = false;
  const drawNext = () => {
    const next = [...todo.keys()].find((k) => seen.has(k));
    drawing = next !== undefined;
    document.documentElement.dataset.drawing = drawing ? "yes" : "no";
    if (!drawing) return;
    const work = todo.get(next);
    todo.delete(next);
    work();
    requestAnimationFrame(drawNext);
  };
  const watch = () => {
    const observer = new IntersectionObserver((entries) => {
      for (const e of entries) seen[e.isIntersecting ? "add" : "delete"](Number(e.target.dataset.pair));
      if (!drawing) drawNext();
    }, { rootMargin: "200px" });
    pairs.forEach((_, k) => { at(`front-${k}`).dataset.pair = k; observer.observe(at(`front-${k}`)); });
    addEventListener("beforeprint", () => { for (const work of todo.values()) work(); todo.clear(); });
  };
  const fronts = (visible) => pairs.map(([x, y], k) => {
    const best = front(visible, [x, y]);
    at(`front-${k}`).dataset.front = best.map((d) => d.design).join(" ");
    const listed = best.slice(0, 12).map((d) => `${words(d)} (${shown(d, x)}; ${shown(d, y)})`).join(" · ");
    at(`front-${k}-words`).textContent = best.length
      ? `On the front, ${best.length} of ${visible.length.toLocaleString("en")}: ${listed}${best.length > 12 ? " · …" : ""}`
      : "The filter keeps no design that has both figures.";
    todo.set(k, () => drawFront(k, visible, best));
    if (!drawing) requestAnimationFrame(drawNext);
    return best;
  });

  /* The table: the first rows of what the filter keeps, all of them when asked for. */
  const FIRST_ROWS = 100;
  let everything = false, best = new Set();
  const value = (d, by) => {
    if (by === "design") return d.design;
    const [kind, k] = by.split(" ");
    return kind === "axis" ? d.labels[k] : d.values[k];
  };
  const sorted = () => {
    const { by, down } = state.sort;
    return designs.filter(kept).sort((a, b) => {
      const x = value(a, by), y = value(b, by);
      if (x === null || y === null) return (x === null) - (y === null) || a.design - b.design;
      return (down ? y - x : x - y) || a.design - b.design;
    });
  };
  const line = (d) => {
    const open = element("button", { type: "button", "aria-label": `Show design ${d.design}` }, String(d.design));
    open.addEventListener("click", () => choose(d.design));
    return element("tr", { "data-design": d.design, class: best.has(d) ? "best" : "", "aria-selected": String(state.chosen === d) },
      element("th", { scope: "row" }, open),
      ...axes.map((a, k) => element("td", {}, a.labels[d.labels[k]])),
      ...state.columns.map((k) => element("td", { class: "number" }, shown(d, k))));
  };
  const order = () => {
    const all = sorted(), some = everything ? all : all.slice(0, FIRST_ROWS);
    at("grid").tBodies[0].replaceChildren(...some.map(line));
    at("more").hidden = some.length === all.length;
    at("more").textContent = `Show all ${all.length.toLocaleString("en")}`;
    for (const heading of at("grid").tHead.rows[0].cells) {
      const { by, down } = state.sort;
      if (heading.dataset.by === by) heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
  };
  const grid = () => {
    const heading = (text, by, meaning) => {
      const button = element("button", { type: "button", ...(meaning ? { "data-tip": meaning, "aria-description": meaning } : {}) }, text);
      button.addEventListener("click", () => {
        const more = by.startsWith("figure") && figures[by.split(" ")[1]].better === "more";
        state.sort = { by, down: state.sort.by === by ? !state.sort.down : more };
        order();
      });
      return element("th", { scope: "col", "data-by": by }, button);
    };
    const head = element("thead", {}, element("tr", {},
      heading("design", "design", "number of the design, in the order of the axes"),
      ...axes.map((a, k) => heading(a.name, `axis ${k}`, "axis of the study")),
      ...state.columns.map((k) => heading(named(k), `figure ${k}`, figures[k].meaning))));
    at("grid").replaceChildren(element("caption", {}, "Designs of the study"), head, element("tbody"));
  };

  /* Fields that do what a brush does. */
  const boxes = [], spans = [];
  const makeFields = () => {
    axes.forEach((a, k) => {
      boxes[k] = a.labels.map((label, v) => {
        const box = element("input", { type: "checkbox", checked: "" });
        box.addEventListener("change", () => {
          const on = boxes[k].flatMap((b, at) => (b.checked ? [at] : []));
          state.labels[k] = on.length === a.labels.length ? null : new Set(on);
          parallel().then(listen);
          later();
        });
        return box;
      });
      const labels = a.labels.map((label, v) => element("label", {}, boxes[k][v], ` ${label}`));
      at("ranges").append(element("fieldset", {}, element("legend", {}, a.name), element("div", { class: "labels" }, ...labels)));
    });
    figures.forEach((f, k) => {
      const there = designs.map((d) => d.values[k]).filter((v) => v !== null);
      const ends = [Math.min(...there), Math.max(...there)];
      spans[k] = ["least", "most"].map((side, at) => {
        const field = element("input", { type: "number", step: "any", placeholder: digits(k, ends[at]), "aria-label": `${side} ${named(k)}` });
        field.addEventListener("change", () => {
          const [low, high] = spans[k].map((s) => (s.value === "" ? null : Number(s.value)));
          state.ranges[k] = low === null && high === null ? null : [[low ?? -Infinity, high ?? Infinity]];
          parallel().then(listen);
          later();
        });
        return field;
      });
      const legend = element("legend", {}, element("span", { class: "term", tabindex: 0, "data-tip": f.meaning, "aria-description": f.meaning }, named(k)));
      const set = element("fieldset", { "data-figure": k }, legend, element("div", { class: "span" }, spans[k][0], "to", spans[k][1]));
      set.hidden = !state.columns.includes(k);
      at("ranges").append(set);
    });
    figures.forEach((f, k) => {
      if (f.first) return;
      const box = element("input", { type: "checkbox" });
      box.addEventListener("change", () => {
        state.columns = figures.map((_, c) => c).filter((c) => (c === k ? box.checked : state.columns.includes(c)));
        if (!box.checked) state.ranges[k] = null;
        document.querySelector(`[data-figure="${k}"]`).hidden = !box.checked;
        grid();
        parallel().then(listen);
        update();
      });
      at("columns").append(element("label", {}, box, ` ${named(k)}`));
    });
    at("columns").parentElement.hidden = figures.every((f) => f.first);
  };
  const fields = () => {
    axes.forEach((_, k) => boxes[k].forEach((box, v) => { box.checked = !state.labels[k] || state.labels[k].has(v); }));
    figures.forEach((_, k) => spans[k].forEach((field, side) => {
      const range = state.ranges[k];
      const end = range && (side ? Math.max(...range.map((r) => r[1])) : Math.min(...range.map((r) => r[0])));
      field.value = range && Number.isFinite(end) ? Number(end.toPrecision(5)) : "";
    }));
  };

  /* One design: its figures, its configuration, and what repeats it. */
  const close = () => {
    const from = state.chosen;
    at("chosen").hidden = true;
    state.chosen = null;
    update();
    document.querySelector(`#grid [data-design="${from.design}"] button`)?.focus();
  };
  const command = (text) => {
    const box = element("div", { class: "command" }, element("pre", { tabindex: 0 }, element("code", {}, text)));
    report.copying(box);
    return box;
  };
  const choose = (number) => {
    const d = designs.find((one) => one.design === number);
    state.chosen = d;
    const rows = figures.flatMap((f, k) => (d.values[k] === null ? [] : [element("tr", {},
      element("th", { scope: "row" }, element("span", { class: "term", tabindex: 0, "data-tip": f.meaning, "aria-description": f.meaning }, f.title)),
      element("td", {}, shown(d, k)), element("td", {}, f.unit))]));
    const keys = d.keys.map(([key, value]) => element("tr", {}, element("th", { scope: "row" }, element("code", {}, key)), element("td", {}, element("code", {}, value))));
    const parts = [element("h2", {}, words(d)), element("p", { class: "note" }, `Design ${d.design}${d.failed ? `, ${d.failed} of its points failed` : ""}`)];
    parts.push(element("h3", {}, "Configuration"));
    parts.push(keys.length ? element("table", {}, element("caption", {}, "Keys that this design sets"), element("tbody", {}, ...keys)) : element("p", {}, d.settings === null ? "Not recorded in this directory." : "As every design."));
    parts.push(element("p", { class: "note" }, "All other keys are those of base.yaml, below the table of designs."));
    parts.push(element("h3", {}, "Commands that repeat it, in the directory of this report"));
    const made = d.settings === null ? [] : known.commands.filter(([, c]) => c);
    for (const [measurement, c] of made) parts.push(element("p", { class: "note" }, measurement), command([c, d.settings, `${known.seed} ${known.seeds[0]}`].filter(Boolean).join(" ")));
    if (made.length && known.seeds.length > 1) parts.push(element("p", { class: "note" }, `Other seeds of the study: ${known.seeds.slice(1, 20).join(", ")}${known.seeds.length > 20 ? ", …" : ""}.`));
    if (!made.length) parts.push(command(known.whole));
    parts.push(element("h3", {}, "Figures"), element("table", {}, element("caption", {}, "Figures of this design"), element("tbody", {}, ...rows)));
    at("chosen-content").replaceChildren(...parts);
    at("chosen").hidden = false;
    at("chosen").scrollTop = 0;
    at("chosen").focus();
    update();
  };

  const update = () => {
    const visible = designs.filter(kept);
    best = new Set(fronts(visible).flat());
    order();
    at("count").textContent = `${visible.length.toLocaleString("en")} of ${designs.length.toLocaleString("en")} designs`;
  };
  /* A brush tells of every step: what follows is drawn once a frame. */
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; update(); });
  };
  let heard = false;
  const listen = () => {
    if (heard) return;
    heard = true;
    at("parallel").on("plotly_restyle", brushed);
  };

  const ready = report.ready.then(async () => {
    document.documentElement.dataset.ready = "almost";
    makeFields();
    grid();
    await parallel();
    listen();
    watch();
    update();
    pairs.forEach((_, k) => { todo.get(k)(); todo.delete(k); });
    pairs.forEach((_, k) => at(`front-${k}`).on("plotly_click", (event) => {
      const of = event.points.find((p) => p.customdata !== undefined);
      if (of) choose(of.customdata);
    }));
    at("search").addEventListener("input", () => { state.search = at("search").value.trim().toLowerCase(); later(); });
    at("reset").addEventListener("click", () => {
      state.labels.fill(null);
      state.ranges.fill(null);
      state.search = at("search").value = "";
      fields();
      parallel();
      update();
    });
    at("more").addEventListener("click", () => { everything = true; order(); });
    document.querySelector("#chosen .close").addEventListener("click", close);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !at("chosen").hidden) close(); });
    document.documentElement.dataset.ready = "yes";
  });
  return { state, ready };
})();
