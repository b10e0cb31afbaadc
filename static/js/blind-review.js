// Keys of a blind review: each button says its own in data-key. The time of an item is measured here, without pauses:
// a stretch in which nothing was moved, typed or scrolled counts at most IDLE seconds, and none while the page is hidden.

const IDLE = 30;
const typing = (target) => target.closest("input:not([type=hidden]), textarea, select, [contenteditable]");
const form = () => document.querySelector("#review-item form");
const busy = () => form()?.classList.contains("htmx-request");

let active = 0;
let last = performance.now();
function tick() {
  const now = performance.now();
  if (!document.hidden) active += Math.min((now - last) / 1000, IDLE);
  last = now;
}
function startClock() { active = 0; last = performance.now(); }

for (const name of ["pointermove", "pointerdown", "keydown", "wheel", "scroll"]) {
  document.addEventListener(name, tick, { passive: true, capture: true });
}
document.addEventListener("visibilitychange", () => { if (document.hidden) tick(); last = performance.now(); });

function writeTime() {
  tick();
  const field = form()?.elements.namedItem("seconds");
  if (field) field.value = active.toFixed(1);
}
document.addEventListener("submit", writeTime, true);
document.addEventListener("htmx:configRequest", (event) => {
  writeTime();
  if ("seconds" in event.detail.parameters) event.detail.parameters.seconds = active.toFixed(1);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const comment = document.getElementById("comment");
  if (event.key === "Escape" && event.target === comment) { document.querySelector("[data-item-title]")?.focus(); return; }
  if (typing(event.target)) return;
  const key = event.key.toLowerCase();
  if (key === "c") comment?.focus();
  else {
    const button = /^[a-z0-9=]$/.test(key) && form()?.querySelector(`[data-key="${key}"]:not(:disabled)`);
    if (!button || busy()) return;
    button.click();
  }
  event.preventDefault();
});

// The next item stands where the last one did: at its head if that had been scrolled away. Its title gets the focus, so
// that a screen reader says it and keys go on working.
document.addEventListener("htmx:afterSettle", (event) => {
  const item = document.getElementById("review-item");
  if (!item || event.detail.target?.id !== "review-item") return;
  startClock();
  const title = item.querySelector("[data-item-title]");
  title.focus({ preventScroll: true });
  if (item.getBoundingClientRect().top < 0) item.scrollIntoView({ block: "start" });
  document.title = document.title.replace(/^Item \d+/, title.textContent.replace(/ of .*/, ""));
});
