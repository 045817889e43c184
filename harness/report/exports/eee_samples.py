"""Every Eval Ever's instance-level records: one line for each output of a run."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from harness.gathering.records import UNSTATED, OutputStory, SampleStory
from harness.records import Score
from harness.report.exports.asked import counted, fit_to_show, mark, question, whole
from harness.report.exports.chosen import LeftOut, Measured
from harness.report.exports.written import line, texts
from harness.verdicts.wording import count

SCHEMA = "0.3.0"


def result_id(run: Measured, scorer: str) -> str:
    """What joins an output's mark to the figure it is part of."""
    return f"{run.spec.task}/{scorer}"


def rows_of(
    run: Measured, model: str, evaluation: str, samples: Iterable[SampleStory], left_out: LeftOut
) -> Iterator[bytes]:
    """One line for each output of complete rounds that has a mark of the judging scorer; `evaluation`: the id of the
    record beside."""
    unmarked = 0
    for sample in fit_to_show(run, samples, left_out):
        asked = _asked(sample)
        for output in counted(run, sample):
            score = mark(output, run.scorer)
            if score is None or score.value is None:
                unmarked += 1
                continue
            record = {
                "schema_version": SCHEMA,
                "evaluation_id": evaluation,
                "model_id": model,
                "evaluation_name": run.spec.task,
                "evaluation_result_id": result_id(run, run.scorer),
                "sample_id": sample.id,
                **asked,
                **_answered(output, score),
            }
            yield line(record).encode()
    if unmarked:
        left_out(
            f"{run.name}: {count(unmarked, 'output')} without a mark, which a record must have; the figure counts them "
            "as wrong."
        )


def _asked(sample: SampleStory) -> dict[str, Any]:
    raw, target = question(sample), whole(sample.target) if sample.target is not None else None
    # as Every Eval Ever's own converters hash, so that one question is the same from everywhere
    same = json.dumps({"raw": raw, "reference": target or ""}, sort_keys=True)
    return {
        "sample_hash": hashlib.sha256(same.encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": raw, "reference": [target] if target is not None else []},
    }


def _measures(output: OutputStory) -> dict[str, Any]:
    """Tokens and time, where anybody counted them."""
    asked, made, seconds = output.prompt_tokens, output.output_tokens, output.seconds
    found: dict[str, Any] = {}
    if asked is not None and made is not None:
        found["token_usage"] = {"input_tokens": asked, "output_tokens": made, "total_tokens": asked + made}
    if seconds is not None:
        found["performance"] = {"generation_time_ms": 1000 * seconds}
    return found


def _answered(output: OutputStory, score: Score) -> dict[str, Any]:
    others = {f"score.{s.scorer}": s.value for s in output.scores if s.scorer != score.scorer}
    answers = [] if score.answer is None else [whole(score.answer)]
    return {
        "output": {
            "raw": [whole(output.answer or "")],
            "reasoning_trace": [whole(output.thought)] if output.thought else None,
        },
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": answer,
                "extraction_method": score.scorer,
                "is_terminal": True,
            }
            for answer in answers
        ],
        "evaluation": {"score": score.value, "is_correct": score.status == "correct"},
        **_measures(output),
        "error": output.error,
        "metadata": texts(
            {
                "repeat": output.repeat,
                "status": score.status,
                "finish": None if output.finish == UNSTATED else output.finish,
                "attempt": output.attempt,
                "reason": score.reason,
                "heard": output.heard,
                **others,
            }
        ),
    }
