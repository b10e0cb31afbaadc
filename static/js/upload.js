// The upload zone (_upload.html): choose or drop one file, sent to a tus 1.0 server in 8 MB slices, resumed after a broken
// connection or a reload. The last answer carries X-Upload-Sha256 and X-Upload-Next (where to go), or both as JSON.

const SLICE = 8 * 1024 * 1024;
const RETRIES = [0, 1000, 2000, 4000, 8000, ...Array(60).fill(10000)];

class UploadZone {
  constructor(zone) {
    this.zone = zone;
    this.input = zone.querySelector('input[type="file"]');
    this.bar = zone.querySelector("progress");
    this.speed = [];
    this.input.addEventListener("change", () => { if (this.input.files[0]) this.begin(this.input.files[0]); });
    zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("is-over"); });
    zone.addEventListener("dragleave", (event) => { if (!zone.contains(event.relatedTarget)) zone.classList.remove("is-over"); });
    zone.addEventListener("drop", (event) => this.dropped(event));
    this.part("pause").addEventListener("click", () => this.pause());
    this.part("cancel").addEventListener("click", () => this.cancel());
    window.addEventListener("online", () => { if (this.broken) this.resume(); });
    window.addEventListener("beforeunload", (event) => { if (this.sending) event.preventDefault(); });
    this.offerEarlier();
    // On a slow line a file can be chosen before this script is there to hear of it.
    if (this.input.files[0]) this.begin(this.input.files[0]);
  }

  part(name) { return this.zone.querySelector(`[data-part="${name}"]`); }
  say(text, error = false) {
    const place = this.part("status");
    place.textContent = text;
    place.classList.toggle("field-error", error);
  }

  dropped(event) {
    event.preventDefault();
    this.zone.classList.remove("is-over");
    const files = event.dataTransfer.files;
    if (files.length > 1) { this.say("One file at a time: drop a single file.", true); return; }
    if (files[0] && !this.sending) this.begin(files[0]);
  }

  // A page cannot reopen a file after a reload; it can say which one to choose again.
  offerEarlier() {
    const earlier = this.remembered();
    if (earlier) this.say(`The upload of ${earlier.name} stopped at ${earlier.percent} %. Choose the same file again and it goes on from there.`);
  }
  remembered() { try { return JSON.parse(localStorage.getItem(this.key())); } catch { return null; } }
  remember(value) {
    try {
      if (value) localStorage.setItem(this.key(), JSON.stringify(value));
      else localStorage.removeItem(this.key());
    } catch { /* a private window does not remember */ }
  }
  key() { return `workbench-upload:${this.zone.dataset.endpoint}`; }

  async begin(file) {
    this.file = file;
    if (file.size === 0) { this.say(`${file.name} is empty (0 bytes). Choose a file that has rows.`, true); this.input.value = ""; return; }
    this.zone.classList.add("is-busy");
    this.part("progress").hidden = false;
    this.part("name").textContent = file.name;
    this.say("");
    const meta = this.zone.querySelector('script[type="application/json"]');
    this.upload = new window.tus.Upload(file, {
      endpoint: this.zone.dataset.endpoint,
      chunkSize: SLICE,
      retryDelays: RETRIES,
      removeFingerprintOnSuccess: true,
      headers: { "X-CSRFToken": this.zone.dataset.csrf },
      metadata: { filename: file.name, ...(meta ? JSON.parse(meta.textContent) : {}) },
      onShouldRetry: (error) => this.shouldRetry(error),
      onProgress: (sent, total) => this.progress(sent, total),
      onError: (error) => this.failed(error),
      onSuccess: (payload) => this.done(payload?.lastResponse),
    });
    const earlier = await this.upload.findPreviousUploads();
    if (earlier.length) this.upload.resumeFromPreviousUpload(earlier[0]);
    this.resume();
  }

  resume() {
    this.broken = false;
    this.sending = true;
    this.speed = [];
    this.part("pause").textContent = "Pause";
    this.say("");
    this.upload.start();
  }

  shouldRetry(error) {
    const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
    const again = status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
    if (again) this.say("The connection broke. Trying again; nothing sent so far is lost.");
    return again;
  }

  progress(sent, total) {
    const now = performance.now();
    this.speed.push([now, sent]);
    while (this.speed.length > 2 && now - this.speed[0][0] > 5000) this.speed.shift();
    const [from, first] = this.speed[0];
    const rate = now > from ? ((sent - first) / (now - from)) * 1000 : 0;
    const percent = Math.floor((sent / total) * 100);
    this.bar.max = total;
    this.bar.value = sent;
    this.part("percent").textContent = `${percent} %`;
    const words = [`${size(sent)} of ${size(total)}`];
    if (rate > 0 && sent < total) words.push(`${(rate / 1e6).toFixed(1)} MB/s`, `about ${wait((total - sent) / rate)} left`);
    if (sent === total) words.push("checking");
    this.part("speed").textContent = words.join(" · ");
    if (this.part("status").textContent.startsWith("The connection")) this.say("");
    if (now - (this.noted || 0) > 1000) { this.noted = now; this.remember({ name: this.file.name, percent }); }
  }

  pause() {
    if (this.sending) {
      this.upload.abort();
      this.sending = false;
      this.part("pause").textContent = "Go on";
      this.say("Paused.");
    } else this.resume();
  }

  async cancel() {
    this.sending = false;
    this.remember(null);
    await this.upload.abort(true).catch(() => {});
    this.reset();
    this.say("Cancelled. What had been sent was removed.");
  }

  reset() {
    this.zone.classList.remove("is-busy");
    this.part("progress").hidden = true;
    this.input.value = "";
    this.input.focus();
  }

  failed(error) {
    this.sending = false;
    const answer = error.originalResponse;
    if (!answer) {
      this.broken = true;
      this.part("pause").textContent = "Go on";
      this.say("No connection to the workbench. It goes on by itself when the connection is back, or press Go on.", true);
      return;
    }
    this.remember(null);
    this.reset();
    this.say(`The file was not accepted: ${reason(answer)}`, true);
  }

  done(answer) {
    this.sending = false;
    this.remember(null);
    const body = json(answer);
    const sha256 = answer?.getHeader("X-Upload-Sha256") || body.sha256;
    const next = answer?.getHeader("X-Upload-Next") || body.next || this.zone.dataset.next;
    this.part("percent").textContent = "100 %";
    this.part("pause").hidden = this.part("cancel").hidden = true;
    this.say(sha256 ? `Received whole. SHA-256 ${sha256}` : "Received whole.");
    this.zone.dispatchEvent(new CustomEvent("upload:done", { bubbles: true, detail: { sha256, next } }));
    if (!next) return;
    const target = new URL(next, location.href);
    // Long enough to be seen, short enough not to be waited for; the SHA-256 stands on the next page too.
    if (target.origin === location.origin) setTimeout(() => { location.assign(target); }, 700);
  }
}

function json(answer) { try { return JSON.parse(answer.getBody()) ?? {}; } catch { return {}; } }
function reason(answer) {
  const body = json(answer);
  if (body.found || body.text) return [body.found || body.text, body.remedy].filter(Boolean).join(" ");
  const text = (answer.getBody() || "").trim();
  if (text && text.length < 400 && !text.startsWith("<")) return text;
  if (answer.getStatus() === 403) return "you are not allowed to upload here, or your session ended. Reload the page.";
  return `the workbench answered ${answer.getStatus()}.`;
}
function size(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
function wait(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : `${(seconds / 3600).toFixed(1)} h`;
}

for (const zone of document.querySelectorAll("[data-upload]")) zone.uploadZone = new UploadZone(zone);
