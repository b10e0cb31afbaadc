// Keys of a review queue: J/K next and previous card, A/R/E/U press the button of the current card that is marked so
// (data-key). A and R go on to the next card at once, so that no key is lost while the server answers. Cards are
// [data-row]; htmx swaps one when it was decided.

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
    const all = cards();
    const next = all[all.indexOf(current()) + 1];
    button.click();
    if (next && (key === "a" || key === "r")) show(next);
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

// A card that was current when it was swapped (the last one, or one taken back) stays current.
let swapped = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  const card = event.detail.target?.closest?.("[data-row]");
  swapped = card && card === current() ? card.id : "";
});
document.addEventListener("htmx:afterSettle", () => { // not earlier: settling writes the classes of the new card anew
  const card = swapped && document.getElementById(swapped);
  swapped = "";
  if (card) show(card);
});
