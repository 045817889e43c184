"""lm-eval's results_….json and samples_….jsonl, as its EvaluationTracker (0.4.13) writes them.

One pair of files for each run, below a folder named after the model. Told in lm-eval's own terms: a metric is a
scorer, its standard error is that of questions drawn from such questions (s/√K over their means, as lm-eval's
`mean_stderr`), the filter is `none`. Our interval (the fixed set's), counts and deviations stand in `metadata` of the
task's config, which lm-eval keeps free. Left out where lm-eval would know and we do not: `n-shot`, the chat template's
text, the tokenizer; and what would say that lm-eval had run: its version, the commit it stood at. Of recorded outputs
only the settings that the recording states are there, and whose they are stands in `metadata`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from harness.gathering.records import SampleStory
from harness.report.as_json import to_plain
from harness.report.exports.asked import counted, fit_to_show, question, whole
from harness.report.exports.chosen import OTHERS, LeftOut, Measured, versions
from harness.report.exports.written import Lines, document, line
from harness.report.site.page import Page, Streamed
from harness.tasks.scorers import ERROR_RATES, WEIGHTED
from harness.verdicts.wording import count

FOLDER = "lm-eval"
# what lm-eval writes where it computed no standard error
_NO_ERROR = "N/A"
# names of settings that lm-eval has others for
_THEIRS = {"stop": "until", "max_tokens": "max_gen_toks"}
# torch's, which lm-eval's `dtype` is
_DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def pages(
    runs: Sequence[Measured], samples: Callable[[str], Iterable[SampleStory]], left_out: LeftOut
) -> Iterator[Page | Streamed]:
    """The files of all runs. Two runs of one model that began in the same second are told apart by microseconds."""
    taken: dict[str, int] = {}
    for run in runs:
        folder = f"{FOLDER}/{_file_name(run.model_name)}"
        when = run.started.strftime("%Y-%m-%dT%H-%M-%S") if run.started else f"undated-{run.story.spec_hash[:10]}"
        seen = taken[f"{folder}/{when}"] = taken.get(f"{folder}/{when}", -1) + 1
        stamp = f"{when}.{seen:06d}" if seen else when
        rows = Lines(partial(_lines, run, samples, left_out))
        if rows:
            # lm-eval finds the task's name between the first and the last underscore
            yield Streamed(f"{folder}/samples_{run.spec.task}_{stamp}.jsonl", rows)
        yield Page(f"{folder}/results_{stamp}.json", document(results(run, rows.digest if rows else None)))


def _lines(
    run: Measured, samples: Callable[[str], Iterable[SampleStory]], left_out: LeftOut
) -> Iterator[tuple[bytes, bytes]]:
    """Each line of samples_….jsonl, with what lm-eval's hash of them is made of."""
    for row in _rows(run, samples(run.name), left_out):
        yield line(row).encode(), (row["doc_hash"] + row["prompt_hash"] + row["target_hash"]).encode()


def results(run: Measured, samples: str | None = None) -> dict[str, Any]:
    """What stands in results_….json; `samples`: the hash of the samples file's rows, if there is one."""
    task, spec, made = run.spec.task, run.spec, run.estimate
    better = {name: name not in ERROR_RATES for name, _ in versions(run)}
    original = {} if spec.limit is not None else {"original": made.questions}
    return {
        "results": {task: {"name": task, "alias": task, "sample_len": made.questions, **_figures(run)}},
        "group_subtasks": {},
        "configs": {task: _config(run, better)},
        "versions": {task: spec.task_version},
        "n-shot": {},
        "higher_is_better": {task: better},
        "n-samples": {task: {**original, "effective": made.questions}},
        "config": _execution(run),
        **_circumstances(run),
        "task_hashes": {task: samples} if samples else {},
        "model_source": spec.engine,
        "model_name": run.model_name,
        "model_name_sanitized": _file_name(run.model_name),
        **_prompting(run),
    }


def _prompting(run: Measured) -> dict[str, Any]:
    """System prompt and template; nothing where nobody says what they were."""
    spec = run.spec
    if not run.story.knows("system_prompt"):
        return {}
    return {
        "system_instruction": spec.system_prompt,
        "system_instruction_sha": _sha(spec.system_prompt) if spec.system_prompt else None,
        "chat_template_sha": spec.template if spec.chat_template and spec.template else None,
    }


def _figures(run: Measured) -> dict[str, Any]:
    figures: dict[str, Any] = {f"{run.scorer},none": run.estimate.value}
    error = run.story.question_error
    figures[f"{run.scorer}_stderr,none"] = _NO_ERROR if error is None else error
    for name, value in run.story.run.others:
        figures[f"{name},none"] = value
        figures[f"{name}_stderr,none"] = _NO_ERROR
    return figures


def _config(run: Measured, better: dict[str, bool]) -> dict[str, Any]:
    spec, made, dataset = run.spec, run.estimate, run.dataset
    metrics = [
        # a weighted figure is no mean of the items' marks
        {"metric": name, **({} if name in WEIGHTED else {"aggregation": "mean"}), "higher_is_better": up}
        for name, up in better.items()
    ]
    pinned = {"dataset_path": dataset.repo, "dataset_kwargs": {"revision": dataset.revision}} if dataset else {}
    return {
        "task": spec.task,
        **pinned,
        "output_type": "generate_until",
        "metric_list": metrics,
        "generation_kwargs": _generation(run),
        "repeats": spec.repeats,
        "metadata": {
            "version": spec.task_version,
            "dataset": spec.dataset,
            **_known(run, {name: getattr(spec, name) for name in ("protocol", "thinking", "precision")}),
            "scorers": dict(versions(run)),
            "interval": {"low": made.low, "high": made.high, "level": made.level, "method": made.method},
            "rounds": made.rounds,
            "counts": to_plain(made.counts or run.story.run.counts),
            "deviations": to_plain(run.story.run.deviations),
            "verdicts": {f"{v.claim}/{v.check}": v.outcome for v in run.verdicts},
            "evidence": run.story.run.evidence,
            "run": run.name,
            "spec_hash": run.story.spec_hash,
            **_origin(run),
        },
    }


def _origin(run: Measured) -> dict[str, Any]:
    """Whose outputs these are, where they are not of ours."""
    recorded = run.story.recorded
    if recorded is None:
        return {}
    told = {"title": recorded.title, "source": recorded.source, "licence": recorded.licence}
    return {"outputs": OTHERS, "recording": {key: value for key, value in told.items() if value}}


def _known(run: Measured, values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Those that are named like fields of the specification that are known."""
    return {name: value for name, value in values.items() if run.story.knows(prefix + name)}


def _generation(run: Measured) -> dict[str, Any]:
    drawing = run.spec.sampling
    known = _known(run, drawing.model_dump(), "sampling.")
    named = {_THEIRS.get(name, name): list(value) if name == "stop" else value for name, value in known.items()}
    return named | ({"do_sample": drawing.temperature > 0} if "temperature" in known else {})


def _execution(run: Measured) -> dict[str, Any]:
    spec = run.spec
    pinned = {"model_revision": run.revision, "model_sha": run.revision} if run.revision else {}
    # of a quantized model lm-eval has no word here: the precision stands in the metadata
    dtype = _DTYPES.get(spec.precision) if run.story.knows("precision") else None
    weights = {"revision": run.revision} if run.revision else _known(run, {"weights": spec.weights})
    return {
        "model": spec.engine,
        "model_args": {"pretrained": run.model_name, **({"dtype": dtype} if dtype else {}), **weights},
        **({"model_dtype": dtype} if dtype else {}),
        **pinned,
        "batch_size": None,
        "batch_sizes": [],
        **_known(run, {"device": spec.device}),
        "use_cache": None,
        "limit": spec.limit,
        "bootstrap_iters": 0,
        "gen_kwargs": _generation(run),
        **({"random_seed": spec.seed} if run.story.knows("seed") else {}),
    }


def _circumstances(run: Measured) -> dict[str, Any]:
    """Date, machine and packages of the run; only what is recorded of them."""
    found: dict[str, Any] = {}
    if run.first is not None and run.started is not None:
        transformers = dict(run.first.packages).get("transformers")
        # `git_hash` would be the commit that lm-eval stood at
        commit = f" commit {run.first.commit}" if run.first.commit else ""
        dirty = " with local changes" if run.first.dirty else ""
        told = [f"{run.first.hardware}; Python {run.first.python}; harness {run.first.version}{commit}{dirty}"]
        told += [f"{name} {version}" for name, version in run.first.packages]
        found = {
            "date": run.started.timestamp(),
            "pretty_env_info": "\n".join(told),
            **({"transformers_version": transformers} if transformers else {}),
        }
    if run.story.cost.seconds is not None and not run.story.cost.at_least:
        found["total_evaluation_time_seconds"] = str(run.story.cost.seconds)
    return found


def _rows(run: Measured, samples: Iterable[SampleStory], left_out: LeftOut) -> Iterator[dict[str, Any]]:
    """The lines of samples_….jsonl. A question with an output that a scorer gave no mark lacks that metric: a failure
    of the instrument is no 0."""
    unmarked = 0
    for sample in fit_to_show(run, samples, left_out):
        row = _row(run, sample)
        unmarked += run.scorer not in row["metrics"]
        yield row
    if unmarked:
        left_out(
            f"{run.name}: {count(unmarked, 'question')} without {run.scorer} in the samples, since an output has no "
            "mark; the figure counts it as wrong."
        )


def _row(run: Measured, sample: SampleStory) -> dict[str, Any]:
    outputs = counted(run, sample)
    asked, target = question(sample), whole(sample.target or "")
    doc = {"id": sample.id, "target": target}
    means = {name: sample.mean(name, run.estimate.rounds) for name, _ in versions(run)}
    marks = {name: mean for name, mean in means.items() if mean is not None}
    return {
        "doc_id": sample.position,
        "doc": doc,
        "target": target,
        "arguments": {"gen_args_0": {"arg_0": asked, "arg_1": _generation(run)}},
        "resps": [[whole(output.raw) for output in outputs]],
        "filtered_resps": [[whole(output.answer or "") for output in outputs]],
        "filter": "none",
        "metrics": list(marks),
        "doc_hash": _sha(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": _sha(asked),
        "target_hash": _sha(target),
        **marks,
    }


def _file_name(model: str) -> str:
    """As lm-eval names the folder of a model."""
    return re.sub(r'["<>:/|\\?*\[\]]+', "__", model)


def _sha(text: str) -> str:
    return hashlib.sha256(whole(text).encode()).hexdigest()
