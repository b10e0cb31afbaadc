// Clusters of prompts as points; a click opens the rows of a cluster. SVG points, not WebGL: that takes seconds without a GPU.
// Data: {"points": [[x, y, cluster]], "names": {"0": "words"}} from a json_script element. The table beside it says the same.

import { font, palette } from "./run-figure.js";

// Okabe and Ito's colours, told apart with any colour vision, each with a shape of its own; black and yellow are left out for the two grounds.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
const SHAPES = ["circle", "square", "diamond", "cross", "triangle-up", "star", "x", "triangle-down", "pentagon", "hexagon"];

function draw(element, { points, names }) {
  const colours = palette();
  const groups = new Map();
  for (const [x, y, cluster] of points) {
    if (!groups.has(cluster)) groups.set(cluster, { x: [], y: [] });
    groups.get(cluster).x.push(x);
    groups.get(cluster).y.push(y);
  }
  const traces = [...groups].sort(([a], [b]) => a - b).map(([cluster, { x, y }], place) => ({
    type: "scatter", mode: "markers", x, y, meta: cluster, name: `${cluster}: ${names[cluster] || "no words of its own"}`, showlegend: place < 10,
    marker: { size: 7, opacity: 0.8, symbol: place < 10 ? SHAPES[place] : "circle-open", color: place < 10 ? COLOURS[place % COLOURS.length] : colours.baseline },
    hovertemplate: "%{fullData.name}<extra></extra>",
  }));
  const axis = { visible: false, fixedrange: false };
  const narrow = element.clientWidth < 640;
  const layout = {
    autosize: true, height: narrow ? 480 : 416, margin: { l: 4, r: 4, t: 4, b: 4 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: font(colours), hovermode: "closest", dragmode: "zoom", xaxis: axis, yaxis: axis,
    hoverlabel: { bgcolor: colours.sheet, bordercolor: colours.strong, font: { ...font(colours), color: colours.ink } },
    legend: { font: { ...font(colours), size: 11 }, itemclick: false, itemdoubleclick: false, ...(narrow ? { orientation: "h", y: -0.02, yanchor: "top" } : {}) },
  };
  const plot = element.querySelector(".chart-plot");
  window.Plotly.react(plot, traces, layout, { displayModeBar: false, responsive: true, doubleClick: "reset" });
  plot.removeAllListeners?.("plotly_click");
  plot.on("plotly_click", ({ points: [point] }) => { window.location.href = `${element.dataset.rowsUrl}?cluster=${point.data.meta}`; });
}

function all() {
  for (const element of document.querySelectorAll("[data-cluster-map]")) {
    const data = JSON.parse(document.getElementById(element.dataset.clusterMap).textContent);
    if (data?.points?.length) draw(element, data);
  }
}

all();
document.addEventListener("theme:change", all);
document.addEventListener("htmx:afterSwap", all);
