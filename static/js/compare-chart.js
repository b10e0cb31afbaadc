// The figures of the compare page: bars with 95 % intervals, one small panel a measure, or a radar. plotly is fetched when the
// fold is opened for the first time. Data: {"systems": [{name, role}], "measures": [{label, unit, figures: [{value, low, high, n}|null]}]}.

import { font, palette } from "./run-figure.js";

const DASHES = ["dot", "dash", "dashdot", "longdash", "longdashdot", "5px,2px"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "star"];
const SIGNS = ["●", "■", "◆", "▲", "✚", "★"];
const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false };
const PANEL_HEIGHT = 190;

const percent = (unit) => unit === "share";
const shown = (value, unit) => (percent(unit) ? value * 100 : value);
const told = (value, unit) => (percent(unit) ? `${(value * 100).toFixed(1)} %` : unit === "seconds" ? `${value.toFixed(2)} s` : value.toFixed(unit === "tokens" ? 0 : 3));
const colour = (role, colours) => (role === "baseline" ? colours.baseline : role === "candidate" ? colours.tuned : colours.ink);
const pale = (rgb, share) => rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${share})`);
const words = (system, figure, unit) => `${system.name}<br>${told(figure.value, unit)}${figure.low === null ? "" : `, ${told(figure.low, unit)} to ${told(figure.high, unit)}`}, n = ${figure.n}`;
// Names come from people; plotly reads a little markup in texts.
const plain = (text) => text.replace(/[<>&]/g, (sign) => ({ "<": "‹", ">": "›", "&": "＆" })[sign]);

function bars(data, colours, width) {
  const columns = Math.max(1, Math.min(4, Math.floor(width / 230), data.measures.length));
  const rows = Math.ceil(data.measures.length / columns);
  const traces = [];
  const figure = { annotations: [], height: rows * PANEL_HEIGHT + 20 };
  data.measures.forEach((measure, place) => {
    const name = place ? String(place + 1) : "";
    const [column, row] = [place % columns, Math.floor(place / columns)];
    const x = [column / columns + 0.035, (column + 1) / columns - 0.005];
    const y = [1 - (row + 1) / rows + 0.24 / rows, 1 - row / rows - 0.14 / rows];
    const axis = { gridcolor: colours.rule, linecolor: colours.strong, zeroline: false, tickfont: { ...font(colours), size: 11 }, fixedrange: true };
    figure[`xaxis${name}`] = { ...axis, domain: x, anchor: `y${name}`, showgrid: false, type: "category" };
    figure[`yaxis${name}`] = { ...axis, domain: y, anchor: `x${name}`, rangemode: "tozero", nticks: 4, ticksuffix: percent(measure.unit) ? " %" : measure.unit === "seconds" ? " s" : "",
      ...(percent(measure.unit) ? { range: [0, 104] } : {}) };
    figure.annotations.push({ text: measure.label, xref: "paper", yref: "paper", x: x[0], xanchor: "left", y: y[1], yanchor: "bottom", yshift: 4, showarrow: false, font: { ...font(colours), color: colours.ink } });
    const there = data.systems.map((system, i) => ({ system, i, figure: measure.figures[i] })).filter((one) => one.figure);
    const known = (one, end) => (one.figure[end] === null ? 0 : Math.abs(shown(one.figure[end], measure.unit) - shown(one.figure.value, measure.unit)));
    traces.push({
      type: "bar", xaxis: `x${name}`, yaxis: `y${name}`, x: there.map((one) => String(one.i + 1)), y: there.map((one) => shown(one.figure.value, measure.unit)), width: 0.62,
      // Pale, so that the whiskers are seen on them; the number under each says whose it is.
      marker: { color: there.map((one) => pale(colour(one.system.role, colours), one.system.role ? 0.4 : 0.12)), line: { color: there.map((one) => colour(one.system.role, colours)), width: 1.5 } },
      error_y: { type: "data", symmetric: false, array: there.map((one) => known(one, "high")), arrayminus: there.map((one) => known(one, "low")), color: colours.ink, thickness: 1.5, width: 5 },
      customdata: there.map((one) => words({ name: plain(one.system.name) }, one.figure, measure.unit)), hovertemplate: "%{customdata}<extra></extra>",
    });
  });
  return { traces, figure, note: "Whiskers are 95 % intervals. Where they overlap much, a difference is not shown by the picture; the paired test in the table says." };
}

// The vendored plotly has no polar axes: a radar is lines in plane coordinates.
function radar(data, colours) {
  const measures = data.measures.filter((one) => (one.unit === "share" || one.unit === "score") && one.figures.every((f) => !f || (f.value >= 0 && f.value <= 1)));
  if (measures.length < 3) return { note: `A radar needs at least three measures between 0 and 1; this evaluation has ${measures.length}.` };
  const at = (i, r) => { const angle = Math.PI / 2 - (2 * Math.PI * i) / measures.length; return [r * Math.cos(angle), r * Math.sin(angle)]; };
  const ring = (r) => { const points = [...measures.keys(), 0].map((i) => at(i, r)); return { x: points.map((p) => p[0]), y: points.map((p) => p[1]) }; };
  const grid = { type: "scatter", mode: "lines", line: { color: colours.rule, width: 1 }, hoverinfo: "skip" };
  const traces = [0.25, 0.5, 0.75, 1].map((r) => ({ ...grid, ...ring(r) }));
  measures.forEach((_, i) => { const [x, y] = at(i, 1); traces.push({ ...grid, x: [0, x], y: [0, y] }); });
  data.systems.forEach((system, i) => {
    if (measures.some((one) => !one.figures[i])) return;
    const points = [...measures.keys(), 0].map((m) => at(m, measures[m].figures[i].value));
    traces.push({
      type: "scatter", mode: "lines+markers", x: points.map((p) => p[0]), y: points.map((p) => p[1]), line: { color: colour(system.role, colours), width: system.role ? 2.5 : 1.5, dash: system.role ? "solid" : DASHES[i] },
      marker: { symbol: SYMBOLS[i], size: 7 }, customdata: [...measures, measures[0]].map((one) => `${one.label}<br>${words({ name: plain(system.name) }, one.figures[i], one.unit)}`), hovertemplate: "%{customdata}<extra></extra>",
    });
  });
  const hidden = { visible: false, range: [-1.2, 1.2], fixedrange: true };
  const label = (one, i) => { const [x, y] = at(i, 1.12); return { text: one.label, x, y, showarrow: false, xanchor: Math.abs(x) < 0.1 ? "center" : x > 0 ? "left" : "right", font: { ...font(colours), color: colours.ink } }; };
  const scale = [0.5, 1].map((r) => ({ text: String(r), x: 0, y: r * 0.99, xanchor: "right", xshift: -3, showarrow: false, font: { ...font(colours), size: 10 } }));
  return { traces, figure: { height: 400, xaxis: hidden, yaxis: { ...hidden, scaleanchor: "x" }, annotations: [...measures.map(label), ...scale] },
    note: "A radar has no room for intervals: read differences from the bars or the table." };
}

function draw(element, kind) {
  const plot = element.querySelector(".chart-plot");
  const data = JSON.parse(document.getElementById(element.dataset.compareChart).textContent);
  const colours = palette();
  const made = kind === "radar" ? radar(data, colours) : bars(data, colours, plot.clientWidth);
  element.querySelector("[data-chart-note]").textContent = made.note;
  element.querySelectorAll(".compare-key li").forEach((item, i) => { if (kind === "radar" && made.traces) item.dataset.mark = SIGNS[i]; else delete item.dataset.mark; });
  plot.hidden = !made.traces;
  if (!made.traces) return;
  plot.style.minHeight = `${made.figure.height}px`;
  window.Plotly.react(plot, made.traces, { autosize: true, showlegend: false, dragmode: false, margin: { l: 28, r: 8, t: 12, b: 8 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: font(colours), hoverlabel: { bgcolor: colours.sheet, bordercolor: colours.strong, align: "left", font: { ...font(colours), color: colours.ink } }, ...made.figure }, CONFIG);
}

function fetched(address) {
  fetched.once ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
  });
  return fetched.once;
}

for (const element of document.querySelectorAll("[data-compare-chart]")) {
  const fold = element.closest("details");
  const kind = () => element.querySelector("[name=chart-kind]:checked").value;
  const again = () => fetched(element.dataset.plotly).then(() => draw(element, kind()));
  fold.addEventListener("toggle", () => { if (fold.open) again(); });
  element.addEventListener("change", again);
  document.addEventListener("theme:change", () => { if (fold.open) again(); });
  element.querySelector('[data-action="png"]').addEventListener("click", () => window.Plotly?.downloadImage(element.querySelector(".chart-plot"), { format: "png", filename: element.dataset.name, width: 1280, height: 640, scale: 2 }));
  if (fold.open) again();
}
