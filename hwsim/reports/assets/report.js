"use strict";
/* Charts in the colours of the page, the meaning of a figure under the pointer and at the focus, and buttons that copy. */
const report = (() => {
  const parsed = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
  const plots = new Map();

  /* "var(--name)" anywhere in a chart is the page's colour of that name, by day or by night. */
  const styles = getComputedStyle(document.documentElement);
  const coloured = (value) => {
    if (typeof value === "string") return value.replace(/var\((--[\w-]+)\)/g, (_, name) => styles.getPropertyValue(name).trim());
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v)]));
    return value;
  };
  const axis = { gridcolor: "var(--line)", linecolor: "var(--faint)", zeroline: false, automargin: true, ticks: "" };
  const layoutOf = (own) => {
    const { xaxis, yaxis, ...others } = own;
    const titled = (a) => ({ ...axis, ...a, title: { text: a?.title ?? "", font: { size: 12 } } });
    return coloured({
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true, height: 300,
      font: { color: "var(--muted)", size: 12, family: "var(--sans)" }, colorway: [1, 2, 3, 4, 5, 6].map((k) => `var(--series-${k})`),
      margin: { l: 56, r: 12, t: 12, b: 44 }, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
      hoverlabel: { bgcolor: "var(--ink)", bordercolor: "var(--ink)", font: { color: "var(--paper)", size: 12 } },
      ...others, xaxis: titled(xaxis), yaxis: titled(yaxis),
    });
  };
  const settings = { responsive: true, displaylogo: false, displayModeBar: false };

  /* Draws a chart, or draws it anew; what a caller gives once is kept for changes of colour. */
  const draw = (element, spec) => {
    plots.set(element, spec);
    return Plotly.react(element, coloured(spec.traces), spec.plain ? coloured(spec.layout) : layoutOf(spec.layout), settings);
  };
  const redraw = () => Promise.all([...plots].map(([element, spec]) => draw(element, spec)));

  const unpacked = async (id) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const library = async () => {
    if (!document.getElementById("plotly")) return false;
    const script = document.createElement("script");
    script.textContent = await unpacked("plotly");
    document.head.append(script);
    return true;
  };

  const ready = library().then(async (there) => {
    if (!there) return;
    const specs = parsed("charts") ?? {};
    for (const element of document.querySelectorAll("[data-chart]")) await draw(element, specs[element.dataset.chart]);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    addEventListener("beforeprint", redraw);
    addEventListener("afterprint", redraw);
  }).catch((error) => {
    for (const element of document.querySelectorAll(".plot")) {
      element.textContent = `This browser cannot draw the chart (${error.message}); the tables hold the same figures.`;
      element.classList.add("problem");
    }
    throw error;
  }).finally(() => { document.documentElement.dataset.ready = "yes"; });

  const tip = document.getElementById("tip");
  const show = (event) => {
    const of = event.target.closest?.("[data-tip]");
    tip.hidden = !of;
    if (!of) return;
    tip.textContent = of.dataset.tip;
    const at = of.getBoundingClientRect(), own = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(at.left, innerWidth - own.width - 8))}px`;
    tip.style.top = `${at.bottom + own.height + 10 < innerHeight ? at.bottom + 6 : at.top - own.height - 6}px`;
  };
  for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, show);
  for (const kind of ["focusout", "scroll"]) document.addEventListener(kind, () => { tip.hidden = true; }, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

  const copying = (box) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy the command");
    button.addEventListener("click", async () => {
      const text = box.querySelector("code").textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(box.querySelector("code"));
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.append(button);
  };
  document.querySelectorAll(".command").forEach(copying);
  return { parsed, draw, coloured, ready, copying };
})();
