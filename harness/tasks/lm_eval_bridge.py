"""The one door to lm-eval: any of its tasks as a Task, and its IFEval checkers.

Rows, prompts, filters and metrics are lm-eval's; generating, storing and repeating are ours. Two of its habits are
changed on the way in: it compiles the same Jinja template anew for every document (79 % of its time), and it keeps
every row of a zero-shot task in a second list.
"""

import functools
import hashlib
import importlib
import json
import logging
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, DatasetError, TaskError, UnknownName
from harness.records import Generation, Message, Sample, Sampling, Score
from harness.tasks import punkt
from harness.tasks.base import ScoredText, judged, unscored
from harness.tasks.task_files import find_yaml

# lm-eval's default, so that few-shot examples are the ones it would draw
FEWSHOT_SEED = 1234
_checkers = threading.Lock()


def lm_eval_task(name: str, folders: tuple[Path, ...] = (), data_dir: Path | None = None) -> "LmEvalTask":
    """The lm-eval task `name` from the YAML files below `folders`, else from those that lm-eval ships.

    `data_dir` is where relative `data_files` of a local dataset are looked for, after the YAML's own folder.
    Raises UnknownName (nearest names), DatasetError (path and revision wanted), TaskError (cannot be bridged),
    ConfigError (the YAML is broken).
    """
    path = _yaml_of(name, folders)
    config = _load_config(path)
    _find_data_files(config, path.parent, data_dir)
    if not config.get("num_fewshot"):
        config |= {"fewshot_config": {"samples": []}, "fewshot_split": None}
    return LmEvalTask(name, _build(name, config))


def stock_names() -> tuple[str, ...]:
    """Names of all tasks that lm-eval ships. Slow (6 to 13 s): only for the message about an unknown name."""
    from lm_eval.tasks import TaskManager

    return tuple(TaskManager().all_subtasks)


def _yaml_of(name: str, folders: tuple[Path, ...]) -> Path:
    for folder in folders:
        if path := find_yaml(name, folder):
            return path
    import lm_eval

    stock = Path(lm_eval.__file__).parent / "tasks"
    if path := find_yaml(name, stock):
        return path
    from lm_eval.tasks import TaskManager

    index = TaskManager(include_path=[str(folder) for folder in folders])
    entry = index.task_index.get(name)
    if entry is not None and name in index.all_subtasks and entry.yaml_path:
        return Path(entry.yaml_path)
    if entry is not None:
        members = sorted(entry.tags) or [n for n in index.all_subtasks if n.startswith(name)]
        some = ", ".join(members[:3])
        raise UnknownName(f"{name!r} is a group of lm-eval tasks: name one task of it{f', such as {some}' if some else ''}.")
    raise UnknownName.of("task", name, index.all_subtasks)


def _load_config(path: Path) -> dict[str, Any]:
    from lm_eval.tasks._yaml_loader import load_yaml

    try:
        config: dict[str, Any] = load_yaml(path, resolve_func=True)
    except Exception as error:  # noqa: BLE001  # !function runs code of the task's author, which may raise anything
        raise ConfigError(f"{path}: {_first_line(error)}.") from error
    return config


def _find_data_files(config: dict[str, Any], beside: Path, data_dir: Path | None) -> None:
    """lm-eval takes relative data files from the working folder; here they may also lie beside the YAML."""
    kwargs = config.get("dataset_kwargs") or {}
    files = kwargs.get("data_files")
    if not files:
        return

    def found(name: str) -> str:
        places = [Path(), beside, *([data_dir] if data_dir else [])]
        return next((str((place / name).resolve()) for place in places if (place / name).is_file()), name)

    def resolve(entry: Any) -> Any:
        return [found(name) for name in entry] if isinstance(entry, list) else found(entry)

    named = {k: resolve(v) for k, v in files.items()} if isinstance(files, dict) else resolve(files)
    config["dataset_kwargs"] = kwargs | {"data_files": named}


def _build(name: str, config: dict[str, Any]) -> Any:
    from lm_eval.tasks import TaskManager

    _compile_templates_once()
    level = logging.getLogger("lm_eval").level
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    try:
        return TaskManager(include_defaults=False).load(config)["tasks"][name]
    except Exception as error:  # noqa: BLE001  # datasets, hub client, HTTP library and task code all raise their own
        if _is_about_data(error):
            raise DatasetError(_missing(name, config, error)) from error
        raise TaskError(f"The lm-eval task {name!r} cannot be set up: {_first_line(error)}.") from error
    finally:
        logging.getLogger("lm_eval").setLevel(level)


def _is_about_data(error: Exception) -> bool:
    modules = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(modules & {"datasets", "huggingface_hub", "httpx", "fsspec"})


def _missing(name: str, config: Mapping[str, Any], error: Exception) -> str:
    kwargs = config.get("dataset_kwargs") or {}
    files = kwargs.get("data_files")
    if files:
        return f"The task {name!r} reads {files}, which cannot be read ({_first_line(error)}): put it into a folder and pass --data-dir FOLDER."
    part = f", part {config['dataset_name']}" if config.get("dataset_name") else ""
    wanted = f"{config.get('dataset_path')}@{kwargs.get('revision', 'main')}{part}"
    return (
        f"The task {name!r} needs the dataset {wanted}, which is not on this machine and could not be fetched "
        f"({_first_line(error)}): allow network once, or point HF_HOME at a cache that holds it."
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(".: ")


@functools.cache
def _compile_templates_once() -> None:
    from lm_eval import utils

    utils.env.from_string = functools.lru_cache(maxsize=1024)(utils.env.from_string)


class LmEvalTask:
    """An lm-eval task seen as one of ours.

    Scorers are its metrics that are the mean of a value per answer, higher being better, in the order of its
    metric_list; with several filters, `metric,filter`. Metrics computed over the whole set (F1, BLEU,
    perplexity) are left out. Prompts for generation become chat messages with the few-shot examples inside
    the user message; `base.without_template` gives lm-eval's raw text back.
    """

    scored_text: ScoredText = "answer"
    reads_whole: frozenset[str] = frozenset()

    def __init__(self, name: str, task: Any) -> None:
        self._task = task
        self.id = name
        self.title = str(task.config.task_alias or name)
        self._kind = task.OUTPUT_TYPE
        self._refuse()
        filters = [ensemble.name for ensemble in task._filters]
        metrics = self._metrics()
        self._scorers: dict[str, tuple[str, str]] = {
            metric if len(filters) == 1 else f"{metric},{each}": (metric, each) for metric in metrics for each in filters
        }
        self.scorers = tuple(self._scorers)

    def _refuse(self) -> None:
        config = self._task.config
        why = None
        if self._kind == "loglikelihood_rolling":
            why = "scores whole documents by rolling log-likelihood, which no claim uses"
        elif getattr(self._task, "MULTIMODAL", False):
            why = "shows images or plays audio, which the bridge does not carry"
        elif getattr(self._task, "multiple_input", 0):
            why = "has another context for each choice, which the bridge does not carry"
        elif config.gen_prefix:
            why = "begins the answer for the model (gen_prefix), which the bridge does not carry"
        elif getattr(self._task, "UNSAFE_CODE", False):
            why = "runs code the model wrote inside this process"
        if why:
            raise TaskError(f"The lm-eval task {self.id!r} cannot be used: it {why}.")

    def _metrics(self) -> list[str]:
        from lm_eval.api.metrics import mean

        averages, better = self._task.aggregation(), self._task.higher_is_better()
        metrics = [m for m, how in averages.items() if how is mean and better.get(m) and m != "acc_mutual_info"]
        if not metrics:
            raise TaskError(
                f"The lm-eval task {self.id!r} cannot be used: none of its metrics ({', '.join(averages)}) is the mean "
                f"of a score per answer."
            )
        return metrics

    @cached_property
    def version(self) -> str:
        """lm-eval's version, the task's own and a hash of its settings (functions by their source)."""
        settings = {k: v for k, v in self._task.dump_config().items() if k not in ("dataset_kwargs", "metadata")}
        text = json.dumps(settings, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return f"lm-eval-{importlib.metadata.version('lm-eval')}/{self._task.VERSION}/{digest}"

    @property
    def sampling(self) -> Sampling | None:
        """What the task's file asks for (`generation_kwargs`); None for multiple choice."""
        wants = self._task.config.generation_kwargs
        if self._kind != "generate_until" or not wants:
            return None
        until = wants.get("until") or []
        greedy = not wants.get("do_sample", wants.get("temperature", 0) > 0)
        return Sampling(
            temperature=0.0 if greedy else float(wants.get("temperature", 1.0)),
            top_p=float(wants.get("top_p", 1.0)),
            top_k=int(wants.get("top_k", 0)),
            max_tokens=int(wants.get("max_gen_toks") or wants.get("max_new_tokens") or 256),
            stop=tuple([until] if isinstance(until, str) else until),
        )

    def dataset_fingerprint(self) -> str:
        """`rows:sha256:<over all rows as JSON>`: the same rows have the same one, wherever they came from."""
        digest = hashlib.sha256()
        for row in self._task.eval_docs:
            digest.update(json.dumps(row, sort_keys=True, default=str).encode() + b"\n")
        return "rows:sha256:" + digest.hexdigest()

    def questions(self) -> int:
        return len(self._task.eval_docs)

    def samples(self, limit: int | None = None) -> Iterator[Sample]:
        shots = self._task.config.num_fewshot or 0
        self._task.set_fewshot_seed(FEWSHOT_SEED)
        for index, row in enumerate(islice(self._task.eval_docs, limit)):
            yield self._sample(index, row, shots)

    def _sample(self, index: int, row: Mapping[str, Any], shots: int) -> Sample:
        task, name = self._task, f"{self.id}/{index}"
        target = task.doc_to_target(row)
        if self._kind == "generate_until":
            turns = task.fewshot_context(row, shots, apply_chat_template=True, chat_template=_turns)
            messages = tuple(Message(turn["role"], turn["content"]) for turn in turns)
            return Sample(name, _text(target), messages=messages, row=row)
        prompt = task.fewshot_context(row, shots)
        if self._kind == "loglikelihood":
            return Sample(name, _text(target), prompt=prompt, choices=(target,), row=row)
        choices = task.doc_to_choice(row)
        right = choices[target] if isinstance(target, int) and target < len(choices) else _text(target)
        delimited = tuple(f"{task.config.target_delimiter}{choice}" for choice in choices)
        return Sample(name, right, prompt=prompt, choices=delimited, row=row)

    def score(self, sample: Sample, answer: str, generation: Generation, scorer: str) -> Score:
        """By lm-eval's filters and `process_results`; for choices, from `generation.choice_logprobs`."""
        if scorer not in self._scorers:
            raise UnknownName.of(f"scorer of {self.id}", scorer, self.scorers)
        responses: list[Any] = list(generation.choice_logprobs) if sample.choices else [answer]
        if len(responses) != max(1, len(sample.choices)):
            return unscored(generation, scorer, f"{len(responses)} log-likelihoods for {len(sample.choices)} choices")
        metric, filter_name = self._scorers[scorer]
        try:
            found = self._filtered(sample.row, responses, filter_name)
            value = _share(self._task.process_results(dict(sample.row), found).get(metric))
        except Exception as error:  # noqa: BLE001  # metrics and filters are the task's own code
            return unscored(generation, scorer, _first_line(error))
        if value is None:
            return unscored(generation, scorer, f"lm-eval gave no value between 0 and 1 for {metric}")
        return judged(generation, scorer, value, self._answer(sample, found))

    def _filtered(self, row: Mapping[str, Any], responses: list[Any], name: str) -> list[Any]:
        from lm_eval.api.instance import Instance

        ensemble = next(each for each in self._task._filters if each.name == name)
        instances = [Instance(self._kind, dict(row), (), i, resps=[each]) for i, each in enumerate(responses)]
        ensemble.apply(instances)
        return [instance.filtered_resps[name] for instance in instances]

    def _answer(self, sample: Sample, found: list[Any]) -> str | None:
        if not sample.choices:
            return None if found[0] in (None, "", "[invalid]") else _text(found[0])
        if len(sample.choices) == 1:
            return sample.choices[0]
        return sample.choices[max(range(len(found)), key=lambda i: float(found[i][0]))].strip()


def _turns(messages: list[dict[str, str]], add_generation_prompt: bool) -> list[dict[str, str]]:
    """Stands in for a chat template, so that lm-eval hands over the messages themselves."""
    return messages


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _share(value: Any) -> float | None:
    """A metric's value for one answer: a number in [0, 1], or the mean of a list of them."""
    if isinstance(value, list | tuple) and value:
        parts = [_share(part) for part in value]
        known = [part for part in parts if part is not None]
        return sum(known) / len(known) if len(known) == len(parts) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number <= 1 else None


def ifeval_followed(row: Mapping[str, Any], response: str, *, loose: bool) -> list[bool]:
    """Which of the row's instructions the response follows, by Google's checkers.

    `row` has prompt, instruction_id_list, kwargs. Their random draws (a letter for '#' and '!') come from a
    generator seeded with the prompt, and language detection from a fixed seed: the same answer, always.
    """
    checkers = _ifeval()
    follow: Callable[..., Any] = (
        checkers.test_instruction_following_loose if loose else checkers.test_instruction_following_strict
    )
    example = checkers.InputExample(0, row["instruction_id_list"], row["prompt"], row["kwargs"])
    instructions = importlib.import_module("lm_eval.tasks.ifeval.instructions")
    # the checkers draw from the module `random`; only they get another one, one row at a time
    with _checkers:
        instructions.random = random.Random(hashlib.sha256(row["prompt"].encode()).digest())  # type: ignore[attr-defined]  # their module, their global
        return list(follow(example, response).follow_instruction_list)


@functools.cache
def _ifeval() -> Any:
    """lm-eval's IFEval modules; without the Punkt model they would try to download it when imported."""
    import langdetect
    import nltk

    langdetect.DetectorFactory.seed = 0
    real, have_model = nltk.download, punkt.installed()
    if not have_model:
        nltk.download = lambda *_, **__: False
    try:
        utils = importlib.import_module("lm_eval.tasks.ifeval.utils")
    finally:
        nltk.download = real
    if not have_model:
        importlib.import_module("lm_eval.tasks.ifeval.instructions_util").nltk = punkt.stand_in()  # type: ignore[attr-defined]  # as above
    return utils
