// Keys of a review queue: J/K next and previous card, A/R/E/U press the button of the current card that is marked so
// (data-key). After a decision the next card is current. Cards are [data-row]; htmx swaps one when it was decided.

const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
const cards = () => [...document.querySelectorAll("[data-row]")];
const current = () => document.querySelector("[data-row].is-current");

function show(card) {
  current()?.classList.remove("is-current");
  card.classList.add("is-current");
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function move(by) {
  const all = cards();
  const now = all.indexOf(current());
  const next = all[now < 0 ? 0 : now + by];
  if (next) show(next);
  else document.querySelector(by > 0 ? 'a[rel~="next"]' : 'a[rel~="prev"]')?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const key = event.key.toLowerCase();
  if (key === "j") move(1);
  else if (key === "k") move(-1);
  else {
    const button = /^[areu]$/.test(key) && current()?.querySelector(`[data-key="${key}"]`);
    if (!button) return;
    button.click();
  }
  event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const card = event.target.closest?.("[data-row]");
  if (card && card !== current()) {
    current()?.classList.remove("is-current");
    card.classList.add("is-current");
  }
});

let decided = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const card = event.detail.target?.closest?.("[data-row]");
  if (!card) return;
  const all = cards();
  const next = all[all.indexOf(card) + 1];
  decided = { next: next?.id, own: card.id, undo: card.querySelector('[data-key="u"]') !== null };
});
document.addEventListener("htmx:afterSettle", () => {
  if (!decided) return;
  const { next, own, undo } = decided;
  decided = null;
  const card = document.getElementById(undo ? own : next || own);
  if (card) show(card);
});
