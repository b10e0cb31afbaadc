// The points of one run, by series, as they come out of its events. Knows no drawing.
// `own` names what the run's method measures besides: each is taken from the metric events, and as eval_… from validation.
// A resumed run begins again at its checkpoint's step: what was measured past that step is replaced, not drawn twice.

const SMOOTHING = 0.7;

export class RunSeries {
  constructor(own = []) {
    this.own = own.flatMap((name) => [name, `eval_${name}`]);
    this.series = new Map();   // name → {x: [], y: []}
    this.fresh = new Map();    // the points added since takeFresh()
    this.measured = new Map(); // suite → {step, seen, low}: its measures of one evaluation
    this.average = 0;
    this.weight = 0;
  }

  // Returns "", "added", "new" (a series began) or "rewound" (points were taken back).
  add(event) {
    const step = event.step;
    if (typeof step !== "number") return "";
    if (event.kind === "metric") {
      const changes = [];
      if (isNumber(event.loss)) {
        changes.push(this.point("train", step, event.loss));
        changes.push(this.point("smooth", step, this.smooth(event.loss)));
      }
      if (isNumber(event.eval_loss)) changes.push(this.point("validation", step, event.eval_loss));
      if (isNumber(event.tokens_per_s)) changes.push(this.point("throughput", step, event.tokens_per_s));
      for (const name of this.own) if (isNumber(event[name])) changes.push(this.point(`own:${name}`, step, event[name]));
      return strongest(changes);
    }
    if (event.kind === "probe" && isNumber(event.change)) {
      this.point(`probe:${event.label ?? `${event.suite} ${event.measure}`}`, step, event.change);
      this.point(`suite:${event.title ?? event.suite}`, step, this.lowest(event));
      return "new"; // rare, and the axis may have to make room
    }
    return "";
  }

  point(name, step, value) {
    const isNew = !this.series.has(name);
    if (isNew) this.series.set(name, { x: [], y: [] });
    const { x, y } = this.series.get(name);
    let rewound = false;
    while (x.length && x[x.length - 1] >= step) { x.pop(); y.pop(); rewound = true; }
    x.push(step);
    y.push(value);
    if (!this.fresh.has(name)) this.fresh.set(name, { x: [], y: [] });
    this.fresh.get(name).x.push(step);
    this.fresh.get(name).y.push(value);
    return isNew ? "new" : rewound ? "rewound" : "added";
  }

  // The worst change of a suite's measures at this evaluation; one that comes again begins anew (a resumed run).
  lowest({ suite, measure, step, change }) {
    const known = this.measured.get(suite);
    const goesOn = known?.step === step && !known.seen.has(measure);
    const now = goesOn ? known : { step, seen: new Set(), low: change };
    now.seen.add(measure);
    now.low = Math.min(now.low, change);
    this.measured.set(suite, now);
    return now.low;
  }

  // Exponential average with the start's bias taken out, so the first points are not pulled to zero.
  smooth(value) {
    this.average = SMOOTHING * this.average + (1 - SMOOTHING) * value;
    this.weight = SMOOTHING * this.weight + (1 - SMOOTHING);
    return this.average / this.weight;
  }

  takeFresh() {
    const fresh = this.fresh;
    this.fresh = new Map();
    return fresh;
  }

  get(name) { return this.series.get(name) ?? { x: [], y: [] }; }
  probes() { return [...this.series.keys()].filter((name) => name.startsWith("probe:")).sort(); }
  // What is drawn of them: each measure of the only suite, else one line a suite.
  forgetting() {
    const suites = [...this.series.keys()].filter((name) => name.startsWith("suite:"));
    return suites.length > 1 ? suites : this.probes();
  }
  empty() { return this.series.size === 0; }

  latest() {
    return [...this.series].filter(([name]) => isOwn(name)).map(([name, { y }]) => {
      const value = y[y.length - 1];
      if (name.startsWith("probe:")) return [name.slice(6), `${(value * 100).toFixed(1)} percent`];
      return [plain(name).replaceAll("_", " "), Number(value.toPrecision(4))];
    });
  }

  // {head, rows}: one row a step, a blank where a series has no point there.
  rows() {
    const names = [...this.series.keys()].filter(isOwn);
    const table = new Map();
    names.forEach((name, column) => {
      const { x, y } = this.get(name);
      x.forEach((step, i) => {
        if (!table.has(step)) table.set(step, Array(names.length).fill(null));
        table.get(step)[column] = y[i];
      });
    });
    const head = ["step", ...names.map(column)];
    const rows = [...table].sort((a, b) => a[0] - b[0]).map(([step, values]) => [step, ...values]);
    return { head, rows };
  }
}

function column(name) {
  if (name.startsWith("probe:")) return `${name.slice(6).replaceAll(/[^\w]+/g, "_")}_change`;
  if (name.startsWith("own:")) return plain(name);
  return { train: "train_loss", validation: "validation_loss", throughput: "tokens_per_s" }[name];
}
function isOwn(name) { return name !== "smooth" && !name.startsWith("suite:"); } // not made of other series
function plain(name) { return name.replace(/^own:/, ""); }
function strongest(changes) { return ["new", "rewound", "added"].find((word) => changes.includes(word)) ?? ""; }
function isNumber(value) { return typeof value === "number" && Number.isFinite(value); }
