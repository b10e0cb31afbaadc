// The launch form's controls of more than one field, kept in step: typing steps chooses steps, ticked layers write the
// text beside them and the text ticks layers, an empty alpha shows what it amounts to. Everything also works without.

const ALL = "all-linear";
const field = (form, name) => form.elements.namedItem(name);

document.addEventListener("input", ({ target }) => {
  const form = target.closest?.("#launch");
  if (!form) return;
  const by = { num_train_epochs: "epochs", max_steps: "steps" }[target.name];
  if (by) document.getElementById(`id_run_length_${by}`).checked = true;
  if (target.name === "adapter__lora_rank") followAlpha(form);
  const targets = target.closest("[data-targets]");
  if (targets) keepTargets(form, targets, target);
}, true);

function followAlpha(form) {
  const alpha = field(form, "adapter__lora_alpha");
  const rank = Number(field(form, "adapter__lora_rank").value);
  if (alpha) alpha.placeholder = Number.isInteger(rank) && rank > 0 ? `${2 * rank} (2 × rank)` : "2 × rank";
}

function keepTargets(form, targets, target) {
  const text = field(form, "adapter__target_modules");
  const boxes = [...targets.querySelectorAll("input[type=checkbox]")];
  const names = text.value.split(",").map((name) => name.trim()).filter(Boolean);
  if (target === text) {
    for (const box of boxes) box.checked = text.value.trim() === ALL || names.includes(box.value);
    return;
  }
  const known = boxes.map((box) => box.value);
  const ticked = boxes.filter((box) => box.checked).map((box) => box.value);
  const others = names.filter((name) => name !== ALL && !known.includes(name));
  text.value = ticked.length === known.length && !others.length ? ALL : [...ticked, ...others].join(", ");
}
