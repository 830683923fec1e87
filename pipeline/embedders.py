"""Where a model of meaning is found, and how it is read.

    name -> a folder: of a package, on disk or of a hub -> its layout -> the library that reads it

Comes in: the name of a model. Goes out: an Embedder. Nothing is fetched unless the configuration
says so, no code of a model's package is run, and a model is opened only when it is asked.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.configuration import read_configuration
from pipeline.embeddings import CHUNK, Embedding, of_length_one
from storage.errors import NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from pipeline.embeddings import Embedder, Vectors

    Encode = Callable[[list[str]], NDArray[Any]]

THREADS = 1  # the readers of pages want the other cores; torch gives other bits with more
MAX_TOKENS = 512  # where a model does not say
REMEDY = "pip install 'newsfold[embeddings]'"
HASHED = {".json", ".txt", ".model", ".safetensors", ".onnx", ".onnx_data", ".bin"}
# Formats that can carry code, and the same weights for other libraries.
NOT_FETCHED = ["*.bin", "*.h5", "*.msgpack", "*.ot", "*.pt", "*.pkl", "openvino/*", "onnx/model_*"]


def configured(
    database: Path, *, can_run: bool = True, file: Path | None = None
) -> Embedding | None:
    """The embedding that the configuration beside a database (or in a `file`) names, if any."""
    fold = read_configuration(database, file).fold
    if fold.embedding is None:
        return None
    embedder = load(fold.embedding, folder=database.parent, download=fold.download, can_run=can_run)
    return Embedding(embedder, fold.multilingual)


def load(
    name: str, *, folder: Path = Path(), download: bool = False, can_run: bool = True
) -> Embedder:
    """The model of that name: an installed package that carries one (`some-model`), a folder
    (`./some-model`, from `folder` on) or a model of the hub (`owner/model`).

    Raises NewsfoldError, which names the remedy, when it is not there or nothing here reads it.
    `can_run=False` is for those who may find every vector kept: then it need only be there.
    """
    _keep_offline(download)
    found = _folder(name, folder, download)
    layout = next((each for each in LAYOUTS if each.fits(found)), None)
    if layout is None:
        raise NewsfoldError(
            f"embedding {name}: {found} holds no model that newsfold knows; it reads the layouts"
            " of model2vec and sentence-transformers (modules.json)"
        )
    if can_run and importlib.util.find_spec(layout.library) is None:
        raise NewsfoldError(f"embedding {name} needs {layout.library}: {layout.remedy}")
    return _Model(name, found, layout)


class _Model:
    """A model in a folder, opened when it is first asked: many a pass finds every vector kept."""

    def __init__(self, name: str, folder: Path, layout: _Layout) -> None:
        self._called = name
        self._folder = folder
        self._layout = layout

    @cached_property
    def name(self) -> str:
        return f"{Path(self._called).name} {_digest(self._folder)} {self._layout.library}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        made = np.zeros((len(texts), self._dimension), np.float32)
        for batch in _batches(texts, self._layout.batch):
            made[batch] = self._encode([texts[index] for index in batch])
        if not np.isfinite(made).all():
            raise NewsfoldError(f"embedding {self._called} gives vectors that are no numbers")
        return of_length_one(made)

    @cached_property
    def _encode(self) -> Encode:
        try:
            return self._layout.open(self._folder)
        except Exception as error:  # of whatever kind the library has
            raise NewsfoldError(
                f"embedding {self._called}: {self._layout.library} cannot read {self._folder}"
                f" ({type(error).__name__}: {error}); install the model again"
            ) from error

    @cached_property
    def _dimension(self) -> int:
        return int(self._encode(["news"]).shape[1])


def _batches(texts: Sequence[str], size: int) -> Iterator[list[int]]:
    """Places of texts of about one length, so that little is padded. Blank ones are left out:
    a model takes two texts without words for the same."""
    told = [index for index, text in enumerate(texts) if text.strip()]
    order = sorted(told, key=lambda index: _by_length(texts[index]))
    return (order[start : start + size] for start in range(0, len(order), size))


def _by_length(text: str) -> tuple[int, str]:
    return len(text), text


# Where a model is


def _folder(name: str, beside: Path, download: bool) -> Path:
    """The folder of the model of that name."""
    if "/" not in name and "\\" not in name:
        return _in_package(name)
    folder = beside / Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.count("/") == 1 and not name.startswith((".", "/", "~")) and "\\" not in name:
        return _from_hub(name, download)
    raise NewsfoldError(f"embedding {name}: there is no folder {folder}")


def _in_package(name: str) -> Path:
    """The folder of the model that an installed package carries; its code is not run."""
    try:
        carried = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError) as error:
        raise NewsfoldError(
            f"embedding {name}: there is no such package here; install it with: {REMEDY} {name}"
        ) from error
    configurations = [file for file in carried.files or () if file.name == "config.json"]
    if not configurations:
        raise NewsfoldError(
            f"embedding {name}: the package carries no model; name one that does, a folder"
            " (with a slash: ./model) or a model of the hub (owner/model)"
        )
    shallowest = min(configurations, key=lambda file: (len(file.parts), str(file)))
    return Path(str(carried.locate_file(shallowest))).parent


def _from_hub(name: str, download: bool) -> Path:
    """The folder where the hub's own library keeps a model; fetched only if `download`."""
    hub = _library("huggingface_hub", name)
    try:
        return Path(
            hub.snapshot_download(name, local_files_only=not download, ignore_patterns=NOT_FETCHED)
        )
    except Exception as error:  # of the hub's library, or of the network
        remedy = (
            f"could not be fetched ({error})"
            if download
            else "is neither a folder nor a model fetched before; set download = true under [fold]"
            " in newsfold.toml to fetch it"
        )
        raise NewsfoldError(f"embedding {name} {remedy}") from error


def _keep_offline(download: bool) -> None:
    """Tell the libraries, before they are imported, what they may do."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # pages are read in processes of our own
    if not download:
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"


def _digest(folder: Path) -> str:
    """The same for the same model, wherever it lies."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.rglob("*")):
        if path.suffix in HASHED and path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def _library(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NewsfoldError(f"embedding {name} needs {module} ({error}): {REMEDY}") from error


# How a model is read


@dataclass(frozen=True, slots=True)
class _Layout:
    """A way in which a model lies in a folder, and the library that reads it."""

    library: str
    fits: Callable[[Path], bool]
    open: Callable[[Path], Encode]
    batch: int  # texts at a time, for as long as that leaves every bit of a vector as it is
    remedy: str = REMEDY


def _is_static(folder: Path) -> bool:
    kind = _json(folder / "config.json", {}).get("model_type")
    return kind == "model2vec" or "StaticEmbedding" in _modules(folder)


def _open_static(folder: Path) -> Encode:
    model = importlib.import_module("model2vec").StaticModel.from_pretrained(folder)

    def encode(texts: list[str]) -> NDArray[Any]:
        vectors: NDArray[Any] = model.encode(texts, use_multiprocessing=False)
        return vectors

    return encode


def _is_onnx(folder: Path) -> bool:
    """A graph up to the tokens' vectors, of which only a mean or the first one is wanted."""
    kinds = _modules(folder)
    return (
        _graph(folder) is not None
        and (folder / "tokenizer.json").is_file()
        and bool(kinds)
        and set(kinds) <= {"Transformer", "Pooling", "Normalize"}
        and _pooling(folder) in ("mean", "cls")
    )


def _open_onnx(folder: Path) -> Encode:
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    session = runtime.InferenceSession(
        str(_graph(folder)), options, providers=["CPUExecutionProvider"]
    )
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(
        str(folder / "tokenizer.json")
    )
    tokenizer.no_padding()
    tokenizer.enable_truncation(_most_tokens(folder))
    wanted = [each.name for each in session.get_inputs()]
    padding = int(_json(folder / "config.json", {}).get("pad_token_id") or 0)
    only_first = _pooling(folder) == "cls"

    def encode(texts: list[str]) -> NDArray[Any]:
        tokens, mask = _padded([each.ids for each in tokenizer.encode_batch(texts)], padding)
        given = {
            "input_ids": tokens,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(tokens),
        }
        told: NDArray[Any] = session.run(None, {name: given[name] for name in wanted})[0]
        if only_first:
            first: NDArray[Any] = told[:, 0]
            return first
        weight = mask[..., None].astype(np.float32)
        mean: NDArray[Any] = (told * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
        return mean

    return encode


def _padded(ids: list[list[int]], padding: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens as a rectangle, and a mask that is 1 where they are real."""
    width = max(1, *map(len, ids))
    tokens = np.full((len(ids), width), padding, np.int64)
    mask = np.zeros_like(tokens)
    for row, known in enumerate(ids):
        tokens[row, : len(known)] = known
        mask[row, : len(known)] = 1
    return tokens, mask


def _is_sentence_transformer(folder: Path) -> bool:
    return bool(_modules(folder))


def _open_sentence_transformer(folder: Path) -> Encode:
    importlib.import_module("torch").set_num_threads(THREADS)
    importlib.import_module("transformers.utils.logging").disable_progress_bar()
    model = importlib.import_module("sentence_transformers").SentenceTransformer(
        str(folder), device="cpu", local_files_only=True
    )

    def encode(texts: list[str]) -> NDArray[Any]:
        vectors: NDArray[Any] = model.encode(
            texts, batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True
        )
        return vectors

    return encode


LAYOUTS = (
    _Layout("model2vec", _is_static, _open_static, batch=CHUNK),
    # 8 to 16 at a time are fastest, and no bit of 1 440 vectors differed from one at a time.
    _Layout("onnxruntime", _is_onnx, _open_onnx, batch=8),
    # torch gives other bits in other company, and reports are no faster eight at a time.
    _Layout(
        "sentence_transformers",
        _is_sentence_transformer,
        _open_sentence_transformer,
        batch=1,
        remedy="pip install sentence-transformers",
    ),
)


def _graph(folder: Path) -> Path | None:
    places = (folder / "onnx" / "model.onnx", folder / "model.onnx")
    return next((place for place in places if place.is_file()), None)


def _modules(folder: Path) -> list[str]:
    """The steps of a model in the layout of sentence-transformers, by the last word of each."""
    steps = _json(folder / "modules.json", [])
    return [str(dict(step).get("type")).rsplit(".", 1)[-1] for step in steps]


def _pooling(folder: Path) -> str:
    """How the vectors of tokens become one: mean, cls, or another way that we do not know."""
    told = _json(folder / "1_Pooling" / "config.json", {})
    if "pooling_mode" in told:
        return str(told["pooling_mode"])
    ways = [key for key, value in told.items() if key.startswith("pooling_mode_") and value]
    names = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    return names.get(ways[0], "other") if len(ways) == 1 else "other"


def _most_tokens(folder: Path) -> int:
    told = _json(folder / "sentence_bert_config.json", {}).get("max_seq_length")
    return min(int(told or MAX_TOKENS), MAX_TOKENS)


def _json(path: Path, otherwise: Any) -> Any:
    """What a small file of settings says, which is of the kind of what holds without it."""
    if not path.is_file():
        return otherwise
    try:
        told = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise NewsfoldError(f"{path} is damaged ({error}); install the model again") from error
    if not isinstance(told, type(otherwise)):
        raise NewsfoldError(f"{path} is damaged; install the model again")
    return told
