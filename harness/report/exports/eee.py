"""Every Eval Ever (schema 0.3.0): measurements as `evaluation_run`, with a record of every output beside them.

Files lie as in its datastore: data/<benchmark>/<developer>/<model>/<uuid>.json, and <uuid>_samples.jsonl. The uuid is
made of what the record is about, so that the same run has the same one. Values outside named fields are text there, so
counts and settings are JSON within text. Published figures and what articles say: eee_published.py.
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from harness.gathering.records import Publication, SampleStory
from harness.records import Estimate, ModelSpec
from harness.report.as_json import to_plain
from harness.report.exports.chosen import OTHERS, LeftOut, Measured, epoch, versions
from harness.report.exports.eee_samples import SCHEMA, result_id, rows_of
from harness.report.exports.written import Lines, deviations, document, drawn, metric, texts
from harness.report.site.page import Page, Streamed
from harness.tasks.scorers import ERROR_RATES

FOLDER = "eee"
LIBRARY = "qwen-claim-harness"
PROJECT = "The Qwen claim harness authors"
ADDRESS = re.compile(r"https?://[^\s,;()]+")


def pages(
    publication: Publication,
    runs: Sequence[Measured],
    samples: Callable[[str], Iterable[SampleStory]],
    left_out: LeftOut,
) -> Iterator[Page | Streamed]:
    """A record of every run whose model has a developer, and of which the time is recorded."""
    for run in runs:
        model = model_id(run.model, run.spec.model)
        if model is None:
            left_out(
                f"{run.name}: nobody is recorded as the developer of {run.spec.model}, and a record must name one."
            )
            continue
        if run.recorded_at is None:
            left_out(f"{run.name}: when it was made is not recorded, and a record must say so.")
            continue
        when = epoch(run.recorded_at)
        record = _record(publication, run, model, when)
        path = record_path(run.spec.task, model, f"{run.story.spec_hash}/{run.scorer}/{run.story.run.version}")
        rows = Lines(partial(_lines, run, (model, record["evaluation_id"]), samples, left_out))
        if rows:
            beside = path.removesuffix(".json") + "_samples.jsonl"
            yield Streamed(f"{FOLDER}/{beside}", rows)
            record["detailed_evaluation_results"] = {
                "format": "jsonl",
                "file_path": beside,
                "hash_algorithm": "sha256",
                "checksum": rows.digest,
                "total_rows": rows.rows,
            }
        yield Page(f"{FOLDER}/{path}", document(record))


def _lines(
    run: Measured, about: tuple[str, str], samples: Callable[[str], Iterable[SampleStory]], left_out: LeftOut
) -> Iterator[tuple[bytes, bytes]]:
    """Each line of the records beside, twice: the checksum is the file's own. `about`: ids of model and evaluation."""
    for text in rows_of(run, *about, samples(run.name), left_out):
        yield text, text


def model_id(model: ModelSpec | None, name: str) -> str | None:
    """`Qwen/QwQ-32B` on the hub, else `openai/o1-mini` after the developer; None where no developer is recorded."""
    if model is not None and model.repository is not None:
        return model.repository.hub
    developer = slug(model.developer) if model is not None else "unknown"
    return None if developer == "unknown" else f"{developer}/{slug(name)}"


def slug(text: str) -> str:
    """Lower case, without what stands in brackets, as one part of a path."""
    bare = re.sub(r"\(.*?\)", "", text).strip().lower()
    return re.sub(r"[^a-z0-9._-]+", "-", bare).strip("-.") or "unknown"


def record_path(benchmark: str, model: str, about: str) -> str:
    """`data/<benchmark>/<developer>/<model>/<uuid>.json`; the uuid is made of all of it and `about`."""
    place = f"data/{slug(benchmark)}/{model}"
    digest = hashlib.sha256(f"{place}/{about}".encode()).digest()
    return f"{place}/{uuid.UUID(bytes=digest[:16], version=4)}.json"


def model_info(model: ModelSpec | None, found: str, details: dict[str, object], deployed: str) -> dict[str, Any]:
    """`found`: the model's id; `deployed`: who ran it, in the schema's words."""
    weights = {"open": "open_weights", "closed": "closed_weights"}.get(model.weights if model else "", "unknown")
    return {
        "name": model.name if model else found.partition("/")[2],
        "id": found,
        "developer": model.developer if model else found.partition("/")[0],
        "additional_details": {"deployment_type": deployed, "model_availability": weights, **texts(details)},
    }


def _record(publication: Publication, run: Measured, model: str, when: str) -> dict[str, Any]:
    ours = run.story.run.evidence == "measured"
    spec, session = run.spec, run.last
    info = model_info(
        run.model,
        model,
        {
            "revision": run.revision,
            "weights": None if run.revision or not run.story.knows("weights") else spec.weights,
            "precision": spec.precision if run.story.knows("precision") else None,
            "kv_precision": spec.kv_precision,
            "yarn": spec.yarn,
            "hardware": session.hardware if session else None,
            "device": spec.device if run.story.knows("device") else None,
        },
        "self_deployed" if ours else "unknown",
    )
    if ours:
        info["inference_engine"] = {"name": spec.engine, "version": spec.engine_version}
    found: dict[str, Any] = {
        "schema_version": SCHEMA,
        "evaluation_id": f"{spec.task}/{model}/{when}",
        **({"evaluation_timestamp": epoch(run.started)} if run.started else {}),
        "retrieved_timestamp": when,
        "source_metadata": {
            **_source(run),
            "additional_details": texts(
                {
                    **_origin(run),
                    "evidence": run.story.run.evidence,
                    "spec_hash": run.story.spec_hash,
                    "claims": list(run.story.claims),
                    "verdicts": {f"{v.claim}/{v.check}": v.outcome for v in run.verdicts},
                    "registered_before_the_run": [
                        to_plain(r) for r, before in run.story.run.registrations if not before
                    ],
                }
            ),
        },
        "eval_library": {
            "name": LIBRARY,
            "version": (session.version if session else publication.version) or "unknown",
            "additional_details": texts(
                {
                    "commit": session.commit if session else publication.commit,
                    "dirty": session.dirty if session else publication.dirty,
                    "python": session.python if session else None,
                    "packages": dict(session.packages) if session else None,
                }
            ),
        },
        "model_info": info,
        "evaluation_results": [_judging(run), *_others(run)],
    }
    return found


def _source(run: Measured) -> dict[str, Any]:
    """Whose outputs were evaluated. The schema's `evaluation_run` is about raw outputs "even when a third party ran
    them"; how those who recorded some stand to the model nobody says."""
    recorded = run.story.recorded
    if recorded is None:
        return {
            "source_name": run.name,
            "source_type": "evaluation_run",
            "source_organization_name": PROJECT,
            "evaluator_relationship": "third_party",
        }
    addresses = ADDRESS.findall(recorded.source)
    return {
        "source_name": recorded.title or run.name,
        "source_type": "evaluation_run",
        "source_organization_name": speaker(addresses) or recorded.source or "unknown",
        **({"source_organization_url": addresses[0]} if addresses else {}),
        "evaluator_relationship": "other",
    }


def _origin(run: Measured) -> dict[str, str]:
    recorded = run.story.recorded
    if recorded is None:
        return {}
    told = {"source": recorded.source, "licence": recorded.licence, "graded_by": PROJECT, "run": run.name}
    return {"outputs": OTHERS, **told}


def speaker(addresses: Sequence[str]) -> str | None:
    """`github.com/QwenLM`: whose address the source is."""
    if not addresses:
        return None
    _, _, rest = addresses[0].partition("://")
    return "/".join(part for part in rest.split("/")[:2] if part)


def _judging(run: Measured) -> dict[str, Any]:
    made, counts = run.estimate, run.estimate.counts or run.story.run.counts
    details = texts({"counts": to_plain(counts), "lost_share": made.lost_share, "rounds": made.rounds})
    return {
        **_result(run, run.scorer, made.value, {**details, "questions": str(made.questions)}, _uncertainty(made)),
        "generation_config": _generation(run),
    }


def _others(run: Measured) -> Iterator[dict[str, Any]]:
    for name, value in run.story.run.others:
        yield _result(run, name, value, {"of": "the same outputs, by another scorer"}, None)


def _result(
    run: Measured, scorer: str, value: float, details: dict[str, str], uncertainty: dict[str, Any] | None
) -> dict[str, Any]:
    dataset, kind = run.dataset, metric(scorer)
    bounds = {"min_score": 0, "max_score": "Infinity" if scorer in ERROR_RATES else 1}
    limited = texts({"first_questions_only": run.spec.limit})
    source: dict[str, Any] = {"dataset_name": run.spec.task, "source_type": "other"}
    if dataset is not None:
        asked = {"hf_repo": dataset.repo, "samples_number": run.spec.questions}
        source = {"dataset_name": run.spec.task, "source_type": "hf_dataset", **asked}
        pinned = {"revision": dataset.revision, "file": dataset.file}
    else:
        pinned = {"fingerprint": run.spec.dataset}
    version = dict(versions(run))[scorer]
    return {
        "evaluation_result_id": result_id(run, scorer),
        "evaluation_name": run.spec.task,
        "source_data": {**source, "additional_details": {**pinned, "task_version": run.spec.task_version, **limited}},
        "metric_config": {
            "evaluation_description": f"{run.spec.task} by {scorer}, {drawn(run)}",
            "metric_id": f"{LIBRARY}.{scorer}",
            "metric_name": scorer,
            "metric_kind": {"accuracy": "accuracy", "bleu": "text_overlap"}.get(kind, "edit_distance"),
            "metric_unit": "proportion",
            "lower_is_better": scorer in ERROR_RATES,
            "score_type": "continuous",
            **bounds,
            "additional_details": texts({"scorer_version": version}),
        },
        "score_details": {"score": value, "details": details, **({"uncertainty": uncertainty} if uncertainty else {})},
    }


def _uncertainty(made: Estimate) -> dict[str, Any]:
    """The interval as judged with, and the fixed set's standard error, √(V / generations)."""
    generations = made.questions * made.rounds
    found: dict[str, Any] = {"num_samples": generations}
    if made.low is not None and made.high is not None:
        bounds = {"lower": made.low, "upper": made.high, "confidence_level": made.level}
        found["confidence_interval"] = {**bounds, "method": f"{made.method}, for these questions"}
    if made.standard_error is not None:
        found["standard_error"] = {"value": made.standard_error, "method": "analytic, variance within questions"}
    return found


def _generation(run: Measured) -> dict[str, Any]:
    spec, drawing = run.spec, run.spec.sampling
    knows = run.story.knows
    named = ("temperature", "top_p", "top_k", "max_tokens")
    arguments: dict[str, Any] = {name: getattr(drawing, name) for name in named if knows(f"sampling.{name}")}
    if knows("thinking"):
        arguments["reasoning"] = spec.thinking != "none"
    if run.last is not None and run.last.command:
        arguments["execution_command"] = run.last.command
    fields = ("protocol", "repeats", "seed", "system_prompt", "chat_template", "thinking", "voice")
    more = {
        "min_p": drawing.min_p or None,
        "presence_penalty": drawing.presence_penalty or None,
        "repetition_penalty": drawing.repetition_penalty if drawing.repetition_penalty != 1 else None,
        "stop": drawing.stop,
        **{name: getattr(spec, name) for name in fields if knows(name)},
        "chat_template_sha256": spec.template,
        "deviations": deviations(run.story.run.deviations),
    }
    return {"generation_args": arguments, "additional_details": texts(more)}
