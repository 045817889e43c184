"""A tiny speaker checkpoint with random weights, made on the spot and saved as the real ones are.

Feature extractor, configuration and model class are the real ones (WavLM with an x-vector head), the sizes are small.
Whose voice it hears means nothing; its code path is the real one.
"""

from collections.abc import Callable
from pathlib import Path

from harness.library.making import locked, make_once, recipe_digest

NAME = "tiny-speaker"
EMBEDDING = 16


def make_tiny_speaker(folder: Path, *, progress: Callable[[str], None] | None = None) -> Path:
    """The checkpoint folder/tiny-speaker, made (seconds) when it is not there.

    It appears all at once, and two processes do not make it twice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recipe = recipe_digest("", Path(__file__))
    with locked(folder / ".speaker.lock"):
        return make_once(folder / NAME, recipe, _make, progress or (lambda _: None))


def _make(folder: Path) -> None:
    import torch

    from harness.library.modeling import transformers

    transformers.logging.disable_progress_bar()
    config = transformers.WavLMConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=(16, 16, 16),
        conv_stride=(20, 4, 4), conv_kernel=(40, 8, 4), num_feat_extract_layers=3, num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2, tdnn_dim=(16, 16, 16), tdnn_kernel=(5, 3, 1), tdnn_dilation=(1, 2, 1),
        xvector_output_dim=EMBEDDING, num_labels=4, num_buckets=32, max_bucket_distance=80,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.WavLMForXVector(config)
    model.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(folder)
