"""CoVoST 2: a spoken sentence of Common Voice, to be translated into the text of another language.

Title     CoVoST 2 and Massively Multilingual Speech-to-Text Translation
Paper     arXiv:2007.10310
Dataset   CoVoST 2, test: fixie-ai/covost2, pinned, with the clips in it; or facebookresearch/covost's list in a local
          folder with the clips beside it
Licence   CC0

The request is that of the maker's notebook for English to Chinese (QwenLM/Qwen2.5-Omni,
cookbooks/universal_audio_understanding.ipynb), with the languages' names changed for the other pairs; the text stands
before the sound, and the system prompt, "You are a speech translation model.", in the protocol omni-official.

The figure is corpus BLEU by sacrebleu, its tokenizer zh for Chinese and 13a for the others (QwenLM/Qwen2-Audio,
eval_audio/evaluate_st.py); its signature is the scorer's version.
"""

from pathlib import Path

from harness.errors import DatasetError
from harness.records import Sample, turn
from harness.tasks.audio.manifests import SoundTask, lists_of
from harness.tasks.rows import Row

REQUEST = "Listen to the provided {source} speech and produce a translation in {target} text."
LANGUAGES = {"en": "English", "de": "German", "zh": "Chinese"}
PAIRS = (("en", "de"), ("de", "en"), ("en", "zh"), ("zh", "en"))
# what the data set itself calls them
_CODES = {"zh": "zh-CN"}


class CoVoST2(SoundTask):
    """Rows are {"audio" or "path", "translation"}. The target is the translation."""

    beside = "clips"

    def __init__(self, source: str, target: str, data_dir: Path | None = None) -> None:
        super().__init__(data_dir)
        self.id, self.title = f"covost2-{source}-{target}", f"CoVoST 2, {LANGUAGES[source]} to {LANGUAGES[target]}"
        self.scorers = ("bleu-zh" if target == "zh" else "bleu-13a",)
        official = f"covost_v2.{_CODES.get(source, source)}_{_CODES.get(target, target)}.test.tsv"
        self.patterns = (*lists_of(self.id), official)
        self.wanted = f"{self.title}, test: a row with 'path' (or 'audio') and 'translation' for each clip"
        self._request = REQUEST.format(source=LANGUAGES[source], target=LANGUAGES[target])

    def sample_of(self, index: int, row: Row) -> Sample:
        if row.get("split", "test") != "test":
            raise DatasetError(
                f"{self.source.path}, row {index + 1}: it is of the split {row['split']!r}, but {self.id} is the test "
                "split: leave the other rows out of the list."
            )
        target = self.text(index, row, "translation", "gt")
        return Sample(f"{self.id}/{index}", target, messages=(turn("user", self._request, self.sound(index, row)),))
