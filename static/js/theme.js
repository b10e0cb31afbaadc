// Light or dark, before the first paint: the remembered choice, else the system's. Not a module, so that it blocks.
(function () {
  const KEY = "workbench-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function remembered() {
    try { return localStorage.getItem(KEY); } catch { return null; }
  }

  function apply(theme) {
    document.documentElement.setAttribute("data-bs-theme", theme);
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.setAttribute("aria-pressed", String(theme === "dark"));
    }
    document.dispatchEvent(new CustomEvent("theme:change", { detail: theme }));
  }

  function wanted() {
    const choice = remembered();
    return choice === "light" || choice === "dark" ? choice : system.matches ? "dark" : "light";
  }

  apply(wanted());
  system.addEventListener("change", () => apply(wanted()));
  window.addEventListener("storage", (event) => { if (event.key === KEY) apply(wanted()); });
  document.addEventListener("DOMContentLoaded", () => apply(wanted()));
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-toggle]")) return;
    const next = document.documentElement.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
    // Choosing what the system has anyway forgets the choice, so the page follows the system again.
    try {
      if (next === (system.matches ? "dark" : "light")) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, next);
    } catch { /* private window: the choice lasts for this page */ }
    apply(next);
  });
})();
