// Token lengths as bars with the cutoff as a line; the part past it is drawn in the limit's colour and hatched.
// Data: {"edges": [n+1 numbers], "counts": [n], "cutoff": number|null, "unit": "tokens"} from a json_script element.

import { font, palette } from "./run-figure.js";

function draw(element, data) {
  const colours = palette();
  const { edges, counts, cutoff, unit = "tokens" } = data;
  const past = (i) => cutoff !== null && cutoff !== undefined && edges[i] >= cutoff;
  const bars = {
    type: "bar", x: counts.map((_, i) => (edges[i] + edges[i + 1]) / 2), width: counts.map((_, i) => (edges[i + 1] - edges[i]) * 0.94), y: counts,
    marker: { color: counts.map((_, i) => (past(i) ? colours.limit : colours.baseline)),
      pattern: { shape: counts.map((_, i) => (past(i) ? "/" : "")), fgcolor: colours.sheet, size: 6, solidity: 0.25 } },
    customdata: counts.map((_, i) => [edges[i], edges[i + 1]]), hovertemplate: `%{y:,} rows of %{customdata[0]:,} to %{customdata[1]:,} ${unit}<extra></extra>`,
  };
  const top = Math.max(edges[edges.length - 1], cutoff && cutoff < edges[edges.length - 1] * 1.6 ? cutoff * 1.04 : 0);
  const axis = { gridcolor: colours.rule, linecolor: colours.strong, zeroline: false, tickfont: font(colours), fixedrange: true, automargin: true };
  const layout = {
    autosize: true, height: 240, showlegend: false, bargap: 0, margin: { l: 48, r: 12, t: 20, b: 40 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: font(colours), dragmode: false, hoverlabel: { bgcolor: colours.sheet, bordercolor: colours.strong, font: { ...font(colours), color: colours.ink } },
    xaxis: { ...axis, title: { text: `${unit} in a row`, standoff: 6 }, range: [edges[0], top] }, yaxis: { ...axis, title: { text: "rows", standoff: 6 } },
    shapes: [], annotations: [],
  };
  if (cutoff && cutoff <= top) {
    layout.shapes.push({ type: "line", x0: cutoff, x1: cutoff, yref: "paper", y0: 0, y1: 1, line: { color: colours.limit, width: 1.5, dash: "dash" } });
    layout.annotations.push({ x: cutoff, xanchor: cutoff > top * 0.6 ? "right" : "left", yref: "paper", y: 1.02, yanchor: "bottom", text: `cutoff ${cutoff.toLocaleString("en")}`, showarrow: false, font: { ...font(colours), size: 11, color: colours.limit } });
  }
  window.Plotly.react(element.querySelector(".chart-plot"), [bars], layout, { displayModeBar: false, responsive: true });
}

function table(element, { edges, counts, unit = "tokens" }) {
  const out = document.createElement("table");
  out.className = "ledger";
  const head = out.createTHead().insertRow();
  for (const words of [`${unit}, from`, "to", "rows"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = "num";
    cell.textContent = words;
    head.append(cell);
  }
  const body = out.createTBody();
  counts.forEach((count, i) => {
    const row = body.insertRow();
    for (const value of [edges[i], edges[i + 1], count]) {
      const cell = row.insertCell();
      cell.className = "num";
      cell.textContent = Math.round(value).toLocaleString("en");
    }
  });
  element.querySelector(".chart-table .ledger-wrap")?.replaceChildren(out);
}

function set(element) {
  const data = JSON.parse(document.getElementById(element.dataset.histogram).textContent);
  if (!data?.counts?.length) return;
  draw(element, data);
  table(element, data);
}

const all = (root) => { for (const element of root.querySelectorAll("[data-histogram]")) set(element); };
all(document);
document.addEventListener("theme:change", () => all(document));
document.addEventListener("htmx:afterSwap", (event) => all(event.target));
