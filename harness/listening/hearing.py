"""Listening to a run's spoken answers, one after the other; what was heard is stored before the next is asked for.

An answer without speech in it (empty, too short, silent) is noted as such and never given to the ear, which would
invent something. What the ear fails on stays unheard: the next start tries it again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from harness import provenance
from harness.errors import EngineError, StoreError
from harness.listening.ears import Ear
from harness.listening.silence import why_silent
from harness.records import Generation, Media, Request, Sampling, turn
from harness.store import RunStore
from harness.store.transcripts import Transcript

NOT_HEARD = "not transcribed yet: harness listen RUN --ear whisper-large-v3"
"""What a score of a spoken answer says that nobody has listened to."""
# the transcript of a window of 30 s; Whisper's own limit is a little lower
_TOKENS = 448
# an ear that fails on so many answers and hears none is broken
_GIVE_UP_AFTER = 20

# Told how many answers have been listened to now, and how many there are to listen to.
Watch = Callable[[int, int], None]


def unwatched(done: int, total: int) -> None:
    """For when nobody looks."""


@dataclass(frozen=True, slots=True)
class Listened:
    """What a session of listening gave. `silent` of the `heard` had no speech in them; `seconds`: of sound. `chosen`:
    whether the run is judged on this ear from now on."""

    listener: str
    heard: int
    silent: int
    failed: int
    seconds: float
    first_failure: str | None = None
    chosen: bool = False


def listen(store: RunStore, ear: Ear, *, watch: Watch = unwatched) -> Listened:
    """Writes down every stored spoken answer that this listener has not heard yet. From then on the run is judged on
    what it heard; but an ear that failed on some of the answers does not take the place of another that listened
    before. No other process writes the run meanwhile.

    Raises StoreError where a sound is missing or damaged, nothing was spoken at all, or the run is being written;
    EngineError where the ear hears nothing.
    """
    if not store.spoken():
        raise StoreError(f"{store.name} holds no spoken answers: there is nothing to listen to.")
    store.hold()
    session = _Session(store, ear, watch)
    with provenance.other_sitting(store, "listening", ear.name, ear.engine.describe()) as took:
        for generation in ear.engine.generate(session.requests()):
            session.take(generation)
            if generation.finish_reason not in ("error", "cancelled"):
                took(generation.seconds)
    session.require_some()
    found = session.result()
    chosen = not found.failed or store.listener() in (None, ear.name)
    if chosen:
        store.choose_listener(ear.name, ear.description, ear.by)
    return replace(found, chosen=chosen)


class _Session:
    """Gives the engine what is to be heard and stores what it heard."""

    def __init__(self, store: RunStore, ear: Ear, watch: Watch) -> None:
        self._store = store
        self._ear = ear
        self._watch = watch
        self._total = store.count_unheard(ear.name)
        self._lengths: dict[tuple[str, int], float] = {}
        self._done = Listened(ear.name, 0, 0, 0, 0.0)
        watch(0, self._total)

    def requests(self) -> Iterator[Request]:
        """One for every answer with speech in it, made as they are taken; those without are noted on the way."""
        for sample, repeat in self._store.unheard(self._ear.name):
            speech, path = self._store.speech(sample, repeat), self._store.speech_path(sample, repeat)
            assert speech is not None and path is not None  # it was listed as spoken
            self._lengths[sample, repeat] = speech.seconds
            if why := why_silent(speech):
                self._keep(Transcript(sample, repeat, self._ear.name, None, speech.seconds, why))
                self._done = replace(self._done, silent=self._done.silent + 1)
                continue
            sound = Media("audio", path=str(path))
            yield Request(sample, repeat, Sampling(max_tokens=_TOKENS), 0, messages=(turn("user", sound),))

    def take(self, generation: Generation) -> None:
        """Stores what was heard; counts what was not. Raises EngineError where nothing can be heard."""
        place = generation.sample_id, generation.repeat
        if generation.finish_reason in ("error", "cancelled"):
            first = self._done.first_failure or generation.error or generation.finish_reason
            self._done = replace(self._done, failed=self._done.failed + 1, first_failure=first)
            if self._done.failed >= _GIVE_UP_AFTER:
                self.require_some()
            return
        text = generation.text.strip()
        reason = "the transcript reached the ear's limit" if generation.finish_reason == "length" else None
        if not text:
            reason = "no speech: the ear wrote nothing down"
            self._done = replace(self._done, silent=self._done.silent + 1)
        self._keep(Transcript(*place, self._ear.name, text or None, self._lengths[place], reason))

    def require_some(self) -> None:
        """Raises EngineError where the ear failed on every answer that it was given."""
        done = self._done
        if done.failed and done.heard == done.silent:
            raise EngineError(f"The ear {self._ear.name} failed on all of {done.failed} answers: {done.first_failure}")

    def _keep(self, transcript: Transcript) -> None:
        self._store.add_transcript(transcript)
        seconds = self._lengths.pop((transcript.sample_id, transcript.repeat))
        self._done = replace(self._done, heard=self._done.heard + 1, seconds=self._done.seconds + seconds)
        self._watch(self._done.heard, self._total)

    def result(self) -> Listened:
        return self._done


def heard(store: RunStore, listener: str) -> Iterator[Generation]:
    """The run's spoken answers with what this listener heard as their text, for scorers of texts.

    Left out are answers that it has not heard, or heard no speech in: there is no text to judge.
    """
    for generation in store.generations():
        transcript = store.transcript(listener, generation.sample_id, generation.repeat)
        if transcript is not None and transcript.text is not None:
            yield replace(generation, text=transcript.text)
