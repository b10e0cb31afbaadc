"""The table of metrics: one row each, in the order of the pages. What each is: docs/metrics.md. No torch."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import ALL, Metric

NONE = ()
"""Computed only when it is chosen."""

METRICS: dict[str, Metric] = {
    "accuracy": Metric(
        "accuracy",
        "Accuracy",
        "Share of rows whose answer names the right label and no other.",
        "share", "higher", "rate", ("classification",), ("classification",), "Labels",
    ),
    "macro_f1": Metric(
        "macro_f1",
        "Macro F1",
        "F1 of each label, averaged with equal weight: a rare label counts as much.",
        "score", "higher", "aggregate", ("classification",), group="Labels",
    ),
    "macro_precision": Metric(
        "macro_precision",
        "Macro precision",
        "Of the rows given a label, the share that have it; averaged over labels. A label never given counts 0.",
        "score", "higher", "aggregate", NONE, group="Labels",
    ),
    "macro_recall": Metric(
        "macro_recall",
        "Macro recall",
        "Of the rows that have a label, the share given it; averaged over labels (balanced accuracy).",
        "score", "higher", "aggregate", NONE, group="Labels",
    ),
    "micro_f1": Metric(
        "micro_f1",
        "Micro F1",
        "F1 over all rows together. An answer without a label costs recall, no precision.",
        "score", "higher", "aggregate", NONE, group="Labels",
    ),
    "exact_match": Metric(
        "exact_match",
        "Exact match",
        "Equal to the reference; JSON by value, text without case, blanks and closing signs.",
        "share", "higher", "rate", ALL, ("extraction",),
    ),
    "contains": Metric(
        "contains",
        "Contains reference",
        "Share of answers that hold the reference as whole words.",
        "share", "higher", "rate", ("text", "chat"),
    ),
    "regex": Metric(
        "regex",
        "Matches pattern",
        "Share of answers that match a regular expression: the evaluation's, or each row's reference.",
        "share", "higher", "rate", NONE,
    ),
    "numeric": Metric(
        "numeric",
        "Right number",
        "Share of answers whose last number is the reference's, within a tolerance.",
        "share", "higher", "rate", NONE,
    ),
    "json_valid": Metric(
        "json_valid",
        "Valid JSON",
        "Share of answers that are one JSON object or array and nothing else.",
        "share", "higher", "rate", ("extraction",), group="Format", given=("json",),
    ),
    "json_lenient": Metric(
        "json_lenient",
        "Valid JSON, lenient",
        "As valid JSON, but a code fence or words around it are forgiven.",
        "share", "higher", "rate", ("extraction",), group="Format", given=("json",),
    ),
    "json_schema": Metric(
        "json_schema",
        "Follows the schema",
        "Share of answers that are strict JSON and valid by the row's or the evaluation's JSON Schema.",
        "share", "higher", "rate", NONE, group="Format", given=("schema",),
    ),
    "json_fields": Metric(
        "json_fields",
        "Field accuracy",
        "Share of the reference's fields with the right value; extra fields count against. Read leniently.",
        "share", "higher", "mean", ("extraction",), group="Format", given=("json",),
    ),
    "json_complete": Metric(
        "json_complete",
        "Field completeness",
        "Share of the reference's filled fields that the answer fills too, whatever with. Read leniently.",
        "share", "higher", "mean", NONE, group="Format",
    ),
    "slot_precision": Metric(
        "slot_precision",
        "Slot precision",
        "Of all values the answers give, the share that is right. Read leniently.",
        "score", "higher", "aggregate", NONE, group="Format",
    ),
    "slot_recall": Metric(
        "slot_recall",
        "Slot recall",
        "Of all values the references hold, the share found. Read leniently.",
        "score", "higher", "aggregate", NONE, group="Format",
    ),
    "slot_f1": Metric(
        "slot_f1",
        "Slot F1",
        "Harmonic mean of slot precision and recall, over all rows together.",
        "score", "higher", "aggregate", NONE, group="Format",
    ),
    "tool_call": Metric(
        "tool_call",
        "Right tool call",
        "Share of answers that call the reference's tools with the same arguments, in any order.",
        "share", "higher", "rate", NONE, group="Tool calls", given=("tools",),
    ),
    "tool_name": Metric(
        "tool_name",
        "Right tool",
        "As right tool call, by the tools' names alone.",
        "share", "higher", "rate", NONE, group="Tool calls",
    ),
    "token_f1": Metric(
        "token_f1",
        "Word overlap F1",
        "Overlap of the answer's words with the reference's.",
        "score", "higher", "mean", ("text", "chat"), ("text", "chat"), "Words",
    ),
    "rouge_1": Metric(
        "rouge_1",
        "ROUGE-1",
        "F1 of single words shared with the reference.",
        "score", "higher", "mean", NONE, group="Words",
    ),
    "rouge_2": Metric(
        "rouge_2",
        "ROUGE-2",
        "F1 of word pairs shared with the reference.",
        "score", "higher", "mean", NONE, group="Words",
    ),
    "rouge_l": Metric(
        "rouge_l",
        "ROUGE-L",
        "F1 of the longest common subsequence of words.",
        "score", "higher", "mean", NONE, group="Words",
    ),
    "bleu": Metric(
        "bleu",
        "BLEU",
        "sacreBLEU's corpus BLEU, divided by 100.",
        "score", "higher", "aggregate", NONE, group="Words",
    ),
    "chrf": Metric(
        "chrf",
        "chrF",
        "sacreBLEU's corpus chrF2 (characters, any script), divided by 100.",
        "score", "higher", "aggregate", NONE, group="Words",
    ),
    "embedding_similarity": Metric(
        "embedding_similarity",
        "Embedding similarity",
        "Cosine of the answer's and the reference's embedding, by the embedding model that is here.",
        "score", "higher", "mean", NONE, group="Words",
    ),
    "refused": Metric(
        "refused",
        "Refused",
        "Share of answers that refuse. Good on unsafe prompts, bad on others: see the safety suite.",
        "share", "none", "rate", NONE, group="Behaviour",
    ),
    "repetition": Metric(
        "repetition",
        "Repetition",
        "Share of four-word runs that stood in the answer before.",
        "share", "lower", "mean", NONE, group="Behaviour",
    ),
    "loops": Metric(
        "loops",
        "Ends in a loop",
        "Share of answers that end by saying the same words again and again.",
        "share", "lower", "rate", NONE, group="Behaviour",
    ),
    "length": Metric(
        "length", "Answer length", "Tokens of the answer.", "tokens", "none", "mean", group="Behaviour"
    ),
    "latency": Metric(
        "latency",
        "Latency",
        "Seconds for one request alone, measured on a sample of rows.",
        "seconds", "lower", "mean", group="Speed and cost",
    ),
    "cost": Metric(
        "cost",
        "Cost per 1,000 requests",
        "Tokens read and written at the system's price, or machine time at its rate.",
        "money", "lower", "mean", NONE, group="Speed and cost",
    ),
}  # fmt: skip
