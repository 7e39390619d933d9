"""Wordings of the gestures."""

from __future__ import annotations

from .spec import Wording

WORDINGS = {
    "reach": Wording(
        "reach for {o} | reach out for {o} | reach towards {o} | extend the arm to {o} | reach out to {o} | "
        "stretch the arm towards {o} | try to reach {o} | feel for {o}",
        "@container | @kitchenware | @device | door | shelf | light switch | handle | tap | drawer | towel | "
        "cupboard | fridge | apple | packet",
        "reach out | reach | extend the arm | stretch out the arm | hold out the hand | reach for something",
        "stretch out the arm towards {o} | extend the hand | try to reach for {o}",
        towards=(
            ("up", "reach up for {o} | reach up | stretch the arm up"),
            ("down", "reach down for {o} | reach down"),
            ("forward", "reach forward for {o} | reach forward"),
            ("left", "reach left for {o} | reach to the left"),
            ("right", "reach right for {o} | reach to the right"),
        ),
    ),
    "point": Wording(
        "point at {o} | point to {o} | point out {o} | point a finger at {o} | point towards {o} | "
        "indicate {o}",
        "@device | @animal | @vehicle | door | map | window | sign | picture | tree | star | clock | "
        "oven | fridge | bin | sink | screen",
        "point | point the index finger | point with one finger | extend the index finger to point | "
        "make a pointing gesture | point at something",
        "point the index finger at {o} | point a finger | indicate something",
        towards=(
            ("up", "point up at {o} | point up | point at the sky"),
            ("down", "point down at {o} | point down | point at the floor"),
            ("left", "point left | point to the left"),
            ("right", "point right | point to the right"),
            ("forward", "point forward | point straight ahead"),
        ),
    ),
    "wave": Wording(
        "wave to {o} | wave at {o} | wave hello to {o} | wave goodbye to {o} | greet {o} with a wave | "
        "say hi to {o} with a wave",
        "@person | crowd | camera | dog",
        "wave | wave hello | wave goodbye | wave the hand from side to side | say hello with a wave | "
        "greet someone | say goodbye | raise the hand and wave",
        "wave the hand to say hello | say goodbye to {o} with a wave",
    ),
    "beckon": Wording(
        "beckon to {o} | beckon {o} over | call {o} over with the fingers | signal {o} to come here | "
        "ask {o} to come closer with the fingers",
        "@person | dog | cat",
        "beckon | beckon with the fingers | make a come here gesture | curl the fingers to say come here | "
        "ask someone to come closer | signal to come here",
        "make a gesture to {o} to come here | signal with the fingers to come closer",
    ),
    "count": Wording(
        plain="count to {n} | count up to {n} | count from one to {n} | count {n} on the fingers | "
        "count to {n} on the fingers | hold up fingers counting to {n} | show the numbers one to {n}",
        unseen="count on the fingers up to {n} | show the fingers counting up to {n}",
    ),
    "thumbs_up": Wording(
        "give {o} a thumbs up | show {o} a thumbs up",
        "@person | team | camera | crowd",
        "give a thumbs up | show a thumbs up | make a thumbs up | stick the thumb up | raise the thumb | "
        "approve with a thumbs up | hold up a thumb",
        "hold the thumb up | make a thumbs up gesture | raise a thumb to {o}",
    ),
    "open": Wording(
        plain="open the hand | open the fist | open the palm | uncurl the fingers | "
        "unfold the hand | stretch the fingers open | open up the hand | release the grip | let go",
        unseen="open the fingers | uncurl the hand | open up the palm",
    ),
    "close": Wording(
        plain="close the hand | close the fist | make a fist | clench the fist | curl the fingers "
        "into a fist | clench the hand | ball the hand into a fist | form a fist",
        unseen="close the fingers into a fist | clench the fingers | form a fist with the hand",
    ),
    "tap": Wording(
        "tap {o} | tap on {o} | tap {o} with a finger | press {o} | touch {o} | poke {o} | "
        "press {o} with the index finger",
        "screen | button | @device | @furniture | icon | bell | window | light switch | doorbell | key "
        "| timer",
        "tap with the index finger | tap the finger | tap | press a button | ring the bell | "
        "switch on the light | switch off the light | tap the screen",
        "tap a finger on {o} | touch {o} with a finger",
        more=(
            (
                "turn on {o} | turn off {o} | switch on {o} | switch off {o} | turn {o} on | turn {o} off | "
                "switch {o} on | switch {o} off | start {o} | press the button of {o}",
                "@machine | light | lamp",
            ),
            ("click {o} | click on {o} | press {o}", "button | icon | link | mouse | menu"),
        ),
    ),
    "scroll": Wording(
        "scroll through {o} | scroll {o} | swipe {o} | swipe through {o} | browse {o} | flick through {o}",
        "page | list | screen | feed | menu | article | document | photo | message | map | recipe | website",
        "scroll | swipe | swipe the screen | swipe a finger across the screen | browse the phone | "
        "scroll on the tablet",
        "scroll the screen | swipe a finger through {o} | browse through {o}",
        towards=(
            ("up", "scroll up | scroll up {o} | swipe up"),
            ("down", "scroll down | scroll down {o} | swipe down"),
            ("left", "swipe left | swipe {o} to the left"),
            ("right", "swipe right | swipe {o} to the right"),
        ),
    ),
    "rest": Wording(
        "rest the hands on {o} | lay the hands on {o} | put the hands on {o} and rest",
        "table | lap | knees | desk | thighs | blanket | legs",
        "rest | rest the hands | relax the hands | keep the hands still | let the hands rest | do nothing | "
        "stay still | wait | hold still | take a break | be idle",
        "let the hands relax | keep the hands still on {o} | wait and do nothing",
    ),
}
