// What every page needs: menus that close, messages that can be dismissed, dialogs, copying, and a word when a request
// of htmx fails. Everything listens on the document, so swapped-in fragments need no set-up.

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const close = event.target.closest("[data-close-note]");
  if (close) close.closest(".note").remove();

  const opener = event.target.closest("[data-open-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.openDialog);
    if (dialog) { event.preventDefault(); dialog.showModal(); }
  }
  const closer = event.target.closest("[data-close-dialog]");
  if (closer) closer.closest("dialog").close();

  const copier = event.target.closest("[data-copy]");
  if (copier) copy(copier);

  const unfold = event.target.closest("[data-unfold]");
  if (unfold) {
    const long = document.getElementById(unfold.getAttribute("aria-controls"));
    const open = long.classList.toggle("long") === false;
    unfold.setAttribute("aria-expanded", String(open));
    unfold.textContent = open ? "Fold" : "Show all";
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A fragment that comes anew keeps open what was opened: <details id data-keep-open>.
const opened = new Set();
document.addEventListener("toggle", ({ target }) => {
  if (!target.matches?.("details[data-keep-open][id]") || !target.isConnected) return;
  if (target.open) opened.add(target.id); else opened.delete(target.id);
}, true);
document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) { const fold = document.getElementById(id); if (fold) fold.open = true; }
});

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1500);
}

function showClosers(root) {
  for (const button of root.querySelectorAll("[data-close-note][hidden]")) button.hidden = false;
}

function say(text) {
  const place = document.getElementById("messages");
  if (!place) return;
  place.querySelector("[data-request-failed]")?.remove();
  const note = document.createElement("div");
  note.className = "note note-error";
  note.dataset.requestFailed = "";
  const body = document.createElement("div");
  body.className = "note-body";
  body.textContent = text;
  note.append(body);
  place.append(note);
}

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 403) say("You are not allowed to do this, or your session ended. Reload the page and try again.");
  else if (status === 404) say("This is no longer there. Reload the page.");
  else if (status === 413) say("That was too large to be sent in one piece.");
  else say(`The workbench answered with an error (${status}). Nothing was changed here; try again.`);
});
document.addEventListener("htmx:sendError", () => say("No answer from the workbench. Is it still running? What you typed is kept here."));
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) document.querySelector("[data-request-failed]")?.remove();
});
document.addEventListener("htmx:afterSwap", (event) => showClosers(event.target));
showClosers(document);
