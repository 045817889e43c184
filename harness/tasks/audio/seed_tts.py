"""Seed-TTS-eval: sentences to be spoken; what is heard of them is compared with what was to be said.

Title     Seed-TTS: A Family of High-Quality Versatile Speech Generation Models
Paper     arXiv:2406.02430
Dataset   BytedanceSpeech/seed-tts-eval, zh/meta.lst (2,020), en/meta.lst (1,088), zh/hardcase.lst (400), read from a
          local folder
Licence   the sentences are those of Common Voice (CC0) and DiDiSpeech

Text in, speech out: the answer is spoken in the voice of the protocol, and a speech recogniser writes down what is
heard: officially Whisper-large-v3 for English and Paraformer-zh for Chinese; any other ear is a deviation that holds
verdicts back in both directions (harness/tasks/scorers/official.py). The figure is the mean of the utterances' error
rates, the words of English and the characters of Chinese, without punctuation.

The published figures of `seed-tts-...` are for the voice of a recording that comes with each sentence. The released
checkpoint speaks in fixed voices only and takes no such recording (QwenLM/Qwen2.5-Omni, issues 78, 300, 345): so what
is measured here is what the makers call single-speaker, the same task under its own name `seed-tts-single-speaker-...`,
and likeness of the voice has nothing to be compared with. For a checkpoint that does imitate there is the scorer
`speaker-similarity`, once a speaker model has compared the voices (harness listen --speaker).

The makers do not say how the released model is asked to read aloud; the request is ours.
"""

from pathlib import Path

from harness.records import Message, Sample
from harness.tasks.audio.manifests import SoundTask
from harness.tasks.base import ScoredText
from harness.tasks.rows import Row
from harness.tasks.vision.folder import below

REQUESTS = {
    "en": "Read the following text aloud, word for word, and say nothing else:\n{text}",
    "zh": "请逐字朗读下面的文字，不要说任何别的话：\n{text}",
}
SCORERS = {"en": ("wer-seed-tts", "speaker-similarity"), "zh": ("cer-seed-tts", "speaker-similarity")}
# part → language, and the official list
PARTS = {"zh": ("zh", "zh/meta.lst"), "en": ("en", "en/meta.lst"), "hard": ("zh", "zh/hardcase.lst")}


class SeedTts(SoundTask):
    """Rows are the list's: the target is the text, and the recording of the voice that is to be imitated, where there
    is one, is beside it."""

    scored_text: ScoredText = "speech"

    def __init__(self, part: str, single_speaker: bool, data_dir: Path | None = None) -> None:
        super().__init__(data_dir)
        language, official = PARTS[part]
        self.id = f"seed-tts-single-speaker-{part}" if single_speaker else f"seed-tts-{part}"
        self.title = f"Seed-TTS-eval test-{part}, in a fixed voice"
        # a fixed voice imitates nobody: there is nothing to compare it with
        self.scorers = SCORERS[language][:1] if single_speaker else SCORERS[language]
        self._imitates = not single_speaker
        self.patterns = (f"seed-tts-{part}.jsonl", f"seed-tts-{part}.lst", f"seedtts_testset/{official}", official)
        self.wanted = f"seed-tts-eval's list {official}"
        self._request = REQUESTS[language]

    def sample_of(self, index: int, row: Row) -> Sample:
        text = self.text(index, row, "text").strip()
        message = Message("user", self._request.format(text=text))
        voice = row.get("prompt_wav") if self._imitates else None
        kept = {"voice": str(below(self.source.path.parent, voice))} if isinstance(voice, str) and voice else {}
        return Sample(f"{self.id}/{index}", text, messages=(message,), row=kept)
