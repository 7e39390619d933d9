"""Wordings of the signs and games of the fingers."""

from __future__ import annotations

from .spec import Wording

WORDINGS = {
    "peace": Wording(
        "show {o} a peace sign | give {o} a peace sign | make a peace sign at {o} | flash a peace "
        "sign at {o}",
        "@person | team | camera | crowd",
        "make a peace sign | show a peace sign | show the victory sign | make a v sign | hold up "
        "two fingers "
        "in a v | flash a peace sign | give a peace sign | make a victory sign | hold up a peace sign",
        "hold up the victory sign | show a v sign | give {o} the victory sign",
    ),
    "okay": Wording(
        "show {o} an okay sign | give {o} the okay sign | make an ok sign at {o} | signal okay to {o}",
        "@person | team | camera",
        "make an okay sign | show an ok sign | make the ok sign | give the okay sign | signal okay | "
        "make a ring with the thumb and index finger | form a circle with thumb and index finger | "
        "make an ok gesture | say ok with the fingers",
        "make an okay gesture | show the ring sign with thumb and index finger | give {o} the ok sign",
    ),
    "horns": Wording(
        "show {o} the horns | rock on at {o}",
        "band | crowd | camera | team",
        "rock on | make the rock sign | show the horns | make a rock on sign | make the sign of the "
        "horns | "
        "raise the index finger with the little finger | throw the horns",
        "show the rock sign | show {o} the sign of the horns",
    ),
    "cross_fingers": Wording(
        "cross the fingers for {o} | cross fingers for {o} | keep the fingers crossed for {o}",
        "@person | team | exam | luck",
        "cross the fingers | cross fingers | cross the fingers for luck | keep the fingers crossed | "
        "cross the middle finger over the index finger | hope for luck with crossed fingers",
        "cross two fingers for luck | keep crossed fingers for {o}",
    ),
    "thumbs_down": Wording(
        "give {o} a thumbs down | show {o} a thumbs down",
        "@person | team | camera | crowd | speech",
        "give a thumbs down | show a thumbs down | make a thumbs down | stick the thumb down | "
        "turn the thumb down | point the thumb down | hold the thumb down",
        "point the thumb at the floor | make a thumbs down gesture",
    ),
    "call_me": Wording(
        "make a call me sign to {o} | show {o} a call me sign",
        "@person",
        "make a call me sign | sign call me | make a phone gesture | hold the hand like a phone | "
        "make a phone with thumb and little finger | show a call me gesture",
        "make a call me gesture to {o} | show a phone gesture | hold the hand like a telephone",
    ),
    "stop": Wording(
        "stop {o} | signal {o} to stop | tell {o} to stop | hold {o} off | "
        "show {o} the palm | stop {o} with an open palm",
        "@vehicle | @person | crowd | dog",
        "stop | make a stop sign | signal stop | hold up the palm | show the palm | say stop with "
        "the hand | "
        "make a stop gesture | raise the palm to stop",
        "tell {o} to stop with the palm | hold up the palm to stop {o} | show a stop sign",
    ),
    "wag": Wording(
        "wag a finger at {o} | wag the index finger at {o} | scold {o} with a finger | shake a "
        "finger at {o} | "
        "warn {o} with a finger",
        "@person | dog | cat | puppy",
        "wag the index finger | wag a finger | say no with a finger | shake the index finger | "
        "move the index finger from side to side",
        "say no to {o} with a finger | scold {o} with the index finger",
        more=(("scold {o}", "child | student | dog"),),
    ),
    "snap": Wording(
        "snap the fingers at {o} | snap the fingers to {o} | click the fingers at {o}",
        "@music | beat | waiter | dog",
        "snap the fingers | snap | click the fingers | snap fingers | make a snap with thumb and "
        "middle finger",
        "snap the thumb and middle finger | click fingers at {o}",
        more=(("snap along to {o} | click along to {o}", "beat | song | music"),),
    ),
    "flick": Wording(
        "flick {o} | flick {o} away | flick {o} off the table | flick at {o} | flick {o} with a finger",
        "coin | crumbs | bead | button | grape | seed | dust | stone",
        "flick a finger | flick | flick the index finger | flick the finger from the thumb | flick "
        "something away",
        "flick the finger at {o} | flick {o} off with the index finger",
    ),
    "spread_fingers": Wording(
        plain="spread the fingers | spread the fingers apart | fan out the fingers | splay the "
        "fingers | spread the fingers wide | stretch the fingers apart | "
        "move the fingers apart | spread fingers",
        unseen="splay the fingers wide | fan the fingers apart",
    ),
    "touch_fingers": Wording(
        plain="touch each finger with the thumb | touch the thumb to each finger | tap each finger "
        "with the thumb | "
        "touch all the fingers with the thumb | count the fingers with the thumb | "
        "touch the fingers one by one with the thumb | touch every finger with the thumb | "
        "touch all fingers with the thumb | touch one finger at a time with the thumb | "
        "touch the thumb to every fingertip | go through the fingers with the thumb",
        unseen="tap the fingers one by one with the thumb | tap every finger with the thumb",
    ),
    "touch_middle": Wording(
        plain="touch the thumb with the middle finger | touch the middle finger with the thumb | "
        "press the thumb to the middle finger | bring the thumb and middle finger together | "
        "pinch the thumb and middle finger | tap the thumb with the middle finger | "
        "press the middle finger with the thumb | tap the thumb against the middle finger | "
        "put the thumb and middle finger together | join the thumb and middle finger",
        unseen="tap the middle finger with the thumb | touch thumb and middle finger together",
    ),
    "touch_ring": Wording(
        plain="touch the thumb with the ring finger | touch the ring finger with the thumb | "
        "press the thumb to the ring finger | bring the thumb and ring finger together | "
        "pinch the thumb and ring finger | tap the thumb with the ring finger | "
        "press the ring finger with the thumb | tap the thumb against the ring finger | "
        "put the thumb and ring finger together | join the thumb and ring finger",
        unseen="tap the ring finger with the thumb | touch thumb and ring finger together",
    ),
    "touch_little": Wording(
        plain="touch the thumb with the little finger | touch the little finger with the thumb | "
        "press the thumb to the little finger | bring the thumb and little finger together | "
        "touch the thumb with the pinky | pinch the thumb and little finger | tap the thumb with "
        "the pinky | press the little finger with the thumb | tap the thumb against the little finger | "
        "put the thumb and pinky together | join the thumb and little finger",
        unseen="tap the little finger with the thumb | touch thumb and little finger together | "
        "touch the pinky with the thumb",
    ),
    "tickle": Wording(
        "tickle {o} | tickle {o} with the fingers | give {o} a tickle | tickle the belly of {o}",
        "@person | @animal",
        "tickle | wiggle the fingers | tickle someone | wiggle fingers | tickle with the fingers | "
        "make a tickling motion",
        "give {o} a tickle with the fingers | tickle {o} on the belly",
        more=(("tickle {o} | tickle {o} with the fingers", "belly"),),
    ),
}
