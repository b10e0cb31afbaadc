"""Which suites a run is probed with: chosen in the form, taken into the specification, told apart on the run's page."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from engine.evaluation.suite_rows import BUILT_IN, installed
from engine.samples import GENERAL_ROWS
from engine.training.spec import TrainingSpec
from runs_app.models import RunEvent
from tests.training_jobs.cast import add_audit, form_values, launch_url, preview_url, shaped_split
from tests.world import World
from training_jobs.models import TrainingJob

QUESTIONS = [{"query": f"Is {n} even?", "choices": ["yes", "no"], "gold": n % 2} for n in range(12)]


def evaluation_version(world: World) -> Any:
    split = world.split(make=lambda count: [QUESTIONS[n % 12] | {"query": f"Is {n} even?"} for n in range(count)])
    add_audit(world, split, None, evaluation=26)
    return split.version


def launched(world: World, **changed: str) -> TrainingSpec:
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | changed
    assert client.post(launch_url(world), {name: value for name, value in sent.items() if value}).status_code == 302
    return TrainingSpec.from_json(TrainingJob.objects.latest("pk").spec)


def test_it_probes_the_general_suite_unless_somebody_chooses(world: World) -> None:
    world.split()
    page = world.client().get(launch_url(world)).content.decode()
    for name, about in BUILT_IN.items():
        assert f'name="suite__{name}"' in page and about.about.split(":")[0] in page
    spec = launched(world)
    assert (spec.probes.suites, spec.probes.files, spec.probes.forgetting_limit) == (("general",), (), 0.05)
    assert spec.probes.rows == 32


def test_it_takes_suites_rows_of_the_project_and_the_limit_into_the_run(world: World) -> None:
    version = evaluation_version(world)
    world.split()
    spec = launched(
        world, suite__general="", suite__code="on", suite__safety="on", forgetting_limit="2.5", probe_rows="12",
        **{f"rows__version-{version.pk}": "on"},
    )  # fmt: skip
    assert spec.probes.suites == ("code", "safety")
    assert spec.probes.forgetting_limit == pytest.approx(0.025) and spec.probes.rows == 12
    (own,) = spec.probes.files
    assert (own.key, own.title, own.path) == (f"version-{version.pk}", str(version), str(version.path))


def test_it_offers_only_rows_that_can_be_asked_and_not_those_it_trains_on(world: World) -> None:
    version = evaluation_version(world)
    pairs = world.split()
    add_audit(world, pairs, None, preference=26)
    trained = world.split()
    add_audit(world, trained, None, messages=26)
    page = world.client().get(launch_url(world), {"split": trained.pk}).content.decode()
    assert f'name="rows__version-{version.pk}"' in page and "26 evaluation rows" in page
    assert f"rows__version-{pairs.version_id}" not in page and f"version-{trained.version_id}" not in page


@pytest.mark.parametrize(("typed", "says"), [("0", "0.1"), ("100", "99"), ("much", "number"), ("", "required")])
def test_it_says_what_is_wrong_with_the_limit_and_keeps_the_boxes(world: World, typed: str, says: str) -> None:
    world.split()
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | {"forgetting_limit": typed, "suite__code": "on"}
    answer = client.post(launch_url(world), sent)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert says in page.split('id="id_forgetting_limit_error"')[1].split("</div>")[0]
    assert "suite__code" in form_values(answer)


def test_it_begins_with_the_suites_of_the_run_it_is_like(world: World) -> None:
    world.split()
    launched(world, suite__general="", suite__reasoning="on", forgetting_limit="7")
    again = form_values(world.client().get(launch_url(world), {"from": TrainingJob.objects.get().pk}))
    assert "suite__reasoning" in again and "suite__general" not in again
    assert again["forgetting_limit"] == "7"


def test_it_counts_more_suites_into_the_time(world: World) -> None:
    world.split()
    client = world.client()
    sent = form_values(client.get(launch_url(world)))
    few = client.post(preview_url(world), sent).context["preview"].resources.time.high
    more = client.post(preview_url(world), sent | {"suite__safety": "on"}).context["preview"].resources.time.high
    rows = client.post(preview_url(world), sent | {"replay": "general", "replay_ratio": "0.5"}).context["preview"]
    own = client.post(preview_url(world), sent).context["preview"]
    assert rows.resources.time.steps == 2 * own.resources.time.steps
    assert more > few and installed("safety").cost > installed("general").cost


def test_it_replays_nothing_unless_somebody_chooses_a_source(world: World) -> None:
    world.split()
    assert launched(world).data.replay is None
    spec = launched(world, replay="general", replay_ratio="0.3")
    assert (spec.data.replay, spec.data.replay_name) == (str(GENERAL_ROWS), "General rows of the workbench")
    assert spec.training.replay_ratio == 0.3
    again = form_values(world.client().get(launch_url(world), {"from": TrainingJob.objects.latest("pk").pk}))
    assert again["replay"] == "general"


def test_it_replays_a_version_of_the_project(world: World) -> None:
    other = world.split()
    add_audit(world, other, None, messages=26)
    world.split()
    spec = launched(world, replay=f"version-{other.version_id}")
    assert (spec.data.replay, spec.data.replay_name) == (str(other.version.path), str(other.version))


def test_it_replays_no_rows_that_it_is_probed_with(world: World) -> None:
    other = world.split()
    add_audit(world, other, None, messages=26)
    world.split()
    client, key = world.client(), f"version-{other.version_id}"
    sent = form_values(client.get(launch_url(world))) | {"replay": key, f"rows__{key}": "on"}
    answer = client.post(launch_url(world), sent)
    assert answer.status_code == 400 and "The run is probed with these rows" in answer.content.decode()


def test_it_says_which_rows_a_method_can_replay(world: World) -> None:
    shaped_split(world, "preference")
    client = world.client()
    sent = form_values(client.get(launch_url(world)))
    assert (
        sent["method"] == "dpo"
        and "General rows of the workbench" not in client.get(launch_url(world)).content.decode()
    )
    answer = client.post(launch_url(world), sent | {"replay": "general"})
    assert answer.status_code == 400 and "cannot train on those rows: it needs preference" in answer.content.decode()


def test_it_shows_what_was_replayed(world: World) -> None:
    job = world.job()
    assert "<dt>Replayed</dt><dd>nothing</dd>" in page_of(world, job)
    data = {"code": "replay", "text": "8 rows of mine v2 replayed among 32: 20% of the training rows"}
    RunEvent.objects.create(run=job.run, seq=1, t=0.0, kind="log", data=data)
    assert "8 rows of mine v2 replayed among 32" in page_of(world, job)


def tell(job: TrainingJob, *events: tuple[str, str, int, float, float]) -> None:
    for seq, (suite, measure, step, change, counted) in enumerate(events, 1):
        data = {
            "suite": suite,
            "title": BUILT_IN[suite].title if suite in BUILT_IN else "tickets v3",
            "measure": measure,
            "step": step,
            "score": 0.5 + change / 2,
            "baseline": 0.5,
            "change": change,
            "counted": counted,
            "n": 24,
        }
        RunEvent.objects.create(run=job.run, seq=seq, t=0.0, kind="probe", data=data)


def page_of(world: World, job: TrainingJob) -> str:
    return world.client().get(job.get_absolute_url()).content.decode().replace("\xa0", " ")


def test_it_tells_suites_with_the_same_measure_apart(world: World) -> None:
    job = world.job()
    job.spec = {
        "probes": {"suites": ["general", "code"], "files": [{"key": "version-3", "title": "tickets v3", "path": ""}]}
    }
    job.save(update_fields=["spec"])
    tell(
        job,
        ("general", "accuracy", 8, -0.02, -0.02),
        ("code", "accuracy", 8, -0.3, -0.3),
        ("code", "loss", 8, 0.01, 0.01),
        ("version-3", "accuracy", 8, -0.04, 0.0),
    )
    page = page_of(world, job)
    for words in ("General accuracy", "Code accuracy", "tickets v3 accuracy", "−30.0 % past the limit", "by chance"):
        assert words in page
    figures = page.split('<dl class="figures')[1].split("</dl>")[0]
    for suite, words in (("general", "−2.0 %"), ("code", "−30.0 %"), ("version-3", "−4.0 %")):
        assert words in figures.split(f'data-live="probe.{suite}.worst"')[1].split("</span>")[0]
    assert 'data-live="probe.code/accuracy.change"' not in figures


def test_it_has_a_figure_for_each_measure_of_an_only_suite_before_it_is_measured(world: World) -> None:
    job = world.job()
    job.spec = {"probes": {"suites": ["safety"]}}
    job.save(update_fields=["spec"])
    figures = page_of(world, job).split('<dl class="figures')[1].split("</dl>")[0]
    assert "Safety refusals" in figures and 'data-live="probe.safety/refusal.change"' in figures


def test_it_lists_and_compares_runs_by_the_worst_of_their_last_evaluation(world: World) -> None:
    job, other = world.job("one"), world.job("two")
    tell(
        job,
        ("general", "loss", 4, -0.5, -0.5),
        ("general", "loss", 8, -0.01, -0.01),
        ("code", "loss", 8, -0.06, -0.06),
        ("safety", "refusal", 8, -0.5, 0.0),
    )
    runs = world.client().get(reverse("train", args=[world.project.pk])).content.decode().replace("\xa0", " ")
    assert "−6.0 %" in runs and "−50.0 %" not in runs
    compared = world.client().get(reverse("compare_runs", args=[world.project.pk]), {"a": job.pk, "b": other.pk})
    assert "−6.0 %" in compared.content.decode().replace("\xa0", " ")


def test_it_holds_a_fall_of_two_rows_against_no_checkpoint(world: World) -> None:
    job = world.job()
    tell(job, ("code", "accuracy", 8, -2 / 12, 0.0))
    (measured,) = [one for one in job.candidates() if one.step == 8]
    assert measured.change == 0.0 and job.recommended({8}).step == 8
