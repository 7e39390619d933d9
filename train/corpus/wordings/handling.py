"""Wordings of taking hold of things and moving them."""

from __future__ import annotations

from .spec import Wording

WORDINGS = {
    "grasp": Wording(
        "grasp {o} | grab {o} | grip {o} | take hold of {o} | seize {o} | hold {o} | get hold of {o} "
        "| clasp {o} | catch hold of {o} | hold on to {o} | grab hold of {o}",
        "@container | @tool | @kitchenware | @toy | @utility | @produce | handle | rope | railing | pole | "
        "door handle | ball",
        "grasp something | grab hold | hold something | grasp an object",
        "grab {o} in the hand | take {o} in the hand | get a grip on {o}",
    ),
    "pinch": Wording(
        "pinch {o} | pinch {o} between thumb and index finger | pinch at {o} | pinch {o} with two fingers | "
        "press {o} between two fingers",
        "coin | bead | needle | thread | button | grape | cloth | petal | leaf | seed | skin | pin | hair",
        "pinch | pinch the fingers together | pinch the thumb and index finger together | make a pinch | "
        "pinch the air | touch the thumb with the index finger",
        "pinch the thumb and index finger | pinch {o} with the thumb and a finger | pinch with two fingers",
        more=(
            ("pick off {o} | pluck {o} | pluck off {o}", "leaf | petal | stem | stalk | hair | thread | bud"),
        ),
    ),
    "squeeze": Wording(
        "squeeze {o} | give {o} a squeeze | press {o} in the hand | squeeze {o} hard | crush {o}",
        "sponge | @fruit | @toy | towel | tube | pillow | bottle",
        "squeeze | squeeze the hand | squeeze hard | squeeze out the water | squeeze and let go",
        "squeeze {o} in the hand | give {o} a hard squeeze | crush {o} in the hand",
        more=(
            (
                "squeeze out {o} | squeeze the water out of {o}",
                "sponge | towel | cloth | rag | mop | sock | dishcloth | washcloth",
            ),
            ("squeeze out {o} | squeeze {o} from the tube", "toothpaste | glue | cream | gel | paste"),
        ),
    ),
    "twist": Wording(
        "twist {o} | turn {o} | rotate {o} | twist {o} back and forth | turn {o} back and forth",
        "knob | lid | door handle | key | dial | cap | tap | jar | doorknob | valve | switch",
        "twist the wrist | rotate the wrist | turn the wrist back and forth | twist the hand | "
        "turn on the tap | turn off the tap | open the jar | open the bottle | turn the key in the lock",
        "rotate {o} back and forth | turn the hand back and forth | open the lid of the jar",
        more=(
            (
                "adjust {o} | turn up {o} | turn down {o} | increase {o} | decrease {o} | reduce {o}",
                "heat | volume | temperature | flame | gas | brightness",
            ),
            ("adjust {o} | set {o}", "dial | knob | thermostat | timer | angle | blade | valve | switch"),
            ("screw on {o} | unscrew {o} | twist off {o} | twist on {o}", "lid | top | cap | bottle cap"),
            ("turn on {o} | turn off {o} | turn {o} on | turn {o} off", "tap | water | shower"),
            ("open {o} | twist {o} open", "jar | bottle | flask | thermos | tube"),
        ),
    ),
    "shake": Wording(
        "shake {o} | shake up {o} | give {o} a shake | shake {o} up and down | shake {o} in the hand",
        "@drink | @container | @sauce | dice | rattle | shaker | salt shaker | maraca",
        "shake the fist | shake the hand up and down | shake a bottle | shake",
        "shake up {o} in the hand | give {o} a shake up and down",
        more=(
            (
                "shake out {o} | shake {o}",
                "cloth | towel | rug | blanket | tablecloth | mat | sieve | colander",
            ),
            ("shake off {o}", "water | dust | flour | sand | soil"),
        ),
    ),
    "pull": Wording(
        "pull {o} | tug {o} | tug at {o} | drag {o} | pull on {o} | tow {o} | heave {o}",
        "rope | drawer | door | lever | cart | chair | cable | curtain | handle | chain | box | trolley | "
        "@vehicle",
        "pull | pull hard | open the drawer | open the door | open the fridge | open the cupboard | "
        "pull the drawer open | pull the door open",
        "tug on {o} | give {o} a pull | open the fridge door",
        more=(
            (
                "remove {o} | take off {o} | pull off {o} | take {o} off | take out {o} | pull out {o}",
                "lid | cork | plug | cover | cap | label | wrapper | foil | sticker | filter | battery | top",
            ),
            (
                "take out {o} | pull out {o} | take {o} out | remove {o} from the drawer | "
                "pull {o} from the shelf | take {o} out of the cupboard",
                "@kitchenware | tray | rack | packet | chair | knife | box",
            ),
            ("take off {o} | pull off {o} | remove {o}", "glove | sock | shoe | boot | oven glove | apron"),
            ("open {o} | pull open {o} | pull {o} open", "@openable"),
            ("draw {o} | close {o}", "curtain | blind"),
            ("unplug {o}", "lamp | kettle | toaster | charger | laptop | blender"),
        ),
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
        "push | push hard | push with an open palm | close the drawer | close the door | close the fridge | "
        "shut the door | shut the cupboard | push the drawer shut",
        "shove {o} away | give {o} a push | shut the fridge door",
        more=(
            ("close {o} | shut {o} | push {o} shut | push {o} closed", "@openable"),
            (
                "insert {o} | push in {o} | slide {o} in | slide in {o} | press {o} in",
                "plug | key | card | filter | battery | cable | cork | coin | disc | tray",
            ),
            (
                "slide {o} away | slide {o} across the table | push {o} aside",
                "plate | bowl | glass | tray | box | cup | dish | board | book",
            ),
            ("press down {o} | press down on {o}", "lid | lever | pedal | button | handle"),
        ),
        towards=(
            ("forward", "push {o} forward | push forward"),
            ("down", "push down on {o} | push {o} down | press down"),
            ("left", "push {o} to the left | push aside {o} to the left"),
            ("right", "push {o} to the right | push aside {o} to the right"),
        ),
    ),
    "lift": Wording(
        "lift {o} | lift up {o} | raise {o} | hoist {o} | lift {o} up high | carry {o}",
        "box | tray | @animal | suitcase | crate | bag | basket | baby | @furniture | bucket | pot | pan | "
        "cooker | barrel | parcel",
        "lift something heavy | lift an object up | lift a weight | carry a heavy box",
        "raise {o} up | hoist up {o} | carry a heavy suitcase",
    ),
    "pick_up": Wording(
        "pick up {o} | pick {o} up | take {o} | take up {o} | get {o} | collect {o} | fetch {o} | "
        "take {o} from the table | pick up {o} from the floor | retrieve {o} | get {o} from the fridge | "
        "take {o} from the shelf | pick {o} up from the counter | collect {o} from the table",
        "@kitchenware | @container | @tool | @fruit | @vegetable | @device | @toy | @utility | @produce | "
        "@stationery | coin | book",
        "pick something up | pick up an object from the table | take something",
        "get {o} from the table | fetch {o} from the shelf | retrieve {o} from the fridge",
    ),
    "put_down": Wording(
        "put down {o} | put {o} down | place {o} | set {o} down | set down {o} | put {o} on the table | "
        "place {o} on the shelf | put {o} in the drawer | put {o} away | put away {o} | leave {o} on "
        "the counter | "
        "put {o} back | return {o} | position {o} | return {o} to the shelf | put {o} in the sink | "
        "drop {o} | put {o} in the cupboard | place {o} on the table | put {o} down on the table | "
        "lay {o} on the table",
        "@kitchenware | @container | @tool | @fruit | @vegetable | @device | @toy | @utility | @produce | "
        "@stationery | book | bag",
        more=(
            (
                "put {o} in the pan | put {o} into the bowl | place {o} in the pot | drop {o} into the pan | "
                "put {o} on the plate | put {o} in the fridge | put {o} in the oven",
                "@produce | @vegetable | @fruit",
            ),
        ),
        plain="put something down | place an object on the table | put something away",
        unseen="place {o} down on the table | set {o} on the table | leave {o} on the shelf",
    ),
    "throw": Wording(
        "throw {o} | toss {o} | hurl {o} | throw away {o} | fling {o} | throw {o} into the bin | pitch {o} | "
        "throw {o} away | throw out {o} | toss {o} away",
        "@toy | stone | stick | frisbee | pillow | bag | paper | snowball | @fruit | packet | spear",
        more=(
            (
                "discard {o} | throw {o} in the bin | throw away {o} | throw {o} into the bin | throw "
                "out {o}",
                "rubbish | wrapper | packaging | peel | eggshell | napkin | can | carton | paper towel "
                "| trash",
            ),
        ),
        plain="throw something | throw an object | throw the rubbish away | play darts",
        unseen="toss out {o} | fling {o} away | hurl {o} into the bin",
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
