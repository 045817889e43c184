"""Spoken answers to transcripts: another model listens to what a run said, and its notes are stored with the run.

Between speaking, listening and scoring lies a file, as everywhere: a run is listened to by as many ears as one likes,
and judged on what each of them heard.

Whose voice it is can be compared too (`voices`): the cosine of speaker embeddings of an answer and of the recording it
was to imitate, Seed-TTS-eval's likeness of the voice (SIM). The claims about SIM stay untestable for all that: the
released checkpoints take no such recording and speak in two fixed voices (QwenLM/Qwen2.5-Omni, issues 78, 300, 345), so
that figure is about a model that nobody else has; a checkpoint that does imitate can be measured.
"""

from harness.listening.ears import Ear, ear_of, open_ear, scored_by_script
from harness.listening.hearing import NOT_HEARD, Listened, Watch, heard, listen, unwatched
from harness.listening.silence import FLOOR, SHORTEST, why_silent
from harness.listening.voices import Compared, Voices, compare_voices, open_voices, voices_of

__all__ = [
    "FLOOR", "NOT_HEARD", "SHORTEST", "Compared", "Ear", "Listened", "Voices", "Watch",
    "compare_voices", "ear_of", "heard", "listen", "open_ear", "open_voices", "scored_by_script", "unwatched",
    "voices_of", "why_silent",
]  # fmt: skip
