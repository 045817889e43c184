"""What `scripts/bench report` publishes: the ledger many times over, and one long run."""

import random
import re
import shutil
from pathlib import Path

from measuring import CHECKOUT

from harness.records import Generation, Message, Registration, RunSpec, Sampling, Score
from harness.records.questions import Question
from harness.store import RunStore

COPIES = "ABDEFGHIJKLMNOPQ"
"""First letters of the copied claims' ids: sixteen copies beside the original make 2,085 claims with the smoke ones."""
QUESTIONS, REPEATS = 2_000, 50
_WORDS = re.findall(
    r"\w+",
    "the so we know that if then number of is are because first second check again let answer equals sum minus times "
    "wait therefore each apples remaining divides product prime case assume follows hence simplify both sides",
)


def many_claims(root: Path) -> None:
    """A checkout in `root` with the ledger copied: configs of its own, the committed results beside them."""
    shutil.copytree(CHECKOUT / "configs", root / "configs")
    for name in ("seeds", "results"):
        (root / name).symlink_to(CHECKOUT / name)
    folder = root / "configs" / "claims"
    for path in sorted(folder.glob("0*.yaml")):
        text = path.read_text(encoding="utf-8")
        for letter in COPIES:
            (folder / f"{letter}{path.name}").write_text(text.replace("- id: C", f"- id: {letter}"), encoding="utf-8")


def long_run(seed: int = 7) -> str:
    """A run of 100,000 outputs of about 2,000 characters below $HARNESS_RUNS that bears on S02. Returns its name."""
    drawn = random.Random(seed)
    spec = RunSpec(
        model="tiny-qwen2-trained", weights="sha256:1", precision="fp32", task="smoke-sums", task_version="1",
        dataset="code:1", protocol="smoke", system_prompt=None, chat_template=True, template="t", thinking="output",
        sampling=Sampling(temperature=1.0, max_tokens=4096), repeats=REPEATS, limit=None, seed=1,
        engine="transformers", engine_version="1", device="cpu", questions=QUESTIONS,
    )  # fmt: skip
    samples = [f"question-{i:04d}" for i in range(QUESTIONS)]
    with RunStore.create_or_resume(spec) as store:
        store.register([Registration("S02", 0, "equals", 0.9, "claim file", 0.05)])
        asked = [Question(s, (Message("user", _text(drawn, 60)),), None, (), "42") for s in samples]
        store.add_questions(0, samples, asked)
        for repeat in range(REPEATS):
            made, scores = [], []
            for sample in samples:
                right = drawn.random() < 0.7
                text = f"{_text(drawn, 380)}</think>The answer is \\boxed{{{42 if right else 41}}}."
                made.append(Generation(sample, repeat, text, "stop", 80, 500, seconds=3.0))
                status = "correct" if right else "incorrect"
                scores.append(Score(sample, repeat, "boxed_integer", status, float(right), "42" if right else "41"))
            store.add_many(made)
            store.add_scores(scores, "1")
        store.set_judge("boxed_integer", "1")
        return store.name


def _text(drawn: random.Random, words: int) -> str:
    return " ".join(drawn.choices(_WORDS, k=words)) + f" {drawn.randrange(10**6)}"
