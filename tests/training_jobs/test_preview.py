"""The preview card: ready or not, why, and what the run will take."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from django.urls import reverse

from engine.training.spec import TrainingOptions
from models_app.registering import register
from tests.training_jobs.cast import LENGTHS, add_audit, form_values, launch_url, preview_url, shaped_split
from tests.world import World
from training_jobs.lengths import lengths_of
from training_jobs.planning import duration_range
from training_jobs.pricing import cost_range


def ask(world: World, **changed: str) -> str:
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | changed
    response = client.post(preview_url(world), sent)
    assert response.status_code == 200
    return response.content.decode().replace("\xa0", " ")


def test_it_is_ready_and_counts_batch_steps_and_parameters(world: World) -> None:
    world.split(train=16)
    page = ask(
        world,
        num_train_epochs="3",
        per_device_train_batch_size="4",
        gradient_accumulation_steps="2",
        adapter__lora_rank="2",
    )
    assert "preview-ready" in page
    assert "8 rows (4 × 2)" in page
    assert "<dt>Steps</dt><dd>6</dd>" in page
    # Two layers: q and o 32x32, k and v 32x16, three of the MLP 32x64; rank 2 of each.
    trainable = 2 * 2 * (2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64))
    assert f"{trainable / 1000:.1f} k of" in page


def test_it_counts_every_parameter_of_full_fine_tuning_and_brings_its_settings_along(world: World) -> None:
    world.split()
    page = ask(world, adapter="full")
    assert "(100.0 %)" in page
    assert 'id="settings"' in page and 'hx-swap-oob="true"' in page
    assert "adapter__lora_rank" not in page


def test_it_says_how_many_rows_the_cutoff_would_cut(world: World) -> None:
    add_audit(world, world.split(), LENGTHS)
    world.project.system_prompt = ""
    world.project.save(update_fields=["system_prompt"])
    page = ask(world, cutoff_len="199")
    assert "<dt>Rows cut</dt><dd>25.0 %</dd>" in page
    assert "lose their end" in page
    assert "<dt>Rows cut</dt><dd>0.0 %</dd>" in ask(world, cutoff_len="320")


def test_it_spreads_rows_evenly_inside_a_bin_of_the_histogram(world: World) -> None:
    split = world.split()
    add_audit(world, split, LENGTHS)
    lengths = lengths_of(split, "")
    assert lengths is not None
    assert lengths.share_over(149) == pytest.approx(0.25 + 0.25)
    assert lengths.share_over(9) == pytest.approx(0.25 * 0.9 + 0.75)
    assert lengths.share_over(320) == 0.0


@pytest.mark.parametrize(
    ("field", "typed", "reason"),
    [
        ("learning_rate", "quick", "is not a number"),
        ("cutoff_len", "4096", "The model reads at most 1,024 tokens"),
        ("adapter__target_modules", "lm_head", "cannot take LoRA"),
        ("name", "", "This field is required"),
    ],
)
def test_it_is_not_ready_and_says_why(world: World, field: str, typed: str, reason: str) -> None:
    world.split()
    page = ask(world, **{field: typed})
    assert "preview-not-ready" in page
    assert reason in page


def test_it_is_not_ready_when_the_rows_are_gone_from_the_disk(world: World) -> None:
    world.split().file("train").unlink()
    assert "gone from the disk" in ask(world)


def test_it_warns_of_too_few_validation_rows(world: World) -> None:
    world.split(validation=4)
    assert "Only 4 validation rows" in ask(world)


def test_it_rests_the_time_on_what_earlier_runs_of_this_machine_measured(world: World) -> None:
    from runs_app.dispatching import HOST
    from runs_app.models import RunEvent

    job = world.job()
    job.run.host = HOST
    job.run.save(update_fields=["host"])
    assert "first guess" in ask(world)
    for seq, speed in enumerate((200.0, 300.0, 250.0), 1):
        RunEvent.objects.create(run=job.run, seq=seq, t=0, kind="metric", data={"step": seq, "tokens_per_s": speed})
    page = ask(world)
    assert "250 tokens a second, measured in 1 earlier run on this machine" in page
    # A method that runs a second model beside the first is slower a token: its runs say nothing here.
    job.method = "distillation"
    job.save(update_fields=["method"])
    assert "first guess" in ask(world)


def test_it_counts_the_settings_that_differ_from_the_defaults(world: World) -> None:
    world.split()
    assert "all settings as suggested" in ask(world)
    assert "2 settings differ from the defaults" in ask(world, weight_decay="0.1", seed="7")


@pytest.mark.parametrize(("role", "status"), [("stranger", 404), ("reader", 403), ("member", 200)])
def test_it_is_for_those_who_may_launch(world: World, role: str, status: int) -> None:
    assert world.client(role).post(preview_url(world), {}).status_code == status


def test_it_answers_an_empty_form_with_reasons(world: World) -> None:
    page = world.client().post(preview_url(world), {}).content.decode()
    assert "preview-not-ready" in page
    assert "This field is required" in page


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(31, 76, "30 to 75 s"), (130, 230, "2 to 4 min"), (110, 115, "about 2 min"), (5400, 11000, "1.5 to 3.1 h")],
)
def test_it_gives_times_as_a_range_in_one_unit(low: float, high: float, words: str) -> None:
    assert duration_range(low, high) == words


def test_it_shows_a_field_for_every_option_of_the_engine(world: World) -> None:
    world.split()
    fields = form_values(world.client().get(launch_url(world)))
    page = world.client().get(launch_url(world)).content.decode()
    for name in TrainingOptions.__dataclass_fields__:
        assert name in fields or f'name="{name}"' in page


def layers_of(page: str) -> list[str]:
    """Each layer of the drawn stack as one text, from the answer to the input."""
    drawn = page.split('<ol class="layers"')[1].split("</ol>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", layer).split()) for layer in drawn.split("<li")[1:]]


def test_it_draws_which_layers_train_with_their_counts(world: World) -> None:
    world.split()
    # Embeddings are the head as well: 259 x 32. A block: four projections, three of the MLP, two norms.
    block = 32 * 32 + 2 * 32 * 16 + 32 * 32 + 3 * 32 * 64 + 2 * 32
    last, blocks, embeddings = (layer.partition(">")[2].strip() or layer for layer in layers_of(ask(world)))
    pairs = 2 * 16 * (2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64))
    assert "Blocks 1 to 2 adapter, weights frozen" in blocks
    assert f"{pairs / 1000:.1f} k beside {2 * block / 1000:.1f} k" in blocks
    assert "Embeddings and output head frozen" in embeddings and "Last norm frozen" in last
    partial = layers_of(ask(world, adapter="partial"))
    assert ["trained" in layer for layer in partial] == [False, True, False, False]
    assert "Block 2 trained" in partial[1] and "Block 1 frozen" in partial[2]


def test_it_shows_memory_by_part_and_the_cheapest_card(world: World) -> None:
    world.split()
    page = ask(world)
    for words in (
        "Optimizer states",
        "Gradients",
        "Activations of the longest batch",
        "Keys and values",
        "At the peak",
    ):
        assert words in page
    assert "RTX 3090 24 GB is the cheapest that fits" in page
    assert "no GPU was measured" in page
    assert "Reference model" not in page


def test_it_counts_a_reference_model_and_a_teacher(world: World) -> None:
    shaped_split(world, "preference")
    assert "Reference model" not in ask(world)
    assert "Reference model (a second copy)" in ask(world, adapter="full")
    shaped_split(world, "messages")
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | {"method": "distillation"}
    sent = form_values(client.post(launch_url(world), sent)) | {"teacher": str(world.base_model.pk)}
    page = client.post(preview_url(world), sent).content.decode()
    assert "preview-ready" in page and '<th scope="row">Teacher</th>' in page


def test_it_shows_what_is_trained_with_hostile_text_escaped(world: World) -> None:
    def hostile(count: int) -> list[dict[str, object]]:
        row = {"prompt": "<script>alert(1)</script> jane.doe@example.com", "completion": "<b>done</b>"}
        return [row] * count

    world.split(make=hostile)
    page = ask(world)
    shown = page.split('id="seen"')[1].split("</details>")[0]
    assert "<script>" not in shown and "<b>done" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; j***@e***.com" in shown
    trained = [part.split("</mark>")[0] for part in shown.split('<mark class="seen-trained">')[2:]]
    assert any("&lt;b&gt;done&lt;/b&gt;" in part for part in trained)
    assert not any("script" in part for part in trained)
    masked = [part.split("</span>")[1] for part in shown.split('<span class="seen-masked">')[2:]]
    assert any("Answer with JSON only." in part for part in masked), "the project's system prompt is read as well"


def test_all_of_a_row_is_trained_when_prompts_are_learned_too(world: World) -> None:
    world.split()
    client = world.client()
    sent = form_values(client.get(launch_url(world)))
    some = client.post(preview_url(world), sent).content.decode()
    sent.pop("train_on_answers_only")
    every = client.post(preview_url(world), sent).content.decode()
    shares = [float(re.findall(r"See what is trained: ([0-9.]+)", page)[0]) for page in (some, every)]
    assert shares[0] < 50 and shares[1] > 95


def test_it_says_what_a_run_costs_once_prices_are_known(world: World) -> None:
    world.split()
    assert "set a price" in ask(world)
    client = world.client("member")
    url = reverse("prices", args=[world.project.pk])
    assert client.post(url, {"currency": "EUR", "price-0": "-1"}).status_code == 400
    assert client.post(url, {"currency": "EUR", "price-0": "36", "price-3": "1.5"}).status_code == 302
    page = ask(world)
    cost = re.search(r"<dt>Cost</dt><dd>([\d.]+) to ([\d.]+) EUR</dd>", page)
    assert cost is not None and 0.05 < float(cost[1]) < float(cost[2])
    cards = page.split('id="memory-cards"')[1].split("</details>")[0]
    assert cards.count("EUR") == 1 and "EUR" in cards.split("A100 40 GB")[1].split("</tr>")[0]
    again = client.get(url).content.decode()
    assert 'value="36' in again and 'value="EUR"' in again


@pytest.mark.parametrize(
    ("per_hour", "low", "high", "words"),
    [
        (None, 1, 2, ""),
        (2.0, 1800, 7200, "1.00 to 4.00 USD"),
        (0.5, 10, 20, "under 0.01 USD"),
        (0, 9, 9, "0 USD"),
    ],
)
def test_a_cost_is_time_by_price_as_a_range(per_hour: float | None, low: float, high: float, words: str) -> None:
    assert cost_range(per_hour, low, high, "USD") == words


def test_a_teacher_with_other_tokens_is_named_before_the_run(world: World, tmp_path: Path) -> None:
    shaped_split(world, "messages")
    other = tmp_path / "other"
    shutil.copytree(world.base_model.path, other)
    document = json.loads((other / "tokenizer.json").read_text())
    document["model"]["vocab"]["new"] = len(document["model"]["vocab"])
    (other / "tokenizer.json").write_text(json.dumps(document))
    teacher = register(other, name="Stranger")
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | {"method": "distillation"}
    sent = form_values(client.post(launch_url(world), sent))
    page = client.post(preview_url(world), sent | {"teacher": str(teacher.pk)}).content.decode()
    assert "preview-not-ready" in page and "Stranger has another tokenizer" in page
    page = client.post(preview_url(world), sent | {"teacher": str(world.base_model.pk)}).content.decode()
    assert "preview-ready" in page and "The teacher is the model itself" in page
