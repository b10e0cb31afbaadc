// Puts a run's events into the page: numbers [data-live="metric.loss"], the bar [data-live-progress], the log
// [data-live-log], and the tab's title. Values are text, never markup.

const FORMATS = {
  number: (v) => (Number.isInteger(v) ? v.toLocaleString("en") : Number(v.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 })),
  loss: (v) => v.toFixed(3),
  integer: (v) => Math.round(v).toLocaleString("en"),
  bytes: (v) => (v >= 1e9 ? `${(v / 1e9).toFixed(1)} GB` : `${(v / 1e6).toFixed(0)} MB`),
  share: (v) => `${(v * 100).toFixed(1)} %`,
  change: (v) => `${v < 0 ? "−" : "+"}${Math.abs(v * 100).toFixed(1)} %`,
  duration,
  text: String,
};
const TITLE_WORDS = { succeeded: "Done", failed: "Failed", cancelled: "Stopped" };
const MAX_LOG_LINES = 1000;

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

// Many events may come at once (the history): the last value of each field is written once a frame.
const pending = new Map();
let frame = 0;
let logLines = [];

function take(event) {
  const { kind } = event;
  for (const [name, value] of Object.entries(event)) {
    if (value !== null && value !== undefined) pending.set(`${kind}.${name}`, value);
  }
  if (kind === "probe") pending.set(`probe.${event.suite}/${event.measure}.change`, event.change).set(`probe.${event.suite}.worst`, worst(event));
  if (kind === "log" || kind === "warning" || kind === "error") logLines.push({ kind, text: event.text ?? "" });
  if (kind === "status" || kind === "state") title(event.status ?? event.state);
  // A hidden tab draws no frames, and its title has to change all the same.
  if (!frame) frame = document.hidden ? setTimeout(draw, 250) : requestAnimationFrame(draw);
}

// What a suite lost most of: the lowest change of its measures at their last step.
const lost = new Map();
function worst({ suite, step, change }) {
  const before = lost.get(suite);
  const value = before?.step === step ? Math.min(before.value, change) : change;
  lost.set(suite, { step, value });
  return value;
}

function draw() {
  frame = 0;
  for (const place of document.querySelectorAll("[data-live]")) {
    if (!pending.has(place.dataset.live)) continue;
    const value = pending.get(place.dataset.live);
    const format = FORMATS[place.dataset.liveFormat || "text"] || FORMATS.text;
    place.textContent = typeof value === "number" ? format(value) : String(value);
  }
  drawProgress();
  drawLog();
  pending.clear();
}

function drawProgress() {
  if (!pending.has("progress.step")) return;
  const step = pending.get("progress.step");
  const total = pending.get("progress.total");
  for (const row of document.querySelectorAll("[data-live-progress]")) {
    const bar = row.querySelector("progress");
    if (total) bar.max = total;
    bar.value = step;
    const label = row.querySelector('[data-part="label"]');
    if (label && total) label.textContent = `Step ${step.toLocaleString("en")} of ${total.toLocaleString("en")}`;
    const detail = row.querySelector('[data-part="detail"]');
    if (detail && pending.has("progress.eta_s")) detail.textContent = `about ${duration(pending.get("progress.eta_s"))} left`;
  }
}

function drawLog() {
  if (!logLines.length) return;
  const lines = logLines.slice(-MAX_LOG_LINES);
  logLines = [];
  for (const log of document.querySelectorAll("[data-live-log]")) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    for (const line of lines) {
      const span = document.createElement("span");
      span.className = `log-line-${line.kind}`;
      span.textContent = `${line.text}\n`;
      log.append(span);
    }
    while (log.childElementCount > MAX_LOG_LINES) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }
}

const plainTitle = document.title;
function title(status) {
  document.title = TITLE_WORDS[status] && document.hidden ? `${TITLE_WORDS[status]} · ${plainTitle}` : plainTitle;
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) document.title = plainTitle; });
document.addEventListener("run:event", (event) => take(event.detail));
