"""The runs table and the run page, read without JavaScript: what they show, to whom, and that names stay text."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from runs_app.models import Run, RunEvent, Status
from tests.world import World
from training_jobs.models import TrainingJob

HOSTILE = '<script>alert(1)</script> "{{ 7|add:7 }}'


def page_of(world: World, job: TrainingJob, role: str = "owner", **query: str) -> str:
    response = world.client(role).get(job.get_absolute_url(), query)
    assert response.status_code == 200
    return response.content.decode().replace("\xa0", " ")


def tell(job: TrainingJob, *events: dict[str, Any]) -> None:
    for seq, event in enumerate(events, 1):
        RunEvent.objects.create(run=job.run, seq=seq, t=0.0, kind=event.pop("kind"), data=event)


def probe(step: int, measure: str, score: float, baseline: float, change: float) -> dict[str, Any]:
    facts = {"suite": "general", "n": 64, "domains": {"science": {"score": score, "n": 8}}}
    return {
        "kind": "probe",
        "step": step,
        "measure": measure,
        "score": score,
        "baseline": baseline,
        "change": change,
        **facts,
    }


def test_it_shows_what_was_measured(world: World) -> None:
    job = world.job()
    tell(
        job,
        {"kind": "metric", "step": 5, "loss": 1.2345, "tokens_per_s": 321.0, "rss_bytes": 2_000_000_000},
        {"kind": "metric", "step": 5, "eval_loss": 1.5},
        probe(0, "loss", 3.0, 3.0, 0.0),
        probe(5, "loss", 3.21, 3.0, -0.07),
        probe(5, "accuracy", 0.75, 0.75, 0.0),
        {"kind": "warning", "code": "forgetting", "step": 5, "text": "Forgetting at step 5"},
    )
    page = page_of(world, job)
    for words in (
        "1.234",
        "1.500",
        "321",
        "2.0 GB",
        "3.210",
        "−7.0 % past the limit",
        "Forgetting at step 5",
        "science",
    ):
        assert words in page
    assert "Step 8" in page and "best" in page


def test_it_says_a_repeated_warning_once(world: World) -> None:
    job = world.job()
    forgot = {"kind": "warning", "code": "forgetting", "suite": "general", "measure": "loss"}
    tell(job, *(forgot | {"step": step, "text": f"Forgetting at step {step}"} for step in (5, 10, 15)))
    page = page_of(world, job)
    assert "Forgetting at step 15" in page and "said 3 times" in page
    assert "Forgetting at step 5<" not in page


def test_it_answers_htmx_with_the_measured_part_alone(world: World) -> None:
    job = world.job()
    answer = world.client().get(job.get_absolute_url(), headers={"HX-Request": "true", "HX-Target": "measured"})
    part = answer.content.decode()
    assert "Checkpoints" in part
    assert "<html" not in part and "Curves" not in part


def test_it_marks_the_recommended_checkpoint_among_gain_and_forgetting(world: World) -> None:
    job = world.job()
    for step in (4, 12):
        folder = job.run.directory / "checkpoints" / f"step-{step}"
        folder.mkdir(parents=True)
        job.checkpoints.create(step=step, folder=f"checkpoints/step-{step}", is_best=step == 12)
    job.checkpoints.filter(step=8).update(is_best=False)
    measured = [(0, 2.0, 0.0), (4, 1.5, -0.01), (8, 1.2, -0.04), (12, 0.9, -0.2)]
    tell(
        job,
        *({"kind": "metric", "step": step, "eval_loss": loss} for step, loss, _ in measured),
        *(probe(step, "loss", 3.0 - 3.0 * change, 3.0, change) for step, _, change in measured),
    )
    page = page_of(world, job)
    assert "Recommended: step 8" in page and "Step 12 is lower (0.900) but past the limit (-20.0%)" in page
    assert "takes step 8, the recommended one" in page
    assert page.count("<circle") == 5 and page.count('class="ring"') == 1
    assert "Step 12: gain +55.0 %, general loss −20.0 %" in page
    assert "lowest validation loss" in page
    answer = world.client().get(job.get_absolute_url(), headers={"HX-Request": "true", "HX-Target": "measured"})
    assert "Recommended: step 8" in answer.content.decode()
    assert job.best_checkpoint is not None and job.best_checkpoint.step == 8


def test_it_says_when_no_checkpoint_is_within_the_limit(world: World) -> None:
    job = world.job()
    tell(job, probe(0, "loss", 3.0, 3.0, 0.0), probe(8, "loss", 3.6, 3.0, -0.2))
    page = page_of(world, job)
    assert "No checkpoint is within the forgetting limit of 5%" in page and "Recommended: step" not in page


def test_it_names_the_run_in_the_title(world: World) -> None:
    job = world.job("tickets")
    job.run.title = "tickets · LoRA"
    job.run.save(update_fields=["title"])
    assert f"<title>Run {job.run_id} · tickets · LoRA" in page_of(world, job)


def test_it_shows_a_failure_with_its_word_and_remedy_and_a_retry(world: World) -> None:
    job = world.job()
    fields = {
        "status": Status.FAILED, "reason": "OutOfMemory", "reason_text": "Ran out at step 3", "remedy": "Halve it",
    }  # fmt: skip
    Run.objects.filter(pk=job.run_id).update(**fields)
    page = page_of(world, job)
    for words in (
        "OutOfMemory",
        "Ran out at step 3",
        "Halve it",
        reverse("run_retry", args=[world.project.pk, job.run_id]),
    ):
        assert words in page


@pytest.mark.parametrize("status", [Status.RUNNING, Status.QUEUED, Status.FAILED, Status.CANCELLED])
def test_it_gives_a_reader_no_buttons(world: World, status: Status) -> None:
    job = world.job()
    Run.objects.filter(pk=job.run_id).update(status=status)
    stop, retry = (reverse(name, args=[world.project.pk, job.run_id]) for name in ("run_stop", "run_retry"))
    for_reader, for_member = page_of(world, job, "reader"), page_of(world, job, "member")
    assert stop not in for_reader and retry not in for_reader
    assert stop in for_member or retry in for_member


def test_it_marks_settings_that_differ_from_the_defaults(world: World) -> None:
    job = world.job()
    job.spec = {"training": {"weight_decay": 0.25}, "adapter_options": {"lora_rank": 3}}
    job.save(update_fields=["spec"])
    page = page_of(world, job)
    assert "2 differ from the defaults" in page
    assert "<strong>0.25</strong>" in page and "default 16" in page


def test_it_shows_the_log_and_finds_lines_without_javascript(world: World) -> None:
    job = world.job()
    (job.run.directory / "console.log").write_text("first\nneedle <b>here</b>\nlast\n")
    assert "first" in page_of(world, job)
    found = page_of(world, job, q="NEEDLE")
    assert "needle &lt;b&gt;here&lt;/b&gt;" in found
    assert "first\n" not in found.split('id="log"')[1].split("</pre>")[0]


def test_it_keeps_hostile_text_inert_everywhere(world: World) -> None:
    job = world.job(HOSTILE)
    (job.run.directory / "console.log").write_text(HOSTILE)
    fields = {"title": HOSTILE, "status": Status.FAILED, "reason_text": HOSTILE, "remedy": HOSTILE}
    Run.objects.filter(pk=job.run_id).update(**fields)
    tell(job, {"kind": "warning", "text": HOSTILE}, probe(1, HOSTILE, 1, 1, 0))
    train, queue = reverse("train", args=[world.project.pk]), reverse("queue")
    state = reverse("run_state", args=[world.project.pk, job.run_id])
    pages = [world.client().get(url).content.decode() for url in (train, queue, state)]
    for page in [*pages, page_of(world, job)]:
        assert "<script>alert" not in page
        assert "14" not in page.split("alert(1)")[1][:40]
        assert "&lt;script&gt;" in page


def test_it_lists_runs_with_losses_and_the_worse_of_both_probes(world: World) -> None:
    job = world.job("listed")
    tell(
        job,
        {"kind": "metric", "step": 5, "loss": 0.5},
        {"kind": "metric", "step": 5, "eval_loss": 0.625},
        probe(5, "loss", 3.1, 3.0, -0.033),
        probe(5, "accuracy", 0.7, 0.75, -0.067),
    )
    page = world.client().get(reverse("train", args=[world.project.pk])).content.decode().replace("\xa0", " ")
    for words in ("listed", "SFT · LoRA", "Tiny", "0.500", "0.625", "−6.7 %"):
        assert words in page


def test_it_filters_and_sorts_by_links(world: World) -> None:
    for name, loss in (("alpha", 2.0), ("beta", 1.0)):
        tell(world.job(name), {"kind": "metric", "step": 1, "loss": loss})
    Run.objects.filter(title="beta").update(status=Status.FAILED)
    url = reverse("train", args=[world.project.pk])
    failed = world.client().get(url, {"state": "failed"}).content.decode()
    assert "beta" in failed and "alpha" not in failed
    by_loss = world.client().get(url, {"sort": "loss"}).content.decode()
    assert by_loss.index("· beta") < by_loss.index("· alpha")
    assert world.client().get(url, {"sort": "nonsense", "state": "x", "page": "999"}).status_code == 200


def test_it_says_what_to_do_next_when_there_is_no_run(world: World) -> None:
    url = reverse("train", args=[world.project.pk])
    assert "Go to the data" in world.client().get(url).content.decode()
    world.split()
    assert "Set up a run" in world.client().get(url).content.decode()
    assert "Set up a run" not in world.client("reader").get(url).content.decode()


def test_it_says_why_a_run_waits(world: World) -> None:
    world.run(kind="train", title="running", status=Status.RUNNING, host="elsewhere")
    from runs_app.dispatching import HOST, exclusive_slots

    Run.objects.filter(title="running").update(host=HOST, slot=exclusive_slots()[0])
    world.run(kind="train", title="next one")
    world.run(kind="train", title="later one")
    page = world.client().get(reverse("queue")).content.decode()
    assert "next in the queue" in page
    assert "1 ahead in the queue" in page


def test_it_offers_an_evaluation_once_there_is_something_to_evaluate(world: World) -> None:
    job = world.job()
    assert "Evaluate against the baseline" in page_of(world, job)
    assert "Evaluate against the baseline" not in page_of(world, job, "reader")
    Run.objects.filter(pk=job.run_id).update(status=Status.RUNNING)
    assert "Evaluate against the baseline" not in page_of(world, job)


@pytest.mark.parametrize(("role", "status"), [("anonymous", 302), ("stranger", 404), ("reader", 200)])
def test_it_shows_runs_to_members_only(world: World, role: str, status: int) -> None:
    job = world.job()
    for url in (job.get_absolute_url(), reverse("train", args=[world.project.pk])):
        assert world.client(role).get(url).status_code == status


def test_it_hands_the_chart_what_the_method_measures_besides_its_loss(world: World) -> None:
    job = world.job()
    assert "data-panels" not in page_of(world, job)
    job.method = "dpo"
    job.save(update_fields=["method"])
    page = page_of(world, job)
    assert "data-panels=" in page and "&quot;reward_margin&quot;" in page
    assert "pairs ranked rightly" in page


def told_task(job: TrainingJob, choose_by: str = "eval_loss") -> None:
    job.spec = {
        "data": {"validation": "there", "task_type": "extraction"},
        "training": {"task_metric": "auto", "choose_by": choose_by},
        "probes": {"suites": [], "forgetting_limit": 0.025},
    }
    job.save(update_fields=["spec"])
    tell(
        job,
        {"kind": "metric", "step": 0, "eval_loss": 2.0},
        {"kind": "metric", "step": 0, "task_metric": "exact_match", "task_score": 0.125, "task_rows": 16},
        probe(0, "loss", 3.0, 3.0, 0.0),
        {"kind": "metric", "step": 8, "eval_loss": 1.0},
        {"kind": "metric", "step": 8, "task_metric": "exact_match", "task_score": 0.5, "task_rows": 16},
        probe(8, "loss", 3.03, 3.0, -0.01),
        {"kind": "log", "code": "measured", "step": 8, "share": 0.18, "seconds": {"probes": 9.0}, "text": "Measuring"},
    )


def test_it_shows_how_well_the_task_is_done_and_what_measuring_took(world: World) -> None:
    job = world.job()
    told_task(job)
    page = page_of(world, job)
    figures = page.split('<dl class="figures')[1].split("</dl>")[0]
    assert "Exact match" in figures and "50.0 %" in figures and "n = 16" in figures
    assert 'data-live="metric.task_score"' in figures
    assert "&quot;task_score&quot;" in page and "&quot;format_rate&quot;" in page
    assert "measuring took 18 % of the time" in page and "limit −2.5 %" in page


def test_it_draws_the_gain_that_the_checkpoint_is_chosen_by(world: World) -> None:
    job = world.job()
    told_task(job)
    assert "Step 8: gain +50.0 %" in page_of(world, job)
    RunEvent.objects.all().delete()
    told_task(job, "task_score")
    page = page_of(world, job)
    assert "Step 8: gain +37.5 %" in page and "gain of the task metric, points" in page
    assert "Step 8 has the best task metric (50.0%)" in page


@pytest.mark.parametrize(
    ("method", "data", "choice"),
    [("cpt", {"validation": "there"}, "auto"), ("sft", {}, "auto"), ("sft", {"validation": "there"}, "off")],
)
def test_it_has_no_place_for_a_task_that_is_not_measured(
    world: World, method: str, data: dict[str, str], choice: str
) -> None:
    job = world.job()
    job.method, job.spec = method, {"data": data, "training": {"task_metric": choice}}
    job.save(update_fields=["method", "spec"])
    assert "metric.task_score" not in page_of(world, job)
