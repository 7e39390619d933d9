"""The text vocabulary: a SentencePiece model trained on the corpus's own sentences.

Bytes are pieces too, so text of any language or an emoji encodes without ``<unk>``. Ids 0, 1 and 2 are pad,
end of sentence and unknown, as in T5. The same sentences give the same file, byte for byte.

``python -m train.tokenizer run=RUN`` writes ``RUN/tokenizer.model``; ``RUN/words.txt``, the corpus's words,
by which the runtime tells a user which of theirs the model never learnt; and ``RUN/synonyms.txt``, which of
them other English words may be read as (``train.corpus.synonyms``). With ``lm.init`` it copies the vocabulary
of that checkpoint, which knows more words than the corpus, and writes no lists.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import sentencepiece as spm
from clutch_rt import prompts
from clutch_rt.errors import InputError
from clutch_rt.text import words_of

from models.files import appearing
from models.t5 import open_pretrained
from train.config import TokenizerConfig
from train.corpus import synonyms
from train.run import RunFolder, is_main, stage_main
from train.store import read_batches
from train.templates import TEMPLATES

STAGE: Final = "tokenizer"
TOKENIZER_FILE: Final = "tokenizer.model"
WORDS_FILE: Final = "words.txt"
SYNONYMS_FILE: Final = "synonyms.txt"
PAD: Final = 0
EOS: Final = 1
UNK: Final = 2

# Template wordings are few beside the corpus; repeated, their words become pieces of their own.
_TEMPLATE_REPEATS: Final = 200


def train_tokenizer(sentences: Iterable[str], path: Path | str, config: TokenizerConfig) -> None:
    """Learn a vocabulary of at most ``config.vocab`` pieces and write it to ``path`` by rename.

    Args:
        sentences: normalised text (``clutch_rt.prompts.normalise``), in a fixed order.
        path: the file to write.
        config: size and kind.

    Raises:
        InputError: there is no text, or too little room for the bytes and letters.
    """
    model = io.BytesIO()
    try:
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type=config.kind,
            vocab_size=config.vocab,
            hard_vocab_limit=False,
            byte_fallback=True,
            character_coverage=1.0,
            normalization_rule_name="identity",
            split_digits=True,
            pad_id=PAD,
            eos_id=EOS,
            unk_id=UNK,
            bos_id=-1,
            pad_piece="<pad>",
            eos_piece="</s>",
            unk_piece="<unk>",
            num_threads=1,
            shuffle_input_sentence=False,
            minloglevel=2,
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"no vocabulary of {config.vocab} pieces could be learnt: {str(error).splitlines()[-1]}; "
            "it needs 259 for bytes and control and one per letter: change tokenizer.vocab"
        ) from error
    write_bytes(Path(path), model.getvalue())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file by rename."""
    with appearing(path) as part:
        part.write_bytes(data)


def load_tokenizer(path: Path | str) -> spm.SentencePieceProcessor:
    """Open a vocabulary; InputError where it is missing, damaged, or its control ids are not T5's."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is missing; run `python -m train.tokenizer run={path.parent}`")
    processor = spm.SentencePieceProcessor()
    try:
        processor.load(str(path))
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path} is not a SentencePiece model ({error}); make it again") from error
    found = (processor.pad_id(), processor.eos_id(), processor.unk_id())
    if found != (PAD, EOS, UNK):
        raise InputError(f"{path} has pad, eos, unk at {found}; T5 has them at {(PAD, EOS, UNK)}")
    return processor


def encode(processor: spm.SentencePieceProcessor, text: str, limit: int = 0) -> list[int]:
    """Ids of ``text`` with ``<eos>`` behind; at most ``limit`` in all if that is above 0."""
    ids = processor.encode(text)
    return [*(ids[: limit - 1] if limit else ids), EOS]


def decode(processor: spm.SentencePieceProcessor, ids: Iterable[int]) -> str:
    """Text of ids; control ids and rows that are no piece are left out."""
    pieces = processor.get_piece_size()
    return str(processor.decode([i for i in ids if UNK < i < pieces]))


def corpus_sentences(corpus: Path) -> Iterator[str]:
    """The captions of a clip store's training split, normalised, shard after shard."""
    for batch in read_batches(corpus, "train", ["texts"]):
        for texts in batch["texts"].to_pylist():
            yield from map(prompts.normalise, texts)


def template_sentences() -> Iterator[str]:
    """Wordings of the tasks, the names of their fields standing for what fills them."""
    for _ in range(_TEMPLATE_REPEATS):
        for template in TEMPLATES:
            yield from (t.replace("{", "").replace("}", "") for t in (template.prompt, template.answer) if t)


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """Write ``RUN/tokenizer.model``, ``RUN/words.txt`` and ``RUN/synonyms.txt``."""
    config, path = folder.config, folder.path / TOKENIZER_FILE
    if not is_main():
        return {}
    if config.lm.init:
        write_bytes(path, open_pretrained(config.lm.init).tokenizer.read_bytes())
    else:
        train_tokenizer(_sentences(folder.path / "corpus"), path, config.tokenizer)
        words = {word for sentence in corpus_sentences(folder.path / "corpus") for word in words_of(sentence)}
        write_bytes(folder.path / WORDS_FILE, "".join(f"{word}\n" for word in sorted(words)).encode())
        write_bytes(folder.path / SYNONYMS_FILE, synonyms.for_runtime(words).encode())
    return {"pieces": load_tokenizer(path).get_piece_size()}


def _sentences(corpus: Path) -> Iterator[str]:
    yield from corpus_sentences(corpus)
    yield from template_sentences()


def main() -> int:
    """``python -m train.tokenizer``."""
    return stage_main(STAGE, stage)


if __name__ == "__main__":
    sys.exit(main())
