"""The model card (README.md) of an exported model, with the front matter that model hubs read (Mitchell et al., arXiv
1810.03993, in short): what it is, how to use it, data, settings, measured results, limits, licence.

It says what was measured, with n; where nothing was, it says so. All names and prompts in it are other people's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]
SHOWN_PROMPT = 4000


def write(facts: Facts) -> str:
    """``facts``: name, base {name, licence, made_by, cannot}, licence, method, adapter, adapter_key, purpose,
    system_prompt, data {dataset, version, sha256, rows {part: n}, how_made, synthetic}, settings [(label, value)],
    results [(measure, value, n, note)], verdicts [sentence], limits [sentence], made {run, step, commit, date}; and of
    the export itself: form, precision, replay. Whatever is missing is left out, or said to be missing where a reader
    needs it.
    """
    sections = (
        _front(facts),
        f"# {_line(facts.get('name') or 'Model')}\n",
        _what(facts),
        _use(facts),
        _data(facts),
        _settings(facts),
        _results(facts),
        _replay(facts),
        _limits(facts),
        _licence(facts),
    )
    return "\n".join(section for section in sections if section)


def about_base(facts: Facts) -> dict[str, Any]:
    """workbench.json of a merged model: what the Models page says of it when it is registered as a base model."""
    base = facts.get("base") or {}
    return {
        "schema_version": 1,
        "name": facts.get("name"),
        "made_by": "this workbench",
        "licence": facts.get("licence") or "",
        "source": {"base": base.get("name"), **(facts.get("made") or {})},
        "can": [f"{facts.get('method')} on {_data_name(facts)}: {facts.get('purpose') or 'see its model card'}"],
        "cannot": [str(line) for line in (*(facts.get("limits") or ()), *(base.get("cannot") or ()))],
    }


def _front(facts: Facts) -> str:
    """YAML, in which a JSON text is a text."""
    licence = str(facts.get("licence") or "").strip()
    base = str((facts.get("base") or {}).get("name") or "")
    library = {"adapter": "peft", "gguf": "gguf"}.get(str(facts.get("form")), "transformers")
    lines = ["---", f"license: {json.dumps(licence.lower() or 'unknown')}", f"library_name: {library}"]
    if base:
        lines += [f"base_model: {json.dumps(base)}"]
    lines += ["pipeline_tag: text-generation", "tags:", f"- {json.dumps(str(facts.get('method_key') or 'fine-tuned'))}"]
    return "\n".join([*lines, "---", ""])


def _what(facts: Facts) -> str:
    base, made = facts.get("base") or {}, facts.get("made") or {}
    said = (
        f"{_line(base.get('name') or 'A base model')}, trained further by {_line(facts.get('method') or '?')} "
        f"({_line(facts.get('adapter') or '?')}) on {_data_name(facts)}."
    )
    if facts.get("purpose"):
        said += f" Its purpose: {_line(facts['purpose'])}"
    origin = [f"run {made['run']}" if made.get("run") else "", f"step {made['step']}" if made.get("step") else ""]
    origin += [str(made["date"]) if made.get("date") else ""]
    origin += [f"workbench at commit {str(made['commit'])[:12]}" if made.get("commit") else ""]
    told = ", ".join(part for part in origin if part)
    return f"{said}\n" + (f"\nMade by {told}.\n" if told else "")


def _use(facts: Facts) -> str:
    base = _line((facts.get("base") or {}).get("name") or "the base model")
    form, key = facts.get("form"), facts.get("adapter_key")
    how = {
        "merged": "Load the folder with transformers (`AutoModelForCausalLM.from_pretrained`). Nothing else is needed.",
        "gguf": f"Load the file with llama.cpp or a program built on it. Precision: {facts.get('precision')}.",
        "adapter": f"Load {base}, then this folder with peft (`PeftModel.from_pretrained(model, folder)`).",
    }.get(str(form), "")
    if form == "adapter" and key == "bottleneck":
        how = f"Bottleneck adapters are loaded by the workbench that made them, beside {base}; peft does not know them."
    lines = ["## How to use it", "", how, ""]
    lines += [
        "Use the chat template that comes with it: the model was trained and measured in that form, and answers worse "
        "in another."
    ]
    if prompt := str(facts.get("system_prompt") or "").strip():
        lines += ["", "It was trained with this system prompt; send it with every request:", "", *_quoted(prompt)]
    else:
        lines += ["It was trained without a system prompt of its own."]
    return "\n".join([*lines, ""])


def _data(facts: Facts) -> str:
    data = facts.get("data") or {}
    rows = ", ".join(f"{count:,} {part}" for part, count in (data.get("rows") or {}).items() if count)
    lines = ["## Data", "", f"{_data_name(facts)}; {rows or 'number of rows not recorded'} rows."]
    if data.get("how_made"):
        lines.append(f"{_line(data['how_made'])}.")
    if data.get("synthetic"):
        lines.append(
            f"{data['synthetic']:,} of the rows were written by a model (synthetic), and accepted by a person."
        )
    if data.get("sha256"):
        lines.append(f"SHA-256 of the version: `{data['sha256']}`.")
    return "\n".join([*lines, "The rows themselves are not part of this export.", ""])


def _settings(facts: Facts) -> str:
    rows = facts.get("settings") or ()
    if not rows:
        return ""
    return "\n".join(["## Settings", "", "| setting | value |", "|---|---|", *(_row(row) for row in rows), ""])


def _results(facts: Facts) -> str:
    lines = ["## Measured results", ""]
    rows = facts.get("results") or ()
    if rows:
        lines += ["| measure | value | n | |", "|---|---|---|---|", *(_row(row) for row in rows), ""]
    verdicts = [f"- {_line(sentence)}" for sentence in facts.get("verdicts") or ()]
    lines += [*verdicts, ""] if verdicts else ["It has not been evaluated on held-out rows against its base model.", ""]
    return "\n".join(lines)


def _replay(facts: Facts) -> str:
    found = facts.get("replay")
    if not found:
        return "## Same as where it was trained?\n\nNot checked: no row was replayed through these files.\n"
    said = f"{found['rows']} rows were asked again through these very files. "
    if found["answered"]:
        said += f"Prompts came out as the same tokens in {found['same_prompts']} of {found['rows']}, and answers "
        said += f"were identical in {found['same_answers']} of {found['answered']}. "
    if found.get("logit_difference") is not None:
        said += f"Largest difference of a logit: {found['logit_difference']:.3g}; the most probable token was the same "
        said += f"at {found['same_top']:.1%} of the positions."
    return f"## Same as where it was trained?\n\n{said.strip()}\n"


def _limits(facts: Facts) -> str:
    base = facts.get("base") or {}
    own = [str(line) for line in facts.get("limits") or ()]
    inherited = [str(line) for line in base.get("cannot") or ()]
    lines = ["## Limits", "", *(f"- {_line(line)}" for line in own)]
    if inherited:
        lines += [
            "",
            f"Of {_line(base.get('name') or 'the base model')}:",
            "",
            *(f"- {_line(line)}" for line in inherited),
        ]
    if not own and not inherited:
        lines.append("- Only what stands under measured results was measured.")
    return "\n".join([*lines, ""])


def _licence(facts: Facts) -> str:
    base = facts.get("base") or {}
    named = str(facts.get("licence") or "").strip()
    whose = _line(base.get("name") or "the base model")
    if named:
        return f"## Licence\n\n{_line(named)}, as {whose}.\n"
    return f"## Licence\n\nThat of {whose}, which is not recorded here: find it out before you pass this on.\n"


def _data_name(facts: Facts) -> str:
    data = facts.get("data") or {}
    version = f" v{data['version']}" if data.get("version") else ""
    return f"{_line(data.get('dataset') or 'its data')}{version}"


def _row(cells: Any) -> str:
    return "| " + " | ".join(_line(cell).replace("|", "\\|") for cell in cells) + " |"


def _line(text: Any) -> str:
    """One line, so that a name can neither end a table nor begin a heading."""
    return re.sub(r"\s+", " ", str(text)).strip()


def _quoted(text: str) -> list[str]:
    """A fence longer than any in the text."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return [fence, text[:SHOWN_PROMPT], fence]
