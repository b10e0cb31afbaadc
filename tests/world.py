"""One shared cast for every test: who they are, what they have, and how a job is run to its end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from datasets_app.models import Dataset, DatasetVersion, Split, stored_path
from models_app.models import BaseModel
from models_app.registering import register
from projects_app.models import Membership, Project, Role
from runs_app import dispatching
from runs_app.models import ENDED, Run
from runs_app.supervising import supervise
from training_jobs.models import Checkpoint, TrainingJob

ROLES = ("anonymous", "stranger", "reader", "member", "owner")


@dataclass
class World:
    owner: User
    member: User
    reader: User
    stranger: User
    project: Project
    base_model: BaseModel

    @classmethod
    def make(cls, model_folder: Path) -> World:
        people = {name: User.objects.create_user(name) for name in ROLES if name != "anonymous"}
        project = Project.objects.create(
            name="Tickets",
            purpose="Turn a support ticket into JSON.",
            system_prompt="Answer with JSON only.",
            created_by=people["owner"],
        )
        for name in ("reader", "member", "owner"):
            Membership.objects.create(project=project, user=people[name], role=Role(name))
        return cls(**people, project=project, base_model=register(model_folder, name="Tiny"))

    def client(self, role: str = "owner") -> Client:
        """A browser without JavaScript, signed in as ``role``."""
        client = Client()
        if role != "anonymous":
            client.force_login(getattr(self, role), backend="django.contrib.auth.backends.ModelBackend")
        return client

    def run(self, **fields: Any) -> Run:
        """A run of this project with its directory; ``spec`` is written where it is given."""
        spec = fields.pop("spec", {})
        run = Run.objects.create(
            **{"project": self.project, "kind": "audit", "title": "rows", "created_by": self.owner, **fields}
        )
        dispatching.enqueue(run, spec)
        return run

    def version(self, rows: list[Any] | bytes) -> DatasetVersion:
        """A version of a dataset of this project with these rows, stored where an upload would store them."""
        content = rows if isinstance(rows, bytes) else "".join(json.dumps(row) + "\n" for row in rows).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        path = stored_path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        dataset = Dataset.objects.create(project=self.project, name="tickets", created_by=self.owner)
        return DatasetVersion.objects.create(
            dataset=dataset, number=1, filename="tickets.jsonl", sha256=sha256, size=len(content), created_by=self.owner
        )

    def split(
        self, train: int = 16, validation: int = 4, test: int = 6, make: Callable[[int], list[Any]] | None = None
    ) -> Split:
        """A ready split of ticket rows (or of what ``make`` gives), its files where the engine would leave them."""
        rows = (make or ticket_rows)(train + validation + test)
        run = Run.objects.create(
            project=self.project, kind="split", title="tickets", status="succeeded", created_by=self.owner
        )
        counts = {"train": train, "validation": validation, "test": test}
        split = Split.objects.create(
            version=self.version(rows),
            run=run,
            fractions={"train": 0.6, "validation": 0.2, "test": 0.2},
            result={"counts": counts},
            created_by=self.owner,
        )
        split.file("train").parent.mkdir(parents=True)
        for part, count in counts.items():
            write_jsonl(split.file(part), rows[:count])
            rows = rows[count:]
        return split

    def job(self, name: str = "first try") -> TrainingJob:
        """An ended training on a split, with one real LoRA checkpoint on the tiny model."""
        run = Run.objects.create(
            project=self.project, kind="train", title=name, status="succeeded", created_by=self.owner
        )
        job = TrainingJob.objects.create(
            project=self.project,
            run=run,
            name=name,
            split=self.split(),
            base_model=self.base_model,
            method="sft",
            adapter="lora",
            spec={"probes": {"suites": [], "forgetting_limit": 0.05}},
            created_by=self.owner,
        )
        save_adapter(self.base_model.path, run.directory / "checkpoints" / "step-8")
        Checkpoint.objects.create(job=job, step=8, folder="checkpoints/step-8", is_best=True, is_final=True)
        return job


def save_adapter(model_folder: Path, folder: Path) -> None:
    """A LoRA adapter whose weights are not zero, so that it answers differently from its base."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(11)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(model_folder),
        LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"),
    )
    model.save_pretrained(folder)


def run_to_end(run: Run) -> Run:
    """Claims and supervises a run in this process: a real engine process, the real record, no worker in between."""
    for _ in range(4):
        run.refresh_from_db()
        if run.status in ENDED:
            return run
        assert run.claim(slot=f"test:{run.pk}", host=dispatching.HOST), f"{run} could not be claimed: {run.status}"
        supervise(run.pk, run.lease_token)
    run.refresh_from_db()
    return run


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def ticket_rows(count: int) -> list[dict[str, Any]]:
    """Short chat rows, all different, whose answers are JSON."""
    kinds = ("refund", "bug", "question")
    return [
        {
            "messages": [
                {"role": "user", "content": f"Order {n} of shelf {n * 7 % 13}: I ask for a {kinds[n % 3]}."},
                {"role": "assistant", "content": json.dumps({"kind": kinds[n % 3], "order": n})},
            ]
        }
        for n in range(count)
    ]


def build_tiny_model(folder: Path) -> Path:
    """A two-layer Llama over a byte-level tokenizer, seeded, saved as safetensors with a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: number for number, token in enumerate([*special, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=special[0], bos_token=special[1], eos_token=special[2]
    )
    fast.model_max_length = 1024
    fast.chat_template = (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
        "{{ message['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder
