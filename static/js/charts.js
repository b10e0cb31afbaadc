// One run's curves, stacked over one x-axis: loss (train solid, validation dashed) over what its method measures over forgetting (change by measure against
// the baseline, limit in red) over throughput. Fed by "run:event" (live.js); _run_chart.html is the frame.
// Points are gathered for 250 ms and drawn once, so a busy run costs at most four draws a second.

import { RunSeries } from "./run-series.js";
import { drawn, layout, palette, probeKey, traces } from "./run-figure.js";

const DRAW_MS = 250;
const MAX_TABLE_ROWS = 500;
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: "reset", scrollZoom: false };

export class RunChart {
  constructor(element) {
    this.element = element;
    this.plot = element.querySelector(".chart-plot");
    this.limit = Number(element.dataset.limit ?? -0.05);
    this.panels = JSON.parse(element.dataset.panels || "[]");
    this.series = new RunSeries(this.panels.flatMap((panel) => panel.lines.map(([name]) => name)));
    this.options = { log: remembered("log"), smooth: remembered("smooth") };
    for (const box of element.querySelectorAll("[data-option]")) {
      box.checked = this.options[box.dataset.option];
      box.addEventListener("change", () => this.choose(box.dataset.option, box.checked));
    }
    for (const button of element.querySelectorAll("[data-action]")) {
      button.addEventListener("click", () => this[button.dataset.action]());
    }
    element.querySelector("details.chart-table")?.addEventListener("toggle", () => this.table());
    document.addEventListener("theme:change", () => this.soon(true));
    // A tab that was hidden drew nothing; it draws once when it is looked at.
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.soon(true); });
  }

  add(event) {
    const change = this.series.add(event);
    if (change) this.soon(change === "rewound" || change === "new");
  }

  soon(whole) {
    this.whole ||= whole;
    this.timer ??= setTimeout(() => { this.timer = null; this.draw(); }, DRAW_MS);
  }

  draw() {
    const waiting = this.element.querySelector('[data-part="waiting"]');
    const empty = this.series.empty();
    if (waiting) waiting.hidden = !empty;
    if (empty || document.hidden) return;
    const fresh = this.series.takeFresh();
    if (this.whole || !this.drawn) this.redraw();
    else this.extend(fresh);
    this.whole = false;
    this.describe();
    if (this.element.querySelector("details.chart-table")?.open) this.table();
  }

  redraw() {
    const colours = palette();
    const zoom = this.plot.layout?.xaxis?.autorange === false ? this.plot.layout.xaxis.range : null;
    const figure = layout(this.series, this.options, colours, this.limit, this.plot.clientWidth, this.panels);
    if (zoom) Object.assign(figure.xaxis, { range: zoom, autorange: false });
    this.figure = traces(this.series, this.options, colours, this.panels);
    window.Plotly.react(this.plot, this.figure, figure, CONFIG);
    this.drawn = true;
    this.key();
  }

  key() {
    const place = this.element.querySelector('[data-part="probes"]');
    place?.replaceChildren(...probeKey(this.series).map(([sign, words]) => {
      const item = document.createElement("li");
      item.className = "key-mark";
      item.dataset.mark = sign;
      item.textContent = words;
      return item;
    }));
  }

  extend(fresh) {
    const update = { x: [], y: [] };
    const which = [];
    this.figure.forEach((trace, index) => {
      const points = fresh.get(trace.meta);
      if (!points?.x.length) return;
      update.x.push(points.x);
      update.y.push(drawn(trace.meta, this.panels, points.y));
      which.push(index);
    });
    if (which.length) window.Plotly.extendTraces(this.plot, update, which);
  }

  describe() {
    const words = this.series.latest().map(([name, value]) => `${name} ${value}`).join(", ");
    this.plot.setAttribute("aria-label", `Loss, forgetting and throughput by step. Latest: ${words}. The values are in the table below.`);
  }

  choose(option, on) {
    this.options[option] = on;
    remember(option, on);
    this.soon(true);
  }

  reset() { if (this.drawn) window.Plotly.relayout(this.plot, { "xaxis.autorange": true, "yaxis.autorange": true, "yaxis3.autorange": true,
    ...Object.fromEntries(this.panels.map((_, i) => [`yaxis${4 + i}.autorange`, true])) }); }

  png() {
    if (!this.drawn) return;
    window.Plotly.downloadImage(this.plot, { format: "png", filename: this.element.dataset.name, width: 1280, height: 800, scale: 2 });
  }

  csv() {
    const { head, rows } = this.series.rows();
    const text = [head, ...rows].map((row) => row.map((cell) => cell ?? "").join(",")).join("\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/csv" }));
    link.download = `${this.element.dataset.name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  table() {
    const place = this.element.querySelector("details.chart-table .ledger-wrap");
    if (!place.closest("details").open) return;
    const { head, rows } = this.series.rows();
    const table = document.createElement("table");
    table.className = "ledger";
    if (rows.length > MAX_TABLE_ROWS) table.createCaption().textContent = `The last ${MAX_TABLE_ROWS} of ${rows.length} steps; the CSV file has all.`;
    const headRow = table.createTHead().insertRow();
    for (const name of head) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = "num";
      cell.textContent = name.replaceAll("_", " ");
      headRow.append(cell);
    }
    const body = table.createTBody();
    for (const row of rows.slice(-MAX_TABLE_ROWS)) {
      const line = body.insertRow();
      for (const value of row) {
        const cell = line.insertCell();
        cell.className = "num";
        cell.textContent = value === null ? "" : Number.isInteger(value) ? value : Number(value).toPrecision(5);
      }
    }
    place.replaceChildren(table);
  }
}

function remembered(option) { try { return localStorage.getItem(`workbench-chart-${option}`) === "1"; } catch { return false; } }
function remember(option, on) { try { localStorage.setItem(`workbench-chart-${option}`, on ? "1" : "0"); } catch { /* for this page only */ } }

for (const element of document.querySelectorAll("[data-run-chart]")) {
  element.runChart = new RunChart(element);
  document.addEventListener("run:event", (event) => element.runChart.add(event.detail));
}
