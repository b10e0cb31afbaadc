"""Generation: a batch answers as each prompt alone would, and the model lent out comes back untouched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PromptTuningConfig, get_peft_model

from engine.errors import EngineError
from engine.evaluation.generate import encode_prompt, generate
from engine.evaluation.weights import Stable, System, load_model

WORDS = ["fox", "The sky is", "billing yes", "a", "quick brown fox jumps over the lazy dog", "river", "no", "12345"]


@pytest.fixture
def prompts(tokenizer: Any) -> list[list[int]]:
    return [encode_prompt(tokenizer, [{"role": "user", "content": word}]) for word in WORDS]


def texts(model: Any, tokenizer: Any, prompts: list[list[int]], **options: Any) -> dict[int, tuple[str, int, bool]]:
    found = [row for batch in generate(model, tokenizer, prompts, **options) for row in batch]
    return {row.index: (row.text, row.tokens_out, row.ended) for row in found}


def one_by_one(model: Any, prompt: list[int], ends: int, limit: int) -> list[int]:
    """The plainest greedy loop: no cache, no padding."""
    ids = list(prompt)
    with torch.no_grad():
        while len(ids) < len(prompt) + limit:
            token = int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
            if token == ends:
                break
            ids.append(token)
    return ids[len(prompt) :]


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_it_answers_in_a_batch_as_one_by_one(
    tiny: Any, tokenizer: Any, prompts: list[list[int]], batch_size: int
) -> None:
    found = texts(tiny, tokenizer, prompts, max_new_tokens=24, batch_size=batch_size)
    assert sorted(found) == list(range(len(prompts)))
    for index, prompt in enumerate(prompts):
        plain = one_by_one(tiny, prompt, tokenizer.eos_token_id, 24)
        assert found[index] == (tokenizer.decode(plain, skip_special_tokens=True), len(plain), len(plain) < 24)


def test_it_drops_rows_that_ended_and_keeps_the_others_right(tiny: Any, tokenizer: Any) -> None:
    """End the answers at a token that some reach early: the batch is thinned several times on the way."""
    prompts = [[10 + i, 40 + 3 * i, 90 + i] for i in range(12)]
    alone = [one_by_one(tiny, p, -1, 30) for p in prompts]
    candidates = {token for answer in alone for token in answer}
    end = max(candidates, key=lambda t: len({a.index(t) for a in alone if t in a}))
    tiny.generation_config.eos_token_id = end
    found = texts(tiny, tokenizer, prompts, max_new_tokens=30, batch_size=12)
    lengths = [answer.index(end) if end in answer else 30 for answer in alone]
    assert len(set(lengths)) >= 3, "the case does not thin the batch"
    for index, answer in enumerate(alone):
        expected = answer[: lengths[index]]
        if tokenizer.eos_token_id in expected:
            expected = expected[: expected.index(tokenizer.eos_token_id)]
        assert found[index][:2] == (tokenizer.decode(expected, skip_special_tokens=True), len(expected))


def test_it_reads_a_shared_beginning_once_and_answers_as_without(
    tiny: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = [5 + 7 * i % 200 for i in range(60)]
    prompts = [[*head, *(20 + i * j % 150 for j in range(1 + i))] for i in range(9)]
    read: list[int] = []
    real = tiny.forward

    def watching(*given: Any, **inputs: Any) -> Any:
        read.append(inputs["input_ids"].numel())
        return real(*given, **inputs)

    monkeypatch.setattr(tiny, "forward", watching)
    found = texts(tiny, tokenizer, prompts, max_new_tokens=16, batch_size=4)
    monkeypatch.undo()
    assert read[0] == 60 and read[1] == 4 * 9, "the beginning once, then the four longest without it"
    for index, prompt in enumerate(prompts):
        plain = one_by_one(tiny, prompt, tokenizer.eos_token_id, 16)
        assert found[index][:2] == (tokenizer.decode(plain, skip_special_tokens=True), len(plain))


def test_a_model_whose_layers_see_a_window_reads_each_prompt_whole(tokenizer: Any) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(2)
    config = MistralConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, sliding_window=8, eos_token_id=tokenizer.eos_token_id, initializer_range=0.3,
    )  # fmt: skip
    model = MistralForCausalLM(config).eval()
    prompts = [[5 + 3 * i % 90 for i in range(30)] + [40 + n] for n in range(3)]
    found = texts(model, tokenizer, prompts, max_new_tokens=6)
    for index, prompt in enumerate(prompts):
        plain = one_by_one(model, prompt, tokenizer.eos_token_id, 6)
        assert found[index][1] == len(plain)


def test_it_yields_the_longest_prompts_first_and_says_what_it_timed(
    tiny: Any, tokenizer: Any, prompts: list[list[int]]
) -> None:
    batches = list(generate(tiny, tokenizer, prompts, max_new_tokens=4, batch_size=3))
    sizes = [row.tokens_in for batch in batches for row in batch]
    assert sizes == sorted(sizes, reverse=True)
    assert [row.batch for batch in batches for row in batch] == [3, 3, 3, 3, 3, 3, 2, 2]
    assert all(row.seconds > 0 for batch in batches for row in batch)


def test_it_stops_between_two_tokens(tiny: Any, tokenizer: Any, prompts: list[list[int]]) -> None:
    steps = []

    def on_step() -> None:
        steps.append(1)
        if len(steps) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(generate(tiny, tokenizer, prompts, max_new_tokens=24, on_step=on_step))
    assert len(steps) == 3


def test_it_keeps_the_end_of_a_prompt_that_is_too_long(tiny: Any, tokenizer: Any) -> None:
    long = [5 + i % 200 for i in range(400)]
    found = texts(tiny, tokenizer, [long], max_new_tokens=6)
    plain = one_by_one(tiny, long[-250:], tokenizer.eos_token_id, 6)
    assert found[0][0] == tokenizer.decode(plain, skip_special_tokens=True)


def test_it_generates_with_prompt_tuning(tiny: Any, tokenizer: Any, prompts: list[list[int]]) -> None:
    torch.manual_seed(3)
    model = get_peft_model(tiny, PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM")).eval()
    found = texts(model, tokenizer, prompts, max_new_tokens=8, batch_size=4)
    soft = model.get_prompt(1)
    embed = tiny.get_input_embeddings()
    for index, prompt in enumerate(prompts):
        ids: list[int] = []
        with torch.no_grad():
            while len(ids) < 8:
                vectors = torch.cat([soft, embed(torch.tensor([[*prompt, *ids]]))], 1)
                token = int(tiny(inputs_embeds=vectors).logits[0, -1].argmax())
                if token == tokenizer.eos_token_id:
                    break
                ids.append(token)
        assert found[index][0] == tokenizer.decode(ids, skip_special_tokens=True)


def test_it_refuses_a_model_without_a_chat_template(tokenizer: Any) -> None:
    class Bare:
        chat_template = None

    with pytest.raises(EngineError) as error:
        encode_prompt(Bare(), [{"role": "user", "content": "x"}])
    assert error.value.reason == "Model"


def test_it_switches_adapters_on_one_model_and_gives_the_base_back(
    tiny_folder: Path, tiny_lora: Path, prompts: list[list[int]]
) -> None:
    stable = Stable(tiny_folder)
    answers = []
    for adapter, merge in [(None, False), (tiny_lora, False), (tiny_lora, True), (None, False)]:
        with stable.lend(System("s", "s", adapter), merge=merge) as ready:
            assert ready.merged is (adapter is not None and merge)
            answers.append(texts(ready.model, ready.tokenizer, prompts, max_new_tokens=12))
    base, attached, merged, again = answers
    assert attached == merged
    assert base == again != attached
    fresh, _ = load_model(tiny_folder)
    with stable.lend(System("s", "s")) as ready:
        ours = ready.model.state_dict()
        assert ours.keys() == fresh.state_dict().keys()
        assert all(torch.equal(ours[name], value) for name, value in fresh.state_dict().items())


def test_it_lends_another_whole_model(tiny_folder: Path, tmp_path: Path, tokenizer: Any) -> None:
    other, _ = load_model(tiny_folder)
    with torch.no_grad():
        other.model.norm.weight.mul_(-1)
    other.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    stable = Stable(tiny_folder)
    with stable.lend(System("base", "base")) as one:
        first = one.model.model.norm.weight.clone()
    with stable.lend(System("full", "full", model=tmp_path)) as two:
        assert torch.equal(two.model.model.norm.weight, -first)


def test_it_says_what_is_missing_in_a_folder(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no config\.json"):
        load_model(tmp_path)
    with (
        pytest.raises(EngineError, match=r"no adapter_model\.safetensors"),
        Stable(tiny_folder).lend(System("t", "t", adapter=tmp_path)),
    ):
        pass
