"""Which models do the work officially that some scorers read: who writes spoken answers down, who compares voices.

Judges stand with the wording that they are asked in (see opinions.py). A list, and no part of the scorers: a verdict
asks for it where the libraries of a scorer may be missing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OfficialEar:
    """The model that writes spoken answers down, told which `language` (as Whisper names it), in which precision
    ("" where nobody says)."""

    model: str
    language: str
    precision: str = ""


# Seed-TTS-eval's run_wer.py (commit 95003fe)
_ENGLISH = OfficialEar("Whisper-large-v3", "en", "fp32")
_CHINESE = OfficialEar("Paraformer-zh", "zh")

EARS = {
    "wer-seed-tts": _ENGLISH,
    "wer-seed-tts-corpus": _ENGLISH,
    "cer-seed-tts": _CHINESE,
    "cer-seed-tts-corpus": _CHINESE,
}
"""By scorer. A scorer that is not here may read what any ear heard."""

SPEAKERS = {"speaker-similarity": "WavLM-large fine-tuned for speaker verification"}
"""The models whose embeddings of voices are compared, by scorer (seed-tts-eval, cal_sim.sh)."""
