// How a run's series are drawn: traces and layout for Plotly, in the page's colours. Knows no events.
// `panels` are the method's own charts, between loss and forgetting: [{title, percent, lines: [[name, words], …]}, …].

const PROBE_DASHES = ["solid", "dot", "dashdot", "longdash"];
const PROBE_SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "star"];
const PROBE_SIGNS = ["●", "■", "◆", "▲", "✚", "★"];

export function palette() {
  // light-dark() in a custom property is resolved only where it is used: ask through a real colour.
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const read = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const colours = { ink: read("--ink"), quiet: read("--ink-2"), rule: read("--rule"), sheet: read("--sheet"), strong: read("--rule-strong"),
    tuned: read("--tuned"), baseline: read("--baseline"), forgetting: read("--forgetting"), limit: read("--limit") };
  probe.remove();
  return colours;
}

export function font(colours) {
  return { family: "Inter, system-ui, sans-serif", size: 12, color: colours.quiet };
}

// A point as it is drawn: shares in percent.
export function drawn(meta, panels, y) {
  const percent = meta.startsWith("probe:") || meta.startsWith("suite:") || panels.some((panel) => panel.percent && has(panel, meta));
  return percent ? y.map((v) => v * 100) : [...y];
}

function has(panel, meta) { return panel.lines.some(([name]) => meta === `own:${name}` || meta === `own:eval_${name}`); }

export function traces(series, options, colours, panels = []) {
  const line = (name, meta, yaxis, style, extra = {}) => {
    const { x, y } = series.get(meta);
    return { type: "scatter", name, meta, cliponaxis: false, x: [...x], y: drawn(meta, panels, y), yaxis, line: style, ...extra };
  };
  // One marker is all a series of one point can show.
  const mode = (meta, many = "lines") => (series.get(meta).x.length < 2 ? "lines+markers" : many);
  const list = [
    line(options.smooth ? "train loss, each" : "train loss", "train", "y", { color: colours.tuned, width: options.smooth ? 1 : 2 },
      { mode: mode("train"), opacity: options.smooth ? 0.35 : 1, hovertemplate: "%{y:.4f}" }),
  ];
  if (options.smooth) list.push(line("train loss, smoothed", "smooth", "y", { color: colours.tuned, width: 2.25 }, { mode: "lines", hovertemplate: "%{y:.4f}" }));
  list.push(line("validation loss", "validation", "y", { color: colours.tuned, width: 2, dash: "dash" },
    { mode: "lines+markers", marker: { size: 6, symbol: "circle-open", line: { width: 2 } }, hovertemplate: "%{y:.4f}" }));
  series.forgetting().forEach((meta, i) => {
    list.push(line(meta.slice(6), meta, "y2", { color: colours.forgetting, width: 2, dash: PROBE_DASHES[i % 4] },
      { mode: "lines+markers", marker: { size: 7, symbol: PROBE_SYMBOLS[i % 6] }, hovertemplate: "%{y:+.1f} %" }));
  });
  panels.forEach((panel, i) => panel.lines.forEach(([name, words], j) => {
    const colour = [colours.tuned, colours.ink, colours.baseline][j % 3];
    const hovertemplate = panel.percent ? "%{y:.1f} %" : "%{y:.4f}";
    list.push(line(words, `own:${name}`, `y${4 + i}`, { color: colour, width: 2 }, { mode: mode(`own:${name}`), hovertemplate }));
    list.push(line(`${words}, validation`, `own:eval_${name}`, `y${4 + i}`, { color: colour, width: 2, dash: "dash" },
      { mode: "lines+markers", marker: { size: 6, symbol: "circle-open", line: { width: 2 } }, hovertemplate }));
  }));
  list.push(line("tokens/s", "throughput", "y3", { color: colours.baseline, width: 1.5 }, { mode: mode("throughput"), hovertemplate: "%{y:,.0f}" }));
  return list;
}

// The lines of the forgetting panel by their marks: [[sign, words], …].
export function probeKey(series) { return series.forgetting().map((meta, i) => [PROBE_SIGNS[i % 6], meta.slice(6)]); }

// Shares of the height, from below: throughput, forgetting, the method's own, loss; with the gaps between them.
function domains(own) {
  const whole = 1 + 0.26 * own;
  const at = (low, high) => [low / whole, high / whole];
  return { throughput: at(0, 0.16), forgetting: at(0.22, 0.46), own: (i) => at(0.52 + 0.26 * i, 0.72 + 0.26 * i), loss: [1 - 0.48 / whole, 1] };
}

export function layout(series, options, colours, limit, width, panels = []) {
  const narrow = width < 560;
  const place = domains(panels.length);
  const axis = (title, domain, more = {}) => ({
    title: { text: title, standoff: 8, font: { size: 12, color: colours.quiet } }, domain, gridcolor: colours.rule, zeroline: false,
    linecolor: colours.rule, tickfont: font(colours), fixedrange: narrow, automargin: true, nticks: 6, ticklabelstandoff: 5, ...more,
  });
  const shape = (y, colour, dash, width) => ({ type: "line", xref: "paper", x0: 0, x1: 1, yref: "y2", y0: y, y1: y, layer: "between", line: { color: colour, width, dash } });
  const label = (y, text, colour, where) => ({ xref: "paper", x: 1, xanchor: "right", yref: "y2", y, yanchor: where, text, showarrow: false, font: { ...font(colours), size: 11, color: colour } });
  const percent = limit * 100;
  // Plotly draws a halo two pixels wider than the spike; at -2 the halo is gone and the line is one pixel.
  return {
    autosize: true, showlegend: false, hovermode: "x unified", hoversubplots: "axis", dragmode: narrow ? false : "zoom",
    margin: { l: narrow ? 44 : 60, r: 12, t: 8, b: 40 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: font(colours), hoverlabel: { bgcolor: colours.sheet, bordercolor: colours.strong, font: { ...font(colours), color: colours.ink } },
    xaxis: { title: { text: "step", standoff: 6 }, anchor: "y3", gridcolor: colours.rule, linecolor: colours.strong, zeroline: false,
      tickfont: font(colours), rangemode: "tozero", fixedrange: narrow, showspikes: true, spikemode: "across", spikethickness: -2, spikedash: "solid",
      spikecolor: colours.strong, hoverformat: "d", unifiedhovertitle: { text: "step %{x}" } },
    yaxis: axis(options.log ? "loss (log)" : "loss", place.loss, { type: options.log ? "log" : "linear" }),
    yaxis2: axis("change, %", place.forgetting, { ...forgettingRange(series, percent), showgrid: false }),
    yaxis3: axis("tokens/s", place.throughput, { rangemode: "tozero", nticks: 3 }),
    ...Object.fromEntries(panels.map((panel, i) => [`yaxis${4 + i}`, axis(panel.title, place.own(panels.length - 1 - i), { nticks: 4 })])),
    shapes: [shape(0, colours.baseline, "solid", 1.5), shape(percent, colours.limit, "8px,5px", 2)],
    annotations: [label(0, "baseline", colours.quiet, "bottom"), label(percent, `limit ${String(Number(percent.toFixed(1))).replace("-", "−")} %`, colours.limit, "top")],
  };
}

// The limit is in view from the start, so that "far from it" can be seen too; more room when the curve needs it.
function forgettingRange(series, percent) {
  const all = series.forgetting().flatMap((name) => series.get(name).y.map((v) => v * 100));
  const low = Math.min(percent * 1.6, ...all);
  const high = Math.max(-percent * 0.5, ...all);
  const room = (high - low) * 0.08;
  return { range: [low - room, high + room], autorange: false };
}
