"""The catalogue, where weights lie, what their headers say, and the arithmetic of memory."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import models
from harness.errors import ConfigError, ModelError, UnknownName
from harness.library.architectures import config_from, parameters_of
from harness.models.weights import missing_weights
from harness.records import ModelSpec, Precision, Repository

GIB = 2**30
QWQ_PARAMETERS, QWQ_NON_EMBEDDING = 32_763_876_352, 31_206_740_992
QWQ_BIASES_AND_NORMS = 64 * (5120 + 2 * 1024 + 2 * 5120) + 5120

TINY_CONFIG: dict[str, Any] = {
    "model_type": "qwen2",
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 8,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "num_key_value_heads": 1,
    "torch_dtype": "float32",
    "vocab_size": 32,
}
TENSORS = {"model.embed_tokens.weight": (32, 8), "model.norm.weight": (8,), "lm_head.weight": (32, 8)}


def write_safetensors(path: Path, tensors: dict[str, tuple[int, ...]], fill: int = 0) -> None:
    """A real safetensors file of fp32 tensors, written by hand: no torch."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in tensors.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes([fill]) * end)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint folder as a user may have one: config, tokenizer, one weight file."""
    made = tmp_path / "My Model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(TINY_CONFIG))
    (made / "tokenizer.json").write_text("{}")
    write_safetensors(made / "model.safetensors", TENSORS)
    return made


def spec_at(folder: Path) -> ModelSpec:
    return ModelSpec(id="x", name="X", developer="nobody", weights="open", local=str(folder))


# The catalogue


def test_configured_models_are_found_by_id_and_by_hub_id_whatever_the_capitals() -> None:
    assert models.find_model("qwq-32b").id == "qwq-32b"
    assert models.find_model("QwQ-32B").id == "qwq-32b"
    assert models.find_model("qwen/qwen2.5-omni-7b").id == "qwen2.5-omni-7b"


def test_pinned_models_have_their_revision() -> None:
    for name in ("qwq-32b", "qwen2.5-omni-7b", "qwen3-8b", "qwen3-32b", "qwen3-30b-a3b", "qwen3-235b-a22b"):
        repository = models.find_model(name).repository
        assert repository is not None and repository.revision is not None


def test_generation_settings_are_the_makers() -> None:
    qwq = models.find_model("qwq-32b").generation
    assert qwq is not None
    assert (qwq.temperature, qwq.top_p, qwq.top_k, qwq.max_tokens) == (0.6, 0.95, 40, 32768)
    omni = models.find_model("qwen2.5-omni-7b").generation
    assert omni is not None
    assert (omni.temperature, omni.repetition_penalty) == (0.0, 1.0)  # the library's default samples


def test_the_tiny_models_are_as_they_are_made() -> None:
    from harness.library.tiny import CONTEXT

    for name in ("tiny-qwen2", "tiny-qwen2-trained", "tiny-qwen3", "tiny-qwen3-moe"):
        spec = models.find_model(name)
        assert (spec.local, spec.context, spec.native_precision) == (name, CONTEXT, "fp32")
        assert spec.thinking == ("prompt" if "qwen2" in name else "switch")  # QwQ's template opens the thought


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no model 'qwq-32'; nearest: 'qwq-32b'"):
        models.find_model("qwq-32")


def test_a_hub_id_that_is_not_configured_makes_a_spec_without_revision() -> None:
    spec = models.find_model("Somebody/Some_Model-1B")
    assert spec.id == "somebody-some-model-1b"
    assert spec.repository == Repository(hub="Somebody/Some_Model-1B", revision=None)
    assert models.locate_weights(spec) is None


def test_a_local_folder_makes_a_spec_that_never_passes_for_a_configured_model(folder: Path) -> None:
    spec = models.find_model(str(folder))
    assert spec.id == "local-my-model"
    assert (spec.context, spec.native_precision, spec.precisions) == (64, "fp32", ("fp32",))
    assert models.locate_weights(spec) == folder


@pytest.mark.parametrize("name", ["model.bin", "model.pt", "consolidated.00.pth"])
def test_pickled_weights_are_refused(folder: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"\x80\x04")
    for use in (lambda: models.find_model(str(folder)), lambda: models.locate_weights(spec_at(folder))):
        with pytest.raises(ModelError, match=rf"only pickled weights \({re.escape(name)}\).*safetensors are needed"):
            use()


def test_a_voice_file_beside_safetensors_is_no_pickled_checkpoint(folder: Path) -> None:
    (folder / "spk_dict.pt").write_bytes(b"\x80\x04")
    assert models.locate_weights(spec_at(folder)) == folder


def test_a_folder_without_config_a_file_and_a_path_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"has no config\.json"):
        models.find_model(str(tmp_path / "empty"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="is a file, not a model folder"):
        models.find_model(str(tmp_path / "file"))
    with pytest.raises(ModelError, match="There is no model folder"):
        models.find_model(str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("text", "complaint"), [("{", "not valid JSON"), ("[]", "no model_type"), ("{}", "no model_type")]
)
def test_a_config_that_is_none(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=complaint):
        config_from(tmp_path)


def test_a_file_must_be_named_after_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs" / "models").mkdir(parents=True)
    path = tmp_path / "configs" / "models" / "a.yaml"
    path.write_text("name: B\nid: b\ndeveloper: d\nweights: open\n")
    monkeypatch.setenv("HARNESS_ROOT", str(tmp_path))
    with pytest.raises(ConfigError, match=r"a\.yaml, line 2: the id 'b'"):
        models.load_models()


def test_looking_a_model_up_loads_no_torch() -> None:
    code = (
        "import sys; from harness import models, inspection; "
        "s = models.find_model('qwq-32b'); models.locate_weights(s); inspection.inspect_model(s); "
        "print([m for m in ('torch', 'transformers', 'numpy', 'accelerate') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Where weights lie


def test_the_places_weights_are_looked_for(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    revision = "a" * 40
    spec = ModelSpec(
        id="x", name="X", developer="d", weights="open", repository=Repository(hub="org/x", revision=revision)
    )
    monkeypatch.delenv("HARNESS_MODELS", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert models.locate_weights(spec) is None
    snapshot = tmp_path / "hub" / "models--org--x" / "snapshots" / revision
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(TINY_CONFIG))
    assert models.locate_folder(spec) == snapshot
    assert models.locate_weights(spec) is None  # an unfinished download is no checkpoint
    write_safetensors(snapshot / "model.safetensors", TENSORS)
    assert models.locate_weights(spec) == snapshot
    other = spec.model_copy(update={"repository": Repository(hub="org/x", revision="b" * 40)})
    assert models.locate_weights(other) is None  # another revision is another checkpoint
    monkeypatch.setenv("HARNESS_MODELS", str(tmp_path / "models"))
    folder.rename(tmp_path / "x")
    (tmp_path / "models").mkdir()
    (tmp_path / "x").rename(tmp_path / "models" / "x")
    assert models.locate_weights(spec) == tmp_path / "models" / "x"


def test_tiny_checkpoints_lie_in_the_checkpoints_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = models.find_model("tiny-qwen2")
    monkeypatch.setenv("HARNESS_CHECKPOINTS", str(folder.parent))
    assert models.locate_weights(spec) is None
    folder.rename(folder.parent / "tiny-qwen2")
    assert models.locate_weights(spec) == folder.parent / "tiny-qwen2"


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-1-of-2.safetensors")
    weight_map = {"model.norm.weight": "model-1-of-2.safetensors", "lm_head.weight": "model-2-of-2.safetensors"}
    index = {"metadata": {"total_size": 2080}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert missing_weights(folder) == ("model-2-of-2.safetensors",)
    with pytest.raises(ModelError, match=r"lacks model-2-of-2\.safetensors \(1 weight files missing\)"):
        models.locate_weights(spec_at(folder))
    seen = models.read_index(folder)  # falls back to the index file: bytes / width of float32
    assert (seen.total, seen.bytes, seen.dtype, dict(seen.parameters)) == (520, 2080, "F32", {})


# Headers and fingerprints


def test_headers_give_names_sizes_and_dtypes(folder: Path) -> None:
    seen = models.read_index(folder)
    assert seen.parameters == {"model.embed_tokens.weight": 256, "model.norm.weight": 8, "lm_head.weight": 256}
    assert (seen.total, seen.bytes, seen.dtype, seen.files) == (520, 2080, "F32", ("model.safetensors",))


def test_headers_agree_with_the_library_that_wrote_them(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3, 5, dtype=torch.bfloat16), "b": torch.zeros(())}, tmp_path / "model.safetensors")
    seen = models.read_index(tmp_path)
    assert (dict(seen.parameters), dict(seen.dtypes)) == ({"a": 15, "b": 1}, {"BF16": 15, "F32": 1})
    assert (seen.bytes, seen.dtype) == (34, "BF16")


def test_shards_are_added_up_and_files_the_index_does_not_name_are_not(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    weight_map = {}
    for i, (name, shape) in enumerate(TENSORS.items()):
        write_safetensors(folder / f"shard-{i}.safetensors", {name: shape})
        weight_map[name] = f"shard-{i}.safetensors"
    write_safetensors(folder / "consolidated.safetensors", TENSORS)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert models.read_index(folder).total == 520


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda data: data[:-1], "where its header announces"),
        (lambda data: data[:40], "cut short"),
        (lambda data: b"", "cut short"),
        (lambda data: data[:8] + b"x" + data[9:], "header cannot be read"),
    ],
)
def test_a_broken_weight_file_is_named(folder: Path, damage: Any, complaint: str) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=complaint):
        models.read_index(folder)


def test_a_folder_without_weights_has_no_index(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no safetensors weights"):
        models.read_index(folder)


def test_the_fingerprint_changes_with_every_file_that_decides_an_answer(folder: Path) -> None:
    seen = {models.fingerprint(folder)}
    assert models.fingerprint(folder) in seen  # and with nothing else
    (folder / "README.md").write_text("hello")
    assert models.fingerprint(folder) in seen
    changes = {
        "config.json": json.dumps(TINY_CONFIG | {"hidden_act": "gelu"}),
        "tokenizer.json": "{ }",
        "chat_template.jinja": "{{ messages }}",
        "generation_config.json": "{}",
    }
    for name, text in changes.items():
        (folder / name).write_text(text)
        assert models.fingerprint(folder) not in seen, name
        seen.add(models.fingerprint(folder))
    write_safetensors(folder / "model.safetensors", TENSORS, fill=1)
    assert models.fingerprint(folder) not in seen


def test_the_fingerprint_sees_one_byte_of_config(folder: Path) -> None:
    before = models.fingerprint(folder)
    path = folder / "config.json"
    path.write_bytes(path.read_bytes().replace(b"float32", b"float16"))
    assert models.fingerprint(folder) != before


def test_the_fingerprint_samples_large_files_at_both_ends(folder: Path) -> None:
    """Above 1 MiB only samples are read; the first and the last byte of data are among them."""
    path = folder / "model.safetensors"
    write_safetensors(path, {"w": (1024, 1024)})
    before = models.fingerprint(folder)
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for at in (start, len(whole) - 1):
        path.write_bytes(whole[:at] + b"\x07" + whole[at + 1 :])
        assert models.fingerprint(folder) != before, at
    write_safetensors(path, {"v": (1024, 1024)})  # another name, the same length
    assert len(path.read_bytes()) == len(whole)
    assert models.fingerprint(folder) != before


# Memory


def test_qwq_in_every_precision_as_measured() -> None:
    """The sizes of the makers' files and of one full sequence of 32,768 tokens beside the weights."""
    left = QWQ_PARAMETERS - QWQ_NON_EMBEDDING + QWQ_BIASES_AND_NORMS
    assert models.weight_bytes(QWQ_PARAMETERS, "bf16", left) == 65_527_752_704
    assert models.weight_bytes(QWQ_PARAMETERS, "fp32", left) == 2 * 65_527_752_704
    sequence = 8 * GIB
    expected: dict[Precision, int] = {"bf16": 69, "int8": 40, "nf4": 26, "gptq-int4": 26, "awq-int4": 26}
    for precision, gib in expected.items():
        assert round((models.weight_bytes(QWQ_PARAMETERS, precision, left) + sequence) / GIB) == gib, precision


def test_the_cache_of_one_token() -> None:
    def cache(name: str, precision: Precision = "bf16") -> int:
        architecture = models.find_model(name).architecture
        assert architecture is not None
        return models.kv_bytes_per_token(architecture, precision)

    assert cache("qwq-32b") == 256 * 1024
    assert cache("qwq-32b") * 32768 == 8 * GIB
    assert cache("qwq-32b", "nf4") == 256 * 1024  # quantized weights, 16-bit cache
    assert cache("qwq-32b", "fp32") == 512 * 1024
    assert cache("qwen3-32b") == 2 * 64 * 8 * 128 * 2  # head width stated, not hidden / heads
    assert cache("qwen1.5-7b") == 2 * 32 * 4096 * 2  # every head its own key
    assert cache("qwen2.5-omni-7b") == 2 * 28 * 4 * 128 * 2  # read from the thinker's text config
    assert cache("deepseek-r1") == 61 * (512 + 64) * 2  # latent attention


def test_a_config_that_lacks_a_size_says_which() -> None:
    with pytest.raises(ModelError, match="lacks the number 'num_hidden_layers'"):
        models.kv_bytes_per_token({"model_type": "gpt2"}, "bf16")


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("model.embed_tokens.weight", True),
        ("lm_head.weight", True),
        ("model.layers.0.input_layernorm.weight", True),
        ("model.layers.0.self_attn.q_norm.weight", True),
        ("model.layers.0.self_attn.q_proj.bias", True),
        ("model.layers.0.mlp.gate.weight", True),
        ("model.layers.3.mlp.gate.e_score_correction_bias", True),
        ("thinker.audio_tower.layers.0.fc1.weight", True),
        ("thinker.visual.blocks.0.attn.q.weight", True),
        ("talker.model.layers.0.mlp.up_proj.weight", True),
        ("model.layers.0.mlp.gate_proj.weight", False),
        ("model.layers.0.mlp.experts.7.down_proj.weight", False),
        ("thinker.model.layers.0.self_attn.o_proj.weight", False),
    ],
)
def test_what_quantization_leaves(name: str, left: bool) -> None:
    assert models.left_unquantized(name) is left


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_quantized_weights_lie_between_their_bits_and_16_bits(quantized: int, left: int) -> None:
    parameters = quantized + left
    full = models.weight_bytes(parameters, "bf16", left)
    sizes = [models.weight_bytes(parameters, p, left) for p in ("nf4", "gptq-int4", "int8", "fp8")]
    assert sizes == sorted(sizes)
    assert all(quantized // 2 + 2 * left <= size <= full for size in sizes)


def test_the_activation_allowance_grows_with_tokens_and_rows() -> None:
    architecture = models.find_model("qwq-32b").architecture
    assert architecture is not None
    logits = 152064 * 4 * 6
    per_token = (8 * 5120 + 3 * 27648) * 2
    assert models.activation_bytes(architecture, 100, rows=3) == 100 * per_token + 3 * logits
    moe = models.find_model("qwen3-30b-a3b").architecture
    assert moe is not None
    assert models.activation_bytes(moe, 1, rows=0) == (8 * 2048 + 3 * 8 * 768) * 2


def test_shape_of_a_model_is_read_off_its_config() -> None:
    omni, r1 = models.find_model("qwen2.5-omni-7b").architecture, models.find_model("deepseek-r1").architecture
    assert omni is not None and r1 is not None
    assert models.experts_of(r1) == (256, 8)
    assert models.experts_of(omni) == (0, 0)
    assert models.native_precision_of(r1) == "fp8"
    assert models.native_precision_of(omni) == "bf16"
    without = {key: value for key, value in omni.items() if key != "token2wav_config"}
    assert models.modalities_of(without).gives == ("text",)  # codes that nothing turns into sound


# The library's door


def test_unknown_architectures_and_unbuildable_configs_are_one_sentence() -> None:
    with pytest.raises(ModelError, match=r"no architecture for model_type 'qwen'; nearest: 'qwen3'"):
        parameters_of({"model_type": "qwen", "auto_map": {"AutoModelForCausalLM": "modeling_qwen.QWenLMHeadModel"}})
    with pytest.raises(ModelError, match="cannot build a qwen2 model"):
        parameters_of(TINY_CONFIG | {"hidden_size": "big"})
    with pytest.raises(ModelError, match="cannot build a qwen2 model"):
        parameters_of(TINY_CONFIG | {"num_attention_heads": 0})


def test_tied_weights_are_counted_once() -> None:
    free = sum(parameters_of(TINY_CONFIG | {"tie_word_embeddings": False}).values())
    tied = sum(parameters_of(TINY_CONFIG | {"tie_word_embeddings": True}).values())
    assert free - tied == 32 * 8


def test_the_library_stays_quiet() -> None:
    """In a process of its own: its log handler keeps the stderr of the moment it was imported."""
    code = (
        "from harness.library.architectures import parameters_of; from harness.models import find_model; "
        "parameters_of(find_model('qwen2.5-omni-7b').architecture)"  # the talker's ids exceed its vocabulary: chatter
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_another_model_under_a_models_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_checkpoints: Path
) -> None:
    (tmp_path / "qwq-32b").symlink_to(tiny_checkpoints / "tiny-qwen2")
    monkeypatch.setenv("HARNESS_MODELS", str(tmp_path))
    with pytest.raises(
        ModelError, match=r"qwq-32b is not QwQ-32B: its hidden_size is \d+, not 5120\. Another model is"
    ):
        models.locate_folder(models.find_model("qwq-32b"))
