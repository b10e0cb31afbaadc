// Keys of the compare page: J/K (or arrows through the links) next and previous row, 1–6 hide a system, F the next filter.
// Rows are [data-row] on one page, or links rel=next / rel=prev between pages. Systems are [data-system="1"].

const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

function move(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (rows.length > 1) {
    const now = rows.findIndex((row) => row.classList.contains("is-current"));
    const next = rows[Math.max(0, now + by)];
    if (next && rows.indexOf(next) !== now) {
      rows[now]?.classList.remove("is-current");
      next.classList.add("is-current");
      if (!next.hasAttribute("tabindex")) next.tabIndex = -1;
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "start" });
      return;
    }
  }
  document.querySelector(by > 0 ? 'a[rel~="next"]' : 'a[rel~="prev"]')?.click();
}

function hidden() { try { return new Set(JSON.parse(sessionStorage.getItem("compare-hidden")) || []); } catch { return new Set(); } }

function applyHidden() {
  const names = hidden();
  for (const output of document.querySelectorAll("[data-system]")) output.hidden = names.has(output.dataset.system);
  for (const button of document.querySelectorAll("[data-hide-system]")) {
    button.setAttribute("aria-pressed", String(!names.has(button.dataset.hideSystem)));
  }
}

function toggle(name) {
  const names = hidden();
  if (!names.delete(name)) names.add(name);
  try { sessionStorage.setItem("compare-hidden", JSON.stringify([...names])); } catch { /* for this page only */ }
  applyHidden();
}

function nextFilter() {
  const links = [...document.querySelectorAll("[data-filters] a")];
  const now = links.findIndex((link) => link.hasAttribute("aria-current"));
  links[(now + 1) % links.length]?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const key = event.key.toLowerCase();
  if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "f") nextFilter();
  else if (/^[1-6]$/.test(key) && document.querySelector(`[data-system="${key}"]`)) toggle(key);
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-hide-system]");
  if (button) toggle(button.dataset.hideSystem);
});
// The row that is worked in is the current one: J goes on from there.
document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("[data-row]");
  if (!row || row.classList.contains("is-current")) return;
  document.querySelector("[data-row].is-current")?.classList.remove("is-current");
  row.classList.add("is-current");
});
document.addEventListener("htmx:afterSwap", applyHidden);
applyHidden();
if (location.hash.startsWith("#row-")) document.getElementById(location.hash.slice(1))?.classList.add("is-current");
