"""Speech recognition: a sound in, its words out.

LibriSpeech           Panayotov et al. 2015; openslr.org/12; CC BY 4.0
Common Voice 15       Ardila et al. 2020, arXiv:1912.06670; commonvoice.mozilla.org, release 15.0, test; CC0
FLEURS                Conneau et al. 2022, arXiv:2205.12446; google/fleurs, test; CC BY 4.0
WenetSpeech           Zhang et al. 2021, arXiv:2110.03370; wenet.org.cn/WenetSpeech; CC BY 4.0, the sounds their owners'
VoxPopuli 1.0, en     Wang et al. 2021, arXiv:2101.00390; facebookresearch/voxpopuli, test; CC0

All are pinned, Common Voice and WenetSpeech as mirrors (their makers withdrew them from the hub, or ask for a login);
or they are read from a local folder: a list with the sounds' paths (.jsonl, .csv, .tsv), or parquet files with the
sounds in them. The mirror's Cantonese has the number of rows that Common Voice 15 has for Hong Kong (`zh-HK`, 5,593)
and not for `yue` (2,565): which of them a published figure is about is not stated.

The request is that of the maker's notebook (QwenLM/Qwen2.5-Omni, cookbooks/universal_audio_understanding.ipynb), the
text before the sound; its system prompt, "You are a speech recognition model.", stands in the protocol omni-official.
The notebook has no Cantonese; that request is its Chinese one with 粤语 for 中文, which is our choice.

Figures are errors over all words or characters of the set, by the rules of the family's published script (QwenLM/
Qwen2-Audio, eval_audio/evaluate_asr.py); the mean of utterances and, where it is in use, Whisper's rule stand beside.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.records import Sample, turn
from harness.tasks.audio.manifests import SoundTask, lists_of
from harness.tasks.rows import Row

Language = Literal["en", "zh", "yue", "fr"]
REQUESTS: dict[Language, str] = {
    "en": "Transcribe the English audio into text without any punctuation marks.",
    "zh": "请将这段中文语音转换为纯文本，去掉标点符号。",
    "yue": "请将这段粤语语音转换为纯文本，去掉标点符号。",
    "fr": "Transcribe the French audio into text without including any punctuation marks.",
}
SCORERS: dict[Language, tuple[str, ...]] = {
    "en": ("wer-qwen", "wer-qwen-mean", "wer"),
    "zh": ("cer-qwen", "cer-qwen-mean", "cer"),
    "yue": ("cer-yue", "cer-yue-mean"),
    "fr": ("wer-basic", "wer-basic-mean"),
}


@dataclass(frozen=True, slots=True)
class Corpus:
    """A test set: its name, its language, and the columns in which its transcripts may stand."""

    id: str
    title: str
    language: Language
    texts: tuple[str, ...]
    beside: str = ""


# the mirror at its commit was read by nobody who says how it names them; the two last are tried for that
_SAID = ("sentence", "text", "gt", "transcription", "transcript")
CORPORA = (
    *(
        Corpus(f"librispeech-{part}", f"LibriSpeech {part}", "en", ("text", "gt"))
        for part in ("dev-clean", "dev-other", "test-clean", "test-other")
    ),
    Corpus("common-voice-15-en", "Common Voice 15, English", "en", _SAID, "clips"),
    Corpus("common-voice-15-zh", "Common Voice 15, Chinese", "zh", _SAID, "clips"),
    Corpus("common-voice-15-yue", "Common Voice 15, Cantonese", "yue", _SAID, "clips"),
    Corpus("common-voice-15-fr", "Common Voice 15, French", "fr", _SAID, "clips"),
    Corpus("fleurs-zh", "FLEURS, Chinese", "zh", ("transcription", "raw_transcription", "text", "gt")),
    Corpus("fleurs-en", "FLEURS, English", "en", ("transcription", "raw_transcription", "text", "gt")),
    Corpus("wenetspeech-test-net", "WenetSpeech test-net", "zh", ("text", "gt")),
    Corpus("wenetspeech-test-meeting", "WenetSpeech test-meeting", "zh", ("text", "gt")),
    Corpus("voxpopuli-v1.0-en", "VoxPopuli 1.0, English", "en", ("normalized_text", "text", "gt")),
)


class Recognition(SoundTask):
    """Rows are {"audio", "text"}, under the corpus's own names or the script's (`gt`). The target is the transcript."""

    def __init__(self, corpus: Corpus, data_dir: Path | None = None) -> None:
        super().__init__(data_dir)
        self.id, self.title, self.beside = corpus.id, corpus.title, corpus.beside
        self.scorers = SCORERS[corpus.language]
        self.patterns = lists_of(corpus.id)
        self.wanted = f"{corpus.title}, a row with {self.sounds[0]!r} and {corpus.texts[0]!r} for each sound"
        self._corpus = corpus

    def sample_of(self, index: int, row: Row) -> Sample:
        message = turn("user", REQUESTS[self._corpus.language], self.sound(index, row))
        return Sample(f"{self.id}/{index}", self.text(index, row, *self._corpus.texts), messages=(message,))
