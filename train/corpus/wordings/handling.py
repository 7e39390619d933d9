"""Wordings of taking hold of things and moving them."""

from __future__ import annotations

from .spec import Wording

WORDINGS = {
    "grasp": Wording(
        "grasp {o} | grab {o} | grip {o} | take hold of {o} | seize {o} | hold {o} | get hold of {o} "
        "| clasp {o}",
        "@container | @tool | @kitchenware | @toy | handle | rope | railing | ball | door handle | pole",
        "grasp something | grab hold | hold something | grasp an object",
        "grab hold of {o} | take {o} in the hand | get a grip on {o}",
    ),
    "pinch": Wording(
        "pinch {o} | pinch {o} between thumb and index finger | pinch at {o} | pinch {o} with two fingers",
        "coin | bead | needle | thread | button | grape | cloth | petal | leaf | seed | skin | pin | hair",
        "pinch | pinch the fingers together | pinch the thumb and index finger together | make a pinch | "
        "pinch the air | touch the thumb with the index finger",
        "pinch the thumb and index finger | pinch {o} with the thumb and a finger | pinch with two fingers",
    ),
    "squeeze": Wording(
        "squeeze {o} | give {o} a squeeze | press {o} in the hand | squeeze {o} hard | crush {o}",
        "sponge | @fruit | @toy | towel | tube | pillow | bottle",
        "squeeze | squeeze the hand | squeeze hard | squeeze out the water | squeeze and let go",
        "squeeze {o} in the hand | give {o} a hard squeeze | crush {o} in the hand",
    ),
    "twist": Wording(
        "twist {o} | turn {o} | rotate {o} | twist {o} back and forth | turn {o} back and forth",
        "knob | lid | door handle | key | dial | cap | tap | jar | doorknob | valve | switch",
        "twist the wrist | rotate the wrist | turn the wrist back and forth | twist the hand | "
        "turn on the tap | turn off the tap | open the jar | open the bottle | turn the key in the lock",
        "rotate {o} back and forth | turn the hand back and forth | open the lid of the jar",
    ),
    "shake": Wording(
        "shake {o} | shake up {o} | give {o} a shake | shake {o} up and down | shake {o} in the hand",
        "@drink | @container | @sauce | dice | rattle | shaker | salt shaker | maraca",
        "shake the fist | shake the hand up and down | shake a bottle | shake",
        "shake up {o} in the hand | give {o} a shake up and down",
    ),
    "pull": Wording(
        "pull {o} | tug {o} | tug at {o} | drag {o} | pull on {o} | tow {o} | heave {o}",
        "rope | drawer | door | lever | cart | chair | cable | curtain | handle | chain | box | trolley | "
        "@vehicle",
        "pull | pull hard | open the drawer | open the door | open the fridge | open the cupboard | "
        "pull the drawer open | pull the door open",
        "tug on {o} | give {o} a pull | open the fridge door",
        towards=(
            ("back", "pull {o} closer | pull {o} towards the body"),
            ("down", "pull down {o} | pull {o} down | pull down"),
            ("left", "pull {o} to the left"),
            ("right", "pull {o} to the right"),
        ),
    ),
    "push": Wording(
        "push {o} | shove {o} | push against {o} | push {o} away | press against {o} | move {o} away",
        "door | box | cart | chair | table | wall | drawer | lever | pram | trolley | @vehicle | @furniture",
        "push | push hard | push with an open palm | close the drawer | close the door | close the "
        "fridge | "
        "shut the door | shut the cupboard | push the drawer shut",
        "shove {o} away | give {o} a push | shut the fridge door",
        towards=(
            ("forward", "push {o} forward | push forward"),
            ("down", "push down on {o} | push {o} down | press down"),
            ("left", "push {o} to the left | push aside {o} to the left"),
            ("right", "push {o} to the right | push aside {o} to the right"),
        ),
    ),
    "lift": Wording(
        "lift {o} | lift up {o} | raise {o} | hoist {o} | lift {o} up high | carry {o}",
        "box | tray | @animal | suitcase | crate | bag | basket | baby | @furniture | bucket",
        "lift something heavy | lift an object up | lift a weight | carry a heavy box",
        "raise {o} up | hoist up {o} | carry a heavy suitcase",
    ),
    "pick_up": Wording(
        "pick up {o} | pick {o} up | take {o} | take up {o} | get {o} | collect {o} | fetch {o} | "
        "take {o} from the table | pick up {o} from the floor | take out {o} | remove {o} from the drawer",
        "@kitchenware | @container | @tool | @fruit | @vegetable | @device | @toy | coin | pen | "
        "book | phone",
        "pick something up | pick up an object from the table | take something",
        "get {o} from the table | fetch {o} from the drawer | take out {o} from the drawer",
    ),
    "put_down": Wording(
        "put down {o} | put {o} down | place {o} | set {o} down | set down {o} | put {o} on the table | "
        "place {o} on the shelf | put {o} in the drawer | put {o} away | put away {o} | leave {o} on "
        "the counter | "
        "put {o} back",
        "@kitchenware | @container | @tool | @fruit | @vegetable | @device | @toy | pen | book | bag | phone",
        "put something down | place an object on the table | put something away",
        "place {o} down on the table | set {o} on the table | leave {o} on the shelf",
    ),
    "throw": Wording(
        "throw {o} | toss {o} | hurl {o} | throw away {o} | fling {o} | throw {o} into the bin | "
        "pitch {o} | "
        "throw {o} away",
        "@toy | stone | stick | frisbee | pillow | bag | paper | snowball | @fruit | packet | spear",
        "throw something | throw an object | throw the rubbish away | play darts",
        "toss away {o} | fling {o} away | hurl {o} into the bin",
        towards=(
            ("up", "throw {o} up | toss {o} into the air | throw {o} into the air"),
            ("forward", "throw {o} forward"),
            ("left", "throw {o} to the left"),
            ("right", "throw {o} to the right"),
        ),
    ),
    "catch": Wording(
        "catch {o} | catch {o} in the air | snatch {o} from the air | catch a flying {o}",
        "@toy | frisbee | stick | pillow | snowball | @fruit | coin | bag | key",
        "catch something | make a catch | catch a falling object",
        "snatch {o} | catch {o} from the air | catch a falling {o}",
    ),
}
