"""The wordings of instruction tuning, as data: a prompt, what motion comes with it, what is answered.

Fields in braces are filled from the clip: ``{text}`` one of its captions, ``{seconds}`` its length to a half
second, ``{frames}`` its length in frames, ``{hand}``, ``{verb}``, ``{speed}``, ``{count}`` its labels. A clip
that lacks a label a template speaks of is not used with it. All text is lower case, as prompts are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from clutch_rt import prompts

from train.completion import Part

Given = Literal["nothing", "whole", "start"] | Part


@dataclass(frozen=True)
class Template:
    """One wording of one task.

    Attributes:
        task: what is asked, for reports.
        prompt: the text the encoder reads.
        given: the motion behind the prompt: none, the whole clip, its start alone, or a part to complete.
        answer: text to answer with; empty means a motion, the whole clip.
        weight: how often it is drawn, beside the others.
    """

    task: str
    prompt: str
    given: Given = "nothing"
    answer: str = ""
    weight: float = 1.0

    @property
    def fields(self) -> frozenset[str]:
        """Names in braces in prompt and answer."""
        return frozenset(re.findall(r"{(\w+)}", self.prompt + self.answer))


T2M: Final = "text-to-motion"
M2T: Final = "motion-to-text"

TEMPLATES: Final[tuple[Template, ...]] = (
    # The two the runtime uses; together two thirds of all draws, so that tuning does not blunt them.
    Template(T2M, prompts.TEXT_TO_MOTION, weight=36.0),
    Template(M2T, prompts.MOTION_TO_TEXT, "whole", "{text}", weight=7.0),
    Template(T2M, "{text}", weight=1.5),
    Template(T2M, "show two hands: {text}"),
    Template(T2M, "animate this with the hands: {text}"),
    Template(T2M, "make the hands do this: {text}"),
    Template(T2M, "move the hands as described: {text}"),
    Template(T2M, "perform the action: {text}"),
    Template(T2M, "i want to see hands that do the following: {text}"),
    Template("text-and-length-to-motion", "generate {seconds} seconds of hand motion: {text}"),
    Template("text-and-length-to-motion", "generate hand motion: {text}, for {seconds} seconds", weight=2.0),
    Template("text-and-length-to-motion", "generate hand motion of {frames} frames: {text}"),
    Template("text-and-length-to-motion", "in about {seconds} seconds, {text}"),
    Template("length-to-motion", "generate {seconds} seconds of any hand motion", weight=0.3),
    Template("hand-to-motion", "show what the {hand} can do: {verb}", weight=0.5),
    Template("continuation", prompts.COMPLETE, "beginning"),
    Template("continuation", prompts.TEXT_TO_MOTION, "beginning", weight=1.5),
    Template("continuation", "continue this hand motion until it shows: {text}", "beginning", weight=0.5),
    Template("in-betweening", prompts.COMPLETE, "ends"),
    Template("in-betweening", prompts.TEXT_TO_MOTION, "ends", weight=1.5),
    Template("in-betweening", "fill in what lies between: {text}", "ends", weight=0.5),
    Template("one hand given", prompts.COMPLETE, "left hand", weight=0.5),
    Template("one hand given", prompts.COMPLETE, "right hand", weight=0.5),
    Template("one hand given", prompts.TEXT_TO_MOTION, "left hand", weight=0.75),
    Template("one hand given", prompts.TEXT_TO_MOTION, "right hand", weight=0.75),
    Template("wrists given", prompts.COMPLETE, "wrists"),
    Template("wrists given", prompts.TEXT_TO_MOTION, "wrists", weight=1.5),
    Template(M2T, "what are the hands doing?", "whole", "{text}"),
    Template(M2T, "write a caption for this motion:", "whole", "{text}"),
    Template(M2T, "say in words what is shown:", "whole", "{text}"),
    Template(M2T, "these hands began something; say what it will be:", "start", "{text}", 0.5),
    Template(
        "motion-to-text-and-length",
        "describe the motion and say how long it is:",
        "whole",
        "{text}, {seconds} seconds",
        0.5,
    ),
    Template("motion-to-length", "how long is this hand motion?", "whole", "{seconds} seconds", 0.3),
    Template("motion-to-hand", "which hand leads in this motion?", "whole", "{hand}", 0.3),
    Template("motion-to-verb", "name the action in one word:", "whole", "{verb}", 0.5),
    Template("motion-to-speed", "is this motion slow, normal or fast?", "whole", "{speed}", 0.5),
    Template("motion-to-count", "how many times is it done?", "whole", "{count}", 0.5),
    Template("text-to-length", "how long does this take: {text}", "nothing", "{seconds} seconds", 0.3),
    Template("text-to-hand", "which hand does this need: {text}", "nothing", "{hand}", 0.3),
)
