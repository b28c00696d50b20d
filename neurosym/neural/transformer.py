"""The only door to transformers and tokenizers, which the extra `text` brings.

Nothing is ever fetched from the network, no code is taken from a file, and weights are read from safetensors only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from neurosym.errors import NetworkError

PAD, UNKNOWN = "[PAD]", "[UNK]"
# Of a folder's config: what names code, places or ways of computing. The rest is numbers and names of functions.
LEFT_OUT = {
    "auto_map", "_name_or_path", "name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype",
    "attn_implementation", "_attn_implementation", "experts_implementation", "_experts_implementation",
}  # fmt: skip


def libraries() -> tuple[ModuleType, ModuleType]:
    """`transformers` and `tokenizers`, which take seconds to import.

    Raises:
        NetworkError: NS630, they are not installed.
    """
    try:
        import tokenizers  # pyright: ignore[reportMissingImports]
        import transformers  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise NetworkError(
            "networks for texts need the package transformers", code="NS630", note=str(error),
            help="pip install 'neurosym-logic[text]'",
        ) from None  # fmt: skip
    return transformers, tokenizers


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A config without what names code, places or ways of computing, at any depth."""
    return {
        key: plain(value) if isinstance(value, Mapping) else value
        for key, value in settings.items() if key not in LEFT_OUT
    }  # fmt: skip


def tokenizer_of(text: str) -> Any:
    """A tokenizer from its JSON, which neither pads nor cuts.

    Raises:
        NetworkError: NS600, it cannot be read; NS630.
    """
    _, tokenizers = libraries()
    try:
        made = tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # its errors have no class of their own
        raise NetworkError("the tokenizer of a TextNet cannot be read", note=str(error)) from None
    made.no_padding()
    made.no_truncation()
    return made


def words_of(texts: Sequence[str], most: int, least: int) -> Any:
    """A tokenizer whose vocabulary is the most frequent words of some texts, in lower case."""
    _, tokenizers = libraries()
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token=UNKNOWN))
    made.normalizer = tokenizers.normalizers.Sequence(
        [tokenizers.normalizers.NFC(), tokenizers.normalizers.Lowercase()]
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    trainer = tokenizers.trainers.WordLevelTrainer(
        vocab_size=most, min_frequency=least, special_tokens=[PAD, UNKNOWN], show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return made


def made(settings: Mapping[str, Any]) -> nn.Module:
    """A transformer with fresh weights; never with code from elsewhere, and never quantised."""
    transformers, _ = libraries()
    given = dict(settings)
    kind = given.pop("model_type", None)
    if given.get("quantization_config") is not None:
        raise NetworkError("a quantised transformer cannot be trained with rules", help="give the one it was made from")
    try:
        config = transformers.AutoConfig.for_model(kind, **given)
        # `eager` is torch's own arithmetic: other ways may be fetched as compiled code
        return transformers.AutoModel.from_config(config, attn_implementation="eager", trust_remote_code=False)
    except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise NetworkError(
            f"no transformer of the kind `{kind}` can be made", note=str(error).strip().partition("\n")[0]
        ) from None


def folder_of(path: str | PathLike[str]) -> tuple[Path, dict[str, Any], str]:
    """A folder with its config and its tokenizer, once it is known to hold all that is needed."""
    folder = Path(path)
    there = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    if "config.json" not in there:
        raise refused(
            folder, "it is no folder that holds a `config.json`", "name a folder on this machine: nothing is fetched"
        )
    if not any(name.endswith(".safetensors") for name in there):
        raise refused(folder, "it holds no safetensors", "save the model again by `save_pretrained`: pickles run code")
    if "adapter_config.json" in there:
        raise refused(folder, "it is an adapter of another model", "merge the two, and save the result")
    if "tokenizer.json" not in there:
        raise refused(folder, "it holds no `tokenizer.json`", "save its tokenizer there by `save_pretrained`")
    try:
        settings = json.loads((folder / "config.json").read_text("utf-8"))
        tokenizer = (folder / "tokenizer.json").read_text("utf-8")
    except (OSError, ValueError) as error:
        raise refused(folder, str(error), "copy the whole folder again") from None
    if not isinstance(settings, dict):
        raise refused(folder, "its `config.json` is no object", "copy the whole folder again")
    transformers, _ = libraries()
    if settings.get("model_type") not in transformers.CONFIG_MAPPING:
        raise refused(
            folder, f"transformers has no model of the kind `{settings.get('model_type')}`",
            "models that bring code of their own are never read",
        )  # fmt: skip
    return folder, plain(settings), tokenizer


def weights(folder: Path, model: nn.Module) -> dict[str, Tensor]:
    """The weights of a folder under this model's names."""
    from safetensors import SafetensorError

    transformers, _ = libraries()
    noise = transformers.logging
    before, bars = noise.get_verbosity(), noise.is_progress_bar_enabled()
    noise.set_verbosity_error()
    noise.disable_progress_bar()
    try:
        read, report = transformers.AutoModel.from_pretrained(
            str(folder), config=model.config, local_files_only=True, use_safetensors=True, trust_remote_code=False,
            attn_implementation="eager", dtype=torch.get_default_dtype(), output_loading_info=True,
        )  # fmt: skip
    except (OSError, SafetensorError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise refused(
            folder, str(error).strip().partition("\n")[0], "save the model again by `save_pretrained`"
        ) from None
    finally:
        noise.set_verbosity(before)
        if bars:
            noise.enable_progress_bar()
    lacking = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))  # nobody asks those
    if lacking:
        raise refused(folder, f"its weights lack `{lacking[0]}`", "save the model again by `save_pretrained`")
    return read.state_dict()


def refused(folder: Path, why: str, advice: str) -> NetworkError:
    """NS631, as it is raised wherever a folder is no model."""
    return NetworkError(f"no transformer can be read from {folder}", code="NS631", note=why, help=advice)


__all__ = [
    "PAD", "UNKNOWN", "folder_of", "libraries", "made", "plain", "refused", "tokenizer_of", "weights", "words_of",
]  # fmt: skip
