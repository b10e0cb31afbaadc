"""What a training run takes: parameters, memory and time, each as a range, before anything is loaded. No torch.

Sources: parameters are counted as peft counts them. Memory follows the usual accounting (weights, gradients, AdamW's
two moments, activations of a pre-norm decoder; Korthikanti et al., arXiv 2205.05198), calibrated on this project's
starter model. Time is tokens over tokens/s where a run has measured it, else arithmetic over a stated prior.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine.adapters.table import ADAPTERS
from engine.decision.shapes import Linear, ModelShape
from engine.device import Device
from engine.methods.table import METHODS
from engine.training.spec import TrainingOptions
from engine.training.training_options import UNSHARDED

_CPU_RUNTIME = 900 << 20
"""Resident size of Python with torch, transformers, trl and peft loaded, before any weight."""
_CUDA_RUNTIME = 1200 << 20
_SHORT = 0.9
"""Past this share of the memory there is, automatic checkpointing is on."""
WIDENED_SHARE = 0.35
"""Of a card's memory: 16-bit weights are widened to fp32 for a measurement only where that copy takes no more."""
_EVALUATED = 8
"""Rows an evaluation answers at once, as ``engine.evaluation.generate`` does."""
_MEMORY_RANGE = (0.8, 1.35)
_MEASURED_RANGE = (0.85, 1.3)
_START_SECONDS = (8.0, 25.0)
"""Imports and loading, before the first step."""

# Arithmetic a training step really reaches, in FLOP/s: (low, high) for each processor core, measured on two kinds.
_CPU_BF16 = (40e9, 170e9)
_CPU_FP32 = (20e9, 75e9)
# Dense 16-bit peak of a GPU by compute capability; small models reach a tenth of it, large ones about half. Unmeasured.
_GPU_PEAK = ((9.0, 800e12), (8.9, 165e12), (8.6, 71e12), (8.0, 312e12), (7.5, 65e12), (7.0, 112e12), (0.0, 10e12))
_GPU_SHARE = (0.1, 0.5)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Token lengths of the training rows with the model's chat template, and how many of them are trained."""

    rows: int
    mean: float
    longest: int
    trained_share: float
    """Share of tokens that carry loss with the run's settings; the head runs on these only."""


@dataclass(frozen=True, slots=True)
class Parameters:
    total: int
    trainable: int

    @property
    def share(self) -> float:
        return self.trainable / (self.total or 1)


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes at the peak. ``parts`` adds up to ``expected``; ``low`` and ``high`` are what to count with."""

    parts: dict[str, int]
    expected: int
    low: int
    high: int
    available: int
    checkpoint: int
    """Size on disk of one checkpoint that can be resumed."""
    result: int
    """Size on disk of the adapter or the weights alone."""
    cache: int = 0
    """Keys and values of a batch of answers in a later evaluation, beside fp32 weights; not part of the peak."""
    checkpointing: bool = False
    """Whether activations are computed twice: asked for, or automatic and needed."""

    @property
    def verdict(self) -> str:
        """ "fits", "may not fit" or "does not fit"."""
        if self.high <= self.available:
            return "fits"
        return "may not fit" if self.low <= self.available else "does not fit"


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds from start to end of a run, evaluations included."""

    low: float
    high: float
    steps: int
    tokens: int
    measured: bool
    """Whether it rests on this device's own measured speed."""


@dataclass(frozen=True, slots=True)
class Resources:
    parameters: Parameters
    memory: Memory
    time: Time


def estimate(
    shape: ModelShape,
    options: TrainingOptions,
    adapter: str,
    adapter_options: Any,
    device: Device,
    lengths: Lengths,
    *,
    method: str = "sft",
    teacher: ModelShape | None = None,
    tokens_per_s: float | None = None,
    evaluation_tokens: int = 0,
) -> Resources:
    """Everything the preview card shows. ``teacher`` is the model that a distillation learns from.
    ``tokens_per_s`` is a measured training speed of this model on this device;
    ``evaluation_tokens`` are the tokens of one evaluation (validation rows and probes). Raises SpecError when the
    adapter does not fit the model's layers."""
    memory = planned_memory(shape, options, adapter, adapter_options, device, lengths, method=method, teacher=teacher)
    options = replace(options, gradient_checkpointing="on" if memory.checkpointing else "off")
    return Resources(
        count_parameters(shape, adapter, adapter_options),
        memory,
        estimate_time(
            shape, options, adapter, device, lengths, tokens_per_s=tokens_per_s, evaluation_tokens=evaluation_tokens
        ),
    )


def count_parameters(shape: ModelShape, adapter: str, adapter_options: Any) -> Parameters:
    """Total (adapter included) and trainable parameters, as peft's ``print_trainable_parameters`` counts them."""
    row = ADAPTERS[adapter]
    trainable = int(row.module().count_trainable(shape, adapter_options))
    return Parameters(shape.parameters if row.trains_base else shape.parameters + trainable, trainable)


def planned_memory(
    shape: ModelShape,
    options: TrainingOptions,
    adapter: str,
    adapter_options: Any,
    device: Device,
    lengths: Lengths,
    *,
    method: str = "sft",
    teacher: ModelShape | None = None,
) -> Memory:
    """``estimate_memory`` with checkpointing as the run will have it: automatic turns it on where memory is short and
    the adapter bears it."""

    def ask(checkpointing: str) -> Memory:
        chosen = replace(options, gradient_checkpointing=checkpointing)
        return estimate_memory(shape, chosen, adapter, adapter_options, device, lengths, method=method, teacher=teacher)

    if options.gradient_checkpointing != "auto":
        return ask(options.gradient_checkpointing)
    plain = ask("off")
    if "gradient_checkpointing" in ADAPTERS[adapter].refuses_settings:
        return plain
    return ask("on") if plain.expected > _SHORT * plain.available else plain


def estimate_memory(
    shape: ModelShape,
    options: TrainingOptions,
    adapter: str,
    adapter_options: Any,
    device: Device,
    lengths: Lengths,
    *,
    method: str = "sft",
    teacher: ModelShape | None = None,
) -> Memory:
    """Peak memory of the training process (``device.kind`` "cpu": resident size; "cuda": the card's).

    A reference model counts where the adapter cannot be switched off to have the base model back; a ``teacher`` with
    its weights and its probabilities of the trained tokens. Several processes on one processor each hold all of it, or
    with sharding their share; on cards each has its own.
    """
    row = ADAPTERS[adapter]
    trainable = int(row.module().count_trainable(shape, adapter_options))
    half = uses_half(options, device)
    unit = 4 if row.trains_base or not half else 2
    base = row.module().base_bytes(shape, adapter_options, unit) if row.packs_base else shape.parameters * unit
    parts = {
        "runtime": _CPU_RUNTIME if device.kind == "cpu" else _CUDA_RUNTIME,
        "weights": base + (0 if row.trains_base else trainable * 4),
        "gradients": trainable * 4,
        "optimizer": trainable * (8 if options.optim.startswith("adamw") else 1),
        "activations": _activation_bytes(shape, options, row.trains_base, half, lengths, METHODS[method].answers),
    }
    if METHODS[method].needs_reference and not row.switches_off:
        parts["reference"] = shape.parameters * unit
    if teacher is not None:
        trained = _batch_tokens(options, lengths) * lengths.trained_share
        parts["teacher"] = teacher.parameters * unit + int(trained * teacher.vocabulary * 8)
    if options.l2_to_start or options.ewc:
        # A copy of the weights the pull goes back to, and the Fisher diagonal.
        parts["start"] = trainable * 4 * (2 if options.ewc else 1)
    optimizer, weights = parts["optimizer"], parts["weights"]
    sharded = options.sharding != UNSHARDED
    if sharded:
        _share(parts, shape, unit, options.num_processes, row.trains_base)
    if options.num_processes > 1 and device.kind == "cpu":
        parts["processes"] = (options.num_processes - 1) * sum(parts.values())
    if unit == 2:
        # Scores are measured in fp32: 16-bit weights are widened for that long, when no activations are held.
        widened = shape.parameters - shape.matrix_parameters if row.packs_base else shape.parameters
        if device.kind == "cpu" or widened * 4 <= WIDENED_SHARE * device.accelerator_bytes:
            parts["evaluation"] = max(0, widened * 4 - parts["activations"])
    if sharded:
        parts["whole"] = _in_one_piece(parts, weights, options.num_processes if device.kind == "cpu" else 1)
    expected = sum(parts.values())
    result = shape.parameters * 4 if row.trains_base else trainable * 4
    return Memory(
        parts=parts,
        expected=expected,
        low=int(expected * _MEMORY_RANGE[0]),
        high=int(expected * _MEMORY_RANGE[1]),
        available=device.accelerator_bytes if device.kind == "cuda" else device.free_bytes,
        checkpoint=result + optimizer,
        result=result,
        cache=2 * shape.layers * shape.key_value * 4 * _EVALUATED * min(options.cutoff_len, lengths.longest),
        checkpointing=options.gradient_checkpointing == "on",
    )


def _share(parts: dict[str, int], shape: ModelShape, unit: int, processes: int, trains_base: bool) -> None:
    """What one of several processes holds that share a model: its part of all that is kept a weight. While it computes
    it has in one piece what stands outside the blocks, and two blocks: the next is fetched meanwhile."""
    for name in ("weights", "gradients", "optimizer", "start"):
        if name in parts:
            parts[name] = -(-parts[name] // processes)
    together = shape.parameters - sum(shape.blocks) + 2 * max(shape.blocks, default=0)
    parts["gathered"] = together * (unit + (4 if trains_base else 0))


def _in_one_piece(parts: dict[str, int], weights: int, here: int) -> int:
    """What the whole ``weights`` take beyond the peak of training: every process (``here``: of this device) has them
    while it loads, before there is anything else; the first one at each measurement, when nothing is being computed."""
    computing = parts["activations"] + parts["gathered"]
    loading = here * (weights - parts["weights"] - parts["gradients"] - parts["optimizer"] - computing)
    measuring = weights - parts["gathered"] if "evaluation" in parts else weights - computing
    return max(0, loading, measuring)


def uses_half(options: TrainingOptions, device: Device) -> bool:
    """Whether a run computes in 16 bits: as asked, or where the device has bf16 in hardware (GPUs without: fp16)."""
    if options.precision == "auto":
        return device.kind == "cuda" or device.bf16
    return options.precision != "fp32"


def _activation_bytes(
    shape: ModelShape, options: TrainingOptions, trains_base: bool, half: bool, lengths: Lengths, answers: int
) -> int:
    """What forward keeps for backward, for the longest batch; ``answers`` of a row go through side by side.

    A linear layer keeps its input; norms, rotation, activation and residual keep about ten hidden-wide tensors more a
    layer; LoRA keeps an fp32 copy of each input and its dropout mask. Eager attention keeps the score matrix.
    """
    unit = 2 if half else 4
    length = min(options.cutoff_len, lengths.longest)
    tokens = _batch_tokens(options, lengths) * answers
    inputs = sum(layer.inputs for layer in shape.linears if not layer.is_head)
    widest = _widest(shape.linears)
    per_token = inputs * unit + shape.layers * (10 * shape.hidden * unit + 2 * widest * unit)
    if not trains_base:
        per_token += inputs * (4 + 4)
    scores = shape.layers * tokens * shape.heads * length * (unit + 4)
    body = tokens * per_token + scores
    if options.gradient_checkpointing == "on":
        body = tokens * shape.layers * shape.hidden * 4 + body // max(1, shape.layers)
    trained = tokens * lengths.trained_share
    return int(body + trained * shape.vocabulary * (unit + 4 + 4))


def _batch_tokens(options: TrainingOptions, lengths: Lengths) -> int:
    """Of the longest batch, one answer a row."""
    return options.per_device_train_batch_size * min(options.cutoff_len, lengths.longest)


def _widest(linears: tuple[Linear, ...]) -> int:
    return max((layer.outputs for layer in linears if not layer.is_head), default=0)


def estimate_time(
    shape: ModelShape,
    options: TrainingOptions,
    adapter: str,
    device: Device,
    lengths: Lengths,
    *,
    tokens_per_s: float | None = None,
    evaluation_tokens: int = 0,
) -> Time:
    """Time of the whole run. A token costs 2 operations a weight forward and 2 backward, 2 more where it trains
    (Kaplan et al., arXiv 2001.08361); the head only on trained tokens."""
    steps = options.total_steps(lengths.rows)
    tokens = int(steps * options.effective_batch_size * min(lengths.mean, options.cutoff_len))
    if options.max_steps is None:
        tokens = min(tokens, int(lengths.rows * options.num_train_epochs * min(lengths.mean, options.cutoff_len)) + 1)
    evaluations = 2 + steps // options.evaluation_steps(steps)
    head = shape.hidden * shape.vocabulary * lengths.trained_share
    forward = 2.0 * (shape.matrix_parameters + head)
    training = forward * (3.0 if ADAPTERS[adapter].trains_base else 2.0)
    if options.gradient_checkpointing == "on":
        training += forward
    # An evaluation is a forward in fp32: on a processor about as dear a token as a training step in bf16.
    evaluated = evaluations * evaluation_tokens * (0.5 if device.kind == "cuda" else 1.0)
    if tokens_per_s:
        work = (tokens + evaluated) / tokens_per_s
        low, high = work * _MEASURED_RANGE[0], work * _MEASURED_RANGE[1]
    else:
        slow, fast = _speed(device, uses_half(options, device))
        work = training * (tokens + evaluated)
        low, high = work / fast, work / slow
    return Time(low + _START_SECONDS[0], high + _START_SECONDS[1], steps, tokens, bool(tokens_per_s))


def _speed(device: Device, half: bool) -> tuple[float, float]:
    """FLOP/s a run may reach on this device: (low, high)."""
    if device.kind == "cuda" and device.gpus:
        capability = device.gpus[0].compute_capability
        peak = next(peak for least, peak in _GPU_PEAK if capability >= least)
        return peak * _GPU_SHARE[0], peak * _GPU_SHARE[1]
    slow, fast = _CPU_BF16 if half and device.bf16 else _CPU_FP32
    return slow * device.processors, fast * device.processors
