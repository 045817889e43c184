"""One medium read: by its kind, and never a traceback for what is wrong with a file."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import HarnessError, MediaError
from harness.media.content import check_piece, name_of
from harness.media.decoded import Decoded
from harness.media.films import film_seconds, read_film
from harness.media.pictures import read_picture
from harness.media.sounds import read_sound, sound_seconds
from harness.records import Media, MediaLimits

# seconds that a length by a header, or one that is rounded, may lack
_ROUNDED = 0.1


def read(media: Media, limits: MediaLimits) -> Decoded:
    """A Picture, Sound or Film, as the medium's kind says, within the limits; `use.tokens` stays 0.

    Raises MediaError with one sentence for whatever cannot be read or is beyond the limits, MissingExtra where the
    decoder is not installed.
    """
    with _one_sentence(media):
        if media.kind == "image":
            return read_picture(media, limits)
        check_piece(media)
        return read_sound(media, limits) if media.kind == "audio" else read_film(media, limits)


def check_within(media: Media) -> None:
    """Raises MediaError unless the piece that is meant lies within its sound or film; nothing is decoded for that.

    Reading takes what there is of a piece, as rows of data sets need it, whose films are often a little shorter.
    """
    if media.start is None and media.end is None:
        return
    check_piece(media)
    with _one_sentence(media):
        length = sound_seconds(media) if media.kind == "audio" else film_seconds(media)
    start, end = media.start or 0.0, media.end or 0.0
    if length and (start >= length or end > length + _ROUNDED):
        beyond = f"begins at {start:g} s" if start >= length else f"ends at {end:g} s"
        raise MediaError(f"{name_of(media)} lasts {length:.2f} s, and the piece {beyond}.")


@contextmanager
def _one_sentence(media: Media) -> Iterator[None]:
    try:
        yield
    except HarnessError:
        raise
    except Exception as error:  # decoders raise whatever they like on hostile files
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise MediaError(f"{name_of(media)} cannot be decoded as {media.kind} ({reason}).") from error
