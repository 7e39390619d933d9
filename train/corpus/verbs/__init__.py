"""The verb table: the verbs of everyday hand life, as data."""

from __future__ import annotations

from . import chores, everyday, fingers, gestures, handling, kitchen, tools
from .spec import CHANNELS, Track, Verb, Wave

TABLE: dict[str, Verb] = {
    verb.name: verb
    for part in (gestures, handling, kitchen, tools, fingers, everyday, chores)
    for verb in part.VERBS
}
VERBS: tuple[str, ...] = tuple(TABLE)

__all__ = ["CHANNELS", "TABLE", "VERBS", "Track", "Verb", "Wave"]
