// One run's events, live: <div data-run data-stream-url data-events-url [data-after="0"]>.
// Asks the history view for what came after the last sequence number, then listens to the stream; a jump in the numbers
// sends it back to the history; without a stream it polls the same view. Each event leaves as "run:event" and "run:KIND"
// on the element (both bubble); "run:state" when the run's own state changed, with its status and words for it, whichever
// way it was learned; "run:caught-up" after the history; "run:connection" when the way of hearing changes; "run:ended".
// A hidden tab gives its stream back (browsers allow six connections a host) and asks the history now and then.

const TERMINAL = new Set(["succeeded", "failed", "cancelled"]);
const POLL_MS = 2000;
const HIDDEN_POLL_MS = 10000;
const HIDDEN_GRACE_MS = 20000;
const MAX_WAIT_MS = 30000;
const WORDS = { catching: "Catching up", live: "Live", polling: "Live, every two seconds", waiting: "Reconnecting",
  offline: "No answer from the workbench, trying again", signedout: "Signed out: reload the page", ended: "" };

const STATE_WORDS = { queued: "The run waits in the queue", starting: "The run is starting", running: "The run is running",
  stopping: "The run is stopping", succeeded: "The run succeeded", failed: "The run failed", cancelled: "The run was stopped" };

class Signedout extends Error {}

export class RunFeed {
  constructor(element) {
    this.element = element;
    this.last = Number(element.dataset.after || 0);
    this.failures = 0;
    this.streamFailures = 0;
    this.ended = element.dataset.ended === "true";
    this.status = element.dataset.status || "";
    this.finished = this.ended;
    this.busy = null;
    this.pending = [];
    this.patience = 0;
    this.timer = 0;
    this.source = null;
  }

  async start() {
    document.addEventListener("visibilitychange", () => this.visibility());
    window.addEventListener("online", () => this.now());
    window.addEventListener("pagehide", () => this.hangUp());
    window.addEventListener("pageshow", (event) => { if (event.persisted) this.now(); });
    this.say("catching");
    await this.step();
  }

  // One turn: history, then the stream if it may, else the next poll.
  async step() {
    clearTimeout(this.timer);
    try {
      await this.catchUp();
      this.failures = 0;
    } catch (error) {
      if (error instanceof Signedout) { this.hangUp(); this.say("signedout"); return; }
      this.failures += 1;
      this.say(this.failures > 2 ? "offline" : "waiting");
      this.later(Math.min(MAX_WAIT_MS, 1000 * 2 ** Math.min(this.failures, 5)) * (0.75 + Math.random() / 2));
      return;
    }
    if (this.ended) { this.finish(); return; }
    if (document.hidden) { this.later(HIDDEN_POLL_MS); return; }
    if (this.source) return;
    if (this.element.dataset.streamUrl && this.streamFailures < 3) { this.listen(); return; }
    this.say("polling");
    // The stream gets another chance once a minute.
    if (Date.now() - (this.streamFailedAt || 0) > 60000) this.streamFailures = 0;
    this.later(POLL_MS);
  }

  later(wait) { clearTimeout(this.timer); this.timer = setTimeout(() => this.step(), wait); }
  now() { if (!this.ended) this.later(0); }

  catchUp() {
    // Two gaps at once ask once.
    this.busy ??= this.fetchHistory().finally(() => { this.busy = null; this.takePending(); });
    return this.busy;
  }

  // Events that came by the stream before their forerunners were in the history, in order; asks again while one is missing.
  takePending() {
    this.pending = this.pending.filter((event) => Number(event.seq) > this.last).sort((a, b) => a.seq - b.seq);
    while (this.pending.length && (Number(this.pending[0].seq) === this.last + 1 || this.patience > 5)) {
      this.take(this.pending.shift());
      this.patience = 0;
    }
    if (!this.pending.length) { this.patience = 0; return; }
    this.patience += 1;
    setTimeout(() => this.catchUpAgain(), 700);
  }

  async fetchHistory() {
    for (let more = true; more;) {
      const url = new URL(this.element.dataset.eventsUrl, location.href);
      url.searchParams.set("after", this.last);
      const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (answer.redirected || answer.status === 401 || answer.status === 403 || answer.status === 404) throw new Signedout();
      if (!answer.ok) throw new Error(`history answered ${answer.status}`);
      const body = await answer.json();
      for (const event of body.events) this.take(event);
      if (Number(body.next) > this.last) this.last = Number(body.next);
      this.state(body.status);
      if (body.ended) this.ended = true;
      more = Boolean(body.more) && body.events.length > 0;
    }
    this.element.dispatchEvent(new CustomEvent("run:caught-up", { bubbles: true, detail: { seq: this.last } }));
  }

  listen() {
    const url = new URL(this.element.dataset.streamUrl, location.href);
    url.searchParams.set("after", this.last);
    this.source = new EventSource(url);
    this.source.onopen = () => {
      this.streamFailures = 0;
      this.say("live");
      // What was written between the last history page and the stream's beginning, should nothing come after it.
      this.catchUpAgain();
    };
    this.source.onmessage = (message) => this.hear(message);
    this.source.addEventListener("end", () => this.finish());
    this.source.addEventListener("state", (message) => this.hearState(message));
    this.source.onerror = () => {
      // Sign-in answers a stream with a redirect, which closes it for good: the history view tells which it was.
      this.hangUp();
      this.streamFailures += 1;
      this.streamFailedAt = Date.now();
      if (this.ended) return;
      this.say("waiting");
      this.later(500 * this.streamFailures);
    };
  }

  hear(message) {
    let event;
    try { event = JSON.parse(message.data); } catch { return; }
    const events = Array.isArray(event) ? event : [event];
    const first = Number(events[0]?.seq ?? message.lastEventId);
    if (first > this.last + 1 || this.busy) {
      // The stream is up to half a second ahead of the history: what came too early waits here.
      this.pending.push(...events);
      this.catchUpAgain();
      return;
    }
    for (const one of events) this.take({ seq: Number(message.lastEventId), ...one });
    if (this.ended) this.finish();
  }

  // A state has no number and no history: it comes by its own name. The history view says whether the run has ended.
  hearState(message) {
    let event;
    try { event = JSON.parse(message.data); } catch { return; }
    this.state(event.status, event.wanted);
    if (TERMINAL.has(event.status)) this.catchUpAgain();
  }

  state(status, wanted = "") {
    const key = `${status} ${wanted}`;
    if (!status || (this.status.split(" ")[0] === status && (!wanted || this.status === key))) return;
    this.status = key;
    const detail = { seq: 0, kind: "state", status, wanted, words: STATE_WORDS[status] ?? status };
    this.element.dispatchEvent(new CustomEvent("run:event", { bubbles: true, detail }));
    this.element.dispatchEvent(new CustomEvent("run:state", { bubbles: true, detail }));
  }

  // A history page already under way may have been read before the event that asks: ask once more after it.
  catchUpAgain() {
    (this.busy ?? Promise.resolve()).catch(() => {}).then(() => this.catchUp())
      .then(() => { if (this.ended) this.finish(); }, () => { this.hangUp(); this.now(); });
  }

  take(event) {
    const seq = Number(event.seq);
    if (!(seq > this.last)) return;
    this.last = seq;
    if (event.kind === "status" && TERMINAL.has(event.status ?? event.state)) this.ended = true;
    this.element.dispatchEvent(new CustomEvent("run:event", { bubbles: true, detail: event }));
    this.element.dispatchEvent(new CustomEvent(`run:${event.kind}`, { bubbles: true, detail: event }));
  }

  finish() {
    this.hangUp();
    this.ended = true;
    clearTimeout(this.timer);
    if (this.finished) { this.say("ended"); return; }
    this.finished = true;
    // The last words may have been written after the stream was cut.
    this.fetchHistory().catch(() => {}).finally(() => {
      this.say("ended");
      this.element.dispatchEvent(new CustomEvent("run:ended", { bubbles: true }));
    });
  }

  visibility() {
    clearTimeout(this.hiddenTimer);
    if (this.ended) return;
    if (!document.hidden) { if (!this.source) this.now(); return; }
    this.hiddenTimer = setTimeout(() => { this.hangUp(); this.now(); }, HIDDEN_GRACE_MS);
  }

  hangUp() { this.source?.close(); this.source = null; }

  say(connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    for (const place of document.querySelectorAll("[data-live-connection]")) {
      place.dataset.connection = connection;
      place.textContent = WORDS[connection];
    }
    this.element.dispatchEvent(new CustomEvent("run:connection", { bubbles: true, detail: connection }));
  }
}

for (const element of document.querySelectorAll("[data-run][data-events-url]")) {
  element.runFeed = new RunFeed(element);
  element.runFeed.start();
}
