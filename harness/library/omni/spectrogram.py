"""Log-mel spectrograms of sounds of any length, by the checkpoint's own feature extractor."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# frames of a sound that are computed at once beyond the library's own longest (300 s); a frame is 10 ms. At one
# time a second takes 0.7 MB, so that half an hour would take 1.2 GB
_AT_ONCE, _PIECE = 30000, 6000
# how far below the loudest value of the whole sound everything is cut off: the extractor's 8, after its scaling by 4
_FLOOR = 2.0


def log_mel(extractor: Any, samples: "NDArray[np.float32]") -> Any:
    """Tensor [mel bins, frames], a frame every 10 ms.

    As the library makes it of the sound padded with zeros to 300 s, without that padding, which costs 0.3 s a sound:
    one window of zeros is all that frames at the sound's edge see of it. Nor is the sound cut at 300 s, as the
    library does in silence: what is longer is computed in pieces. The zeros stand where the checkpoint has them: before
    the sound (`padding_side` left, as in the makers' files), where frames are counted back from the sound's end, or
    behind it.
    """
    import numpy as np
    import torch

    hop, length = int(extractor.hop_length), len(samples)
    before = extractor.padding_side == "left"
    frames = length // hop if before else -(-length // hop)
    zeros = int(extractor.n_fft) + -(length + int(extractor.n_fft)) % hop
    every = (zeros + length) // hop
    first = every - frames if before else 0
    padding = zeros if before else 0
    if frames <= _AT_ONCE:
        made = _extracted(extractor, _stretch(samples, -padding, every * hop - padding))
        return torch.from_numpy(made[:, first : first + frames].copy())
    # a frame sees half a window to both sides
    margin = -(-int(extractor.n_fft) // (2 * hop))
    out = np.empty((int(extractor.feature_size), frames), np.float32)
    for start in range(first, first + frames, _PIECE):
        end = min(start + _PIECE, first + frames)
        begin = max(start - margin, 0)
        stretch = _stretch(samples, begin * hop - padding, min(end + margin, every) * hop - padding)
        made = _extracted(extractor, stretch)
        out[:, start - first : end - first] = made[:, start - begin : end - begin]
    # each piece was cut off below its own loudest value, which is nowhere above where the whole is
    return torch.from_numpy(np.maximum(out, out.max() - np.float32(_FLOOR), out=out))


def _stretch(samples: "NDArray[np.float32]", start: int, end: int) -> "NDArray[np.float32]":
    """The samples from `start` to before `end`, zeros where there are none."""
    import numpy as np

    inside = samples[max(start, 0) : max(end, 0)].astype(np.float32, copy=False)
    return np.pad(inside, (max(-start, 0), max(end - max(start, 0) - len(inside), 0)))


def _extracted(extractor: Any, samples: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """[mel bins, frames]: one for each step of the extractor, the first around the first sample."""
    made: NDArray[np.float32] = extractor(
        samples,
        sampling_rate=extractor.sampling_rate,
        padding="do_not_pad",
        truncation=False,
        return_attention_mask=False,
        return_tensors="np",
    )["input_features"][0]
    return made


def padded_together(mels: list[Any]) -> tuple[Any, Any]:
    """Spectrograms [mel bins, frames] as one tensor [sounds, mel bins, most frames], and the mask of what is real."""
    import torch

    longest = max(mel.shape[1] for mel in mels)
    together = torch.zeros(len(mels), mels[0].shape[0], longest, dtype=mels[0].dtype)
    mask = torch.zeros(len(mels), longest, dtype=torch.long)
    for row, mel in enumerate(mels):
        together[row, :, : mel.shape[1]] = mel
        mask[row, : mel.shape[1]] = 1
    return together, mask
