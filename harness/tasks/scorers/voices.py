"""How like a spoken answer's voice is to the recording it was to imitate (Seed-TTS-eval's SIM)."""

from harness.records import Generation, Sample, Score
from harness.tasks.scorers.base import Rule, unscored

NOT_COMPARED = "not compared yet: harness listen RUN --speaker MODEL"
"""What a score says of a spoken answer whose voice has not been compared."""


class SpeakerSimilarity(Rule):
    """`speaker-similarity`: the cosine of two speaker embeddings, of the answer and of the sample's recording; a set's
    figure is the mean. Officially (BytedanceSpeech/seed-tts-eval, cal_sim.sh) the embeddings are those of WavLM-large
    fine-tuned for speaker verification (microsoft/UniSpeech).

    A score lies in [0, 1]: a cosine below 0, which two unlike voices may have, counts as 0, and the reason says so.
    """

    def score(self, sample: Sample, answer: str, generation: Generation) -> Score:
        return unscored(generation, self.name, NOT_COMPARED)

    def decide(self, generation: Generation, cosine: float) -> Score:
        """The score by a cosine in [-1, 1] that was measured."""
        value = min(max(cosine, 0.0), 1.0)
        reason = f"a cosine of {cosine:.4f} counts as 0" if cosine < 0 else None
        status = "correct" if value >= 1 else "incorrect"
        place = (generation.sample_id, generation.repeat, self.name)
        return Score(*place, status, value, f"{cosine:.4f}", reason)  # type: ignore[arg-type]  # mypy widens the literals to str
