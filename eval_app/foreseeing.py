"""An evaluation before it is started: whether it can be, how much it asks, how long it takes, and what it can show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.data.errors import DataError
from engine.errors import EngineError
from engine.evaluation.cases import Case, read_cases
from engine.evaluation.metrics import METRICS, metrics_for
from engine.evaluation.power import planned
from engine.evaluation.spec import DocumentFile
from engine.evaluation.store import Store, open_store
from engine.evaluation.store_keys import content_of, dated, endpoint_key, weights_key
from engine.evaluation.systems import kind_of, load, read_options
from engine.evaluation.systems.materials import Materials
from eval_app.launch_form import Launch, checkpoint_trained_on, rows_of
from eval_app.launching import Chosen, Plan, embedder, store_path
from eval_app.models import System
from projects_app.models import Project

# A page answers at once: more than this is not read for it.
MOST_READ_BYTES = 4 << 20


@dataclass
class Foreseen:
    reasons: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)
    rows: int = 0
    systems: int = 0
    answers: int = 0
    cached: int | None = None
    """None: not counted."""
    seconds: float | None = None
    unmeasured: int = 0
    """Systems whose speed nobody has measured yet."""
    shows: str = ""

    @property
    def left(self) -> int:
        return self.answers - (self.cached or 0)

    @property
    def ready(self) -> bool:
        return not self.reasons


def foresee(launch: Launch) -> tuple[Foreseen, Plan | None]:
    """The preview of what stands in the form, and the plan where it can be started."""
    found = Foreseen(reasons=launch.problems())
    if found.reasons:
        return found, None
    plan = launch.plan()
    source = plan.split or plan.version
    assert source is not None
    found.rows = min(plan.limit or rows_of(source), rows_of(source))
    found.systems = len(plan.systems)
    asked = [chosen for chosen in plan.systems if kind_of(chosen.kind).answers != "rule"]
    found.answers = found.rows * len(asked)
    _look_for_what_is_missing(launch.project, plan, found)
    if found.ready:
        cached = _cached(launch.project, plan, asked, found)
        found.cached = None if cached is None else sum(cached)
        _expect(launch.project, asked, cached or [0] * len(asked), found)
    name = plan.primary or _primary(launch.project, plan)
    found.shows = planned(found.rows, METRICS[name].kind)
    return found, plan if found.ready else None


def _look_for_what_is_missing(project: Project, plan: Plan, found: Foreseen) -> None:
    kinds = {chosen.kind for chosen in plan.systems}
    if not plan.rows.is_file():
        found.reasons.append("The file of these rows is not there any more. Split the version again.")
    if "few_shot" in kinds and plan.training_rows is None:
        found.reasons.append("Few-shot takes its examples from training rows: choose a split that has some.")
    if "retrieval" in kinds and not project.documents.exists():
        found.reasons.append("Retrieval needs documents: upload some on the Documents page.")
    if any(c.kind == "retrieval" and c.option("ranker") == "embeddings" for c in plan.systems) and embedder() is None:
        found.reasons.append(
            "There is no embedding model on this machine. Rank by BM25, or have the administrator put the folder of "
            "one under the workbench's models."
        )
    if any(c.kind == "prompt" and not c.option("system_prompt").strip() for c in plan.systems):
        found.cautions.append("A system with another prompt has none: it is asked without any system prompt.")
    if len(plan.systems) == 1:
        found.cautions.append("One system alone is measured, and compared with nothing.")
    if plan.version is not None:
        version = plan.version
        trained = [c for c in plan.systems if c.checkpoint and checkpoint_trained_on(c.checkpoint, version)]
        found.cautions += [
            f"{c.title()} was trained on rows of {version}: its figures will flatter it." for c in trained
        ]


def _cached(project: Project, plan: Plan, asked: list[Chosen], found: Foreseen) -> list[int] | None:
    """How many answers of each system were generated before; None where counting would take too long."""
    files = [plan.rows, *([plan.training_rows] if plan.training_rows else [])]
    if sum(path.stat().st_size for path in files) > MOST_READ_BYTES:
        return None
    store = open_store(store_path())
    if store is None:
        return [0] * len(asked)
    try:
        cases = read_cases(plan.rows, project.system_prompt, plan.limit, 42)
        documents = [DocumentFile(one.name, one.path) for one in project.documents.all()]
        materials = Materials(cases, plan.training_rows, documents, None)
        return [_known(store, chosen, cases, materials) for chosen in asked]
    except (EngineError, DataError) as error:
        found.reasons.append(str(error))
        return None
    finally:
        store.close()


def _known(store: Store, chosen: Chosen, cases: list[Case], materials: Materials) -> int:
    if chosen.kind == "retrieval" and chosen.option("ranker") == "embeddings":
        return 0  # a page has no embedding model
    prompting = load(chosen.kind).prepare(read_options(chosen.kind, chosen.options, "here"), materials)
    if chosen.endpoint is not None:
        where = (chosen.endpoint.base_url, chosen.endpoint.model)
        return store.known([endpoint_key(*where, prompting(case).messages, case.tools) for case in cases])
    assert chosen.model is not None
    home, adapter = chosen.model.path, None
    if chosen.checkpoint is not None:
        whole = not (chosen.checkpoint.path / "adapter_config.json").is_file()
        home, adapter = (chosen.checkpoint.path, None) if whole else (home, chosen.checkpoint.path)
    content = content_of(store, home, adapter, read=False)
    if content is None:
        return 0
    today = dated(home)
    return store.known([weights_key(content, prompting(case).messages, case.tools, today=today) for case in cases])


def _expect(project: Project, asked: list[Chosen], cached: list[int], found: Foreseen) -> None:
    """Seconds by what answers of the same model took in earlier evaluations of this project."""
    seconds, known = 0.0, False
    for chosen, there in zip(asked, cached, strict=True):
        left = found.rows - there
        pace = _pace(project, chosen)
        if pace is None:
            found.unmeasured += left > 0
        else:
            known = True
            seconds += left * pace
    found.seconds = seconds if known and found.answers else None


def _pace(project: Project, chosen: Chosen) -> float | None:
    """Seconds an answer, from the newest evaluation that measured this model or endpoint."""
    same: dict[str, Any] = {"endpoint": chosen.endpoint} if chosen.endpoint else {"base_model": chosen.model}
    systems = System.objects.filter(evaluation__project=project, evaluation__results__isnull=False, **same)
    for system in systems.select_related("evaluation").order_by("-pk")[:5]:
        latency = ((system.evaluation.results or {}).get("systems", {}).get(system.key) or {}).get("latency") or {}
        batch = latency.get("batch") or {}
        if batch.get("p50") and batch.get("size"):
            return float(batch["p50"]) / float(batch["size"])
        if latency.get("p50"):
            return float(latency["p50"])
    return None


def _primary(project: Project, plan: Plan) -> str:
    names = plan.metrics or metrics_for(project.task_type)
    return next((name for name in names if project.task_type in METRICS[name].primary), names[0])
