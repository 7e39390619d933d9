"""The words for each verb: phrases, things it is done to, what the other hand does meanwhile.

The first word of a phrase is its verb and is inflected by rule. `{o}` is the thing. Phrases under
`unseen` are kept for validation and test; they are new combinations of words that training has.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """How one verb of the table is said.

    `things` are nouns or names of lists in `words.json` (written `@name`); `plain` phrases need none.
    """

    phrases: tuple[str, ...]
    things: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    support: tuple[str, ...] = ()


WORDINGS: dict[str, Wording] = {
    "reach": Wording(
        ("reach for {o}", "reach out for {o}", "reach towards {o}", "extend the arm to {o}"),
        ("@container", "@kitchenware", "@device", "door", "shelf", "light switch", "handle"),
        ("reach out", "reach", "extend the arm", "stretch out the arm", "hold out the hand"),
        ("stretch out the arm towards {o}", "extend the hand"),
    ),
    "point": Wording(
        ("point at {o}", "point to {o}", "point out {o}", "point a finger at {o}"),
        ("@device", "@animal", "door", "map", "window", "sign", "picture", "tree", "car"),
        ("point", "point the index finger", "point with one finger", "extend the index finger to point"),
        ("point the index finger at {o}", "point a finger"),
    ),
    "wave": Wording(
        ("wave to {o}", "wave at {o}", "wave hello to {o}", "wave goodbye to {o}"),
        ("friend", "child", "neighbour", "crowd", "camera", "baby", "dog", "teacher"),
        ("wave", "wave hello", "wave goodbye", "greet with a wave", "wave the hand from side to side"),
        ("greet {o} with a wave", "wave the hand to say hello"),
    ),
    "beckon": Wording(
        ("beckon to {o}", "beckon {o} over", "call {o} over with the fingers", "signal {o} to come here"),
        ("friend", "child", "waiter", "dog", "neighbour", "teacher", "cat", "baby"),
        (
            "beckon",
            "beckon with the fingers",
            "make a come here gesture",
            "curl the fingers to say come here",
        ),
        ("gesture to {o} to come here", "signal with the fingers to come here"),
    ),
    "count": Wording(
        (),
        (),
        (
            "count to {n}",
            "count up to {n}",
            "count from one to {n}",
            "count {n} on the fingers",
            "count to {n} on the fingers",
            "hold up fingers counting to {n}",
        ),
        ("count on the fingers up to {n}",),
    ),
    "thumbs_up": Wording(
        ("give {o} a thumbs up", "show {o} a thumbs up"),
        ("friend", "driver", "team", "camera", "pilot", "teacher", "crowd", "player"),
        ("give a thumbs up", "show a thumbs up", "make a thumbs up", "stick the thumb up", "raise the thumb"),
        ("hold the thumb up", "make a thumbs up gesture"),
    ),
    "open": Wording(
        (),
        (),
        (
            "open the hand",
            "open the fist",
            "open the palm",
            "spread the fingers",
            "uncurl the fingers",
            "unfold the hand",
            "stretch the fingers open",
        ),
        ("open the fingers", "uncurl the hand"),
    ),
    "close": Wording(
        (),
        (),
        (
            "close the hand",
            "close the fist",
            "make a fist",
            "clench the fist",
            "curl the fingers into a fist",
            "clench the hand",
        ),
        ("close the fingers into a fist", "clench the fingers"),
    ),
    "tap": Wording(
        ("tap {o}", "tap on {o}", "tap {o} with a finger", "press {o}", "touch {o}"),
        ("screen", "button", "@device", "table", "desk", "icon", "bell", "window", "light switch"),
        ("tap with the index finger", "tap the finger", "tap"),
        ("tap a finger on {o}", "press {o} with a finger"),
    ),
    "scroll": Wording(
        ("scroll through {o}", "scroll {o}", "swipe {o}", "swipe through {o}"),
        ("page", "list", "screen", "feed", "menu", "article", "document", "photo", "message", "map"),
        ("scroll", "swipe", "swipe the screen", "swipe a finger across the screen"),
        ("scroll the screen", "swipe a finger through {o}"),
    ),
    "rest": Wording(
        ("rest the hands on {o}", "lay the hands on {o}"),
        ("table", "lap", "knees", "desk", "thighs", "blanket"),
        (
            "rest",
            "rest the hands",
            "relax the hands",
            "keep the hands still",
            "let the hands rest",
            "do nothing",
        ),
        ("let the hands relax", "keep the hands still on {o}"),
    ),
    "grasp": Wording(
        ("grasp {o}", "grab {o}", "grip {o}", "take hold of {o}", "seize {o}"),
        ("@container", "@tool", "@kitchenware", "handle", "rope", "railing", "ball", "door handle"),
        ("grasp something", "grab hold"),
        ("grab hold of {o}", "take {o} in the hand"),
    ),
    "pinch": Wording(
        ("pinch {o}", "pinch {o} between thumb and index finger", "pinch at {o}"),
        ("coin", "bead", "needle", "thread", "button", "grape", "cloth", "petal", "leaf", "seed"),
        ("pinch", "pinch the fingers together", "pinch the thumb and index finger together"),
        ("pinch the thumb and index finger", "pinch {o} with the thumb and a finger"),
    ),
    "squeeze": Wording(
        ("squeeze {o}", "give {o} a squeeze", "press {o} in the hand"),
        ("sponge", "@fruit", "ball", "towel", "tube", "toy", "pillow", "bottle"),
        ("squeeze", "squeeze the hand", "squeeze hard"),
        ("squeeze {o} in the hand", "give {o} a hard squeeze"),
    ),
    "twist": Wording(
        ("twist {o}", "turn {o}", "rotate {o}", "twist {o} back and forth"),
        ("knob", "lid", "door handle", "key", "dial", "cap", "tap", "jar", "doorknob", "valve"),
        ("twist the wrist", "rotate the wrist", "turn the wrist back and forth", "twist the hand"),
        ("rotate {o} back and forth", "turn the hand back and forth"),
    ),
    "shake": Wording(
        ("shake {o}", "shake up {o}", "give {o} a shake", "shake {o} up and down"),
        ("bottle", "@drink", "dice", "rattle", "jar", "can", "box", "shaker", "carton", "tin"),
        ("shake the fist", "shake the hand up and down"),
        ("shake {o} in the hand", "give {o} a shake up and down"),
    ),
    "pull": Wording(
        ("pull {o}", "tug {o}", "tug at {o}", "drag {o}", "pull on {o}"),
        ("rope", "drawer", "door", "lever", "cart", "chair", "cable", "curtain", "handle", "chain", "box"),
        ("pull", "pull hard"),
        ("tug on {o}", "give {o} a pull"),
    ),
    "push": Wording(
        ("push {o}", "shove {o}", "push against {o}", "push {o} away"),
        ("door", "box", "cart", "chair", "table", "wall", "drawer", "button", "lever", "pram", "car"),
        ("push", "push hard", "push with an open palm"),
        ("shove {o} away", "give {o} a push"),
    ),
    "lift": Wording(
        ("lift {o}", "lift up {o}", "raise {o}", "hoist {o}"),
        ("box", "tray", "@animal", "chair", "suitcase", "crate", "pot", "bag", "basket", "baby", "table"),
        ("lift something heavy", "lift an object up"),
        ("raise {o} up", "hoist up {o}"),
    ),
    "pick_up": Wording(
        ("pick up {o}", "pick {o} up", "take {o}", "take up {o}", "get {o}", "collect {o}"),
        ("@kitchenware", "@container", "@tool", "@fruit", "@vegetable", "@device", "coin", "pen", "book"),
        ("pick something up", "pick up an object from the table"),
        ("take {o} from the table", "get {o} from the table"),
    ),
    "put_down": Wording(
        ("put down {o}", "put {o} down", "place {o}", "set {o} down", "set down {o}", "put {o} on the table"),
        ("@kitchenware", "@container", "@tool", "@fruit", "@vegetable", "@device", "pen", "book", "bag"),
        ("put something down", "place an object on the table"),
        ("place {o} down on the table", "set {o} on the table"),
    ),
    "throw": Wording(
        ("throw {o}", "toss {o}", "hurl {o}", "throw away {o}", "fling {o}"),
        ("ball", "stone", "stick", "frisbee", "dart", "pillow", "bag", "paper", "snowball", "@fruit"),
        ("throw something", "throw an object"),
        ("toss away {o}", "fling {o} away"),
    ),
    "catch": Wording(
        ("catch {o}", "catch {o} in the air", "snatch {o} from the air"),
        ("ball", "frisbee", "stick", "key", "pillow", "snowball", "@fruit", "coin", "bag"),
        ("catch something", "make a catch"),
        ("snatch {o}", "catch {o} from the air"),
    ),
    "pour": Wording(
        ("pour {o}", "pour out {o}", "pour {o} into the glass", "pour {o} into the bowl", "tip out {o}"),
        ("@drink", "@sauce", "oil", "rice", "cereal", "flour"),
        ("pour", "pour from a bottle", "pour something into a cup"),
        ("tip {o} into the bowl", "pour out {o} into the glass"),
        ("holds the glass", "holds the cup", "keeps the bowl still"),
    ),
    "drink": Wording(
        ("drink {o}", "sip {o}", "have a drink of {o}", "take a sip of {o}"),
        ("@drink",),
        ("drink", "drink from a cup", "take a sip", "have a drink", "sip from the glass"),
        ("take a drink of {o}", "sip from a cup"),
    ),
    "stir": Wording(
        ("stir {o}", "mix {o}", "stir {o} with a spoon", "whisk {o}", "give {o} a stir"),
        ("@soup", "@sauce", "@drink", "batter", "pot", "paint", "porridge", "rice", "pasta"),
        ("stir", "stir the pot", "stir with a spoon"),
        ("mix {o} with a spoon", "whisk {o} with a fork"),
        ("holds the bowl", "steadies the bowl", "holds the pot", "keeps the bowl still"),
    ),
    "sprinkle": Wording(
        ("sprinkle {o}", "scatter {o}", "sprinkle some {o}", "season with {o}", "sprinkle {o} over the food"),
        ("@spice", "salt", "sugar", "flour", "cheese", "seed", "glitter", "sand"),
        ("sprinkle", "season the food"),
        ("scatter {o} over the food", "season the food with {o}"),
    ),
    "knead": Wording(
        ("knead {o}", "work {o}", "knead and press {o}", "press and fold {o}"),
        ("dough", "bread", "clay", "pizza dough", "pastry", "putty", "pasta dough"),
        ("knead", "knead with both hands"),
        ("press and knead {o}", "work and press {o}"),
    ),
    "roll_out": Wording(
        ("roll out {o}", "roll {o} flat", "roll {o} out", "flatten {o} with a rolling pin"),
        ("dough", "clay", "pizza dough", "pastry", "pasta dough", "tortilla", "cookie dough"),
        ("roll the rolling pin", "use a rolling pin"),
        ("roll {o} with a rolling pin", "roll {o} out flat"),
    ),
    "cut": Wording(
        ("cut {o}", "chop {o}", "slice {o}", "cut up {o}", "chop up {o}", "dice {o}"),
        ("@vegetable", "@fruit", "bread", "cheese", "meat", "cake", "herbs"),
        ("chop", "cut with a knife", "chop food on the board"),
        ("slice up {o}", "cut {o} with a knife"),
        ("holds the food", "keeps the food still", "steadies the board", "holds it in place"),
    ),
    "peel": Wording(
        ("peel {o}", "peel the skin off {o}", "skin {o}", "take the peel off {o}"),
        ("@fruit", "potato", "carrot", "onion", "garlic", "cucumber", "egg", "ginger"),
        ("peel", "peel the skin off"),
        ("take the skin off {o}",),
        ("holds it", "turns it", "holds it in place", "holds the food"),
    ),
    "wipe": Wording(
        ("wipe {o}", "clean {o}", "wipe down {o}", "wipe {o} with a cloth", "dust {o}"),
        ("table", "counter", "window", "mirror", "screen", "board", "desk", "shelf", "car", "stove"),
        ("wipe from side to side", "wipe the surface", "clean the surface"),
        ("clean {o} with a cloth", "dust down {o}"),
    ),
    "rub": Wording(
        ("rub {o} between the hands", "rub {o} between the palms"),
        ("lotion", "cream", "clay", "oil", "stick", "coin", "wool"),
        ("rub the hands together", "rub the palms together", "rub hands", "warm the hands by rubbing them"),
        ("rub the palms to warm the hands",),
    ),
    "wash": Wording(
        ("wash {o}", "rinse {o}", "scrub {o}", "wash {o} in the sink"),
        ("@kitchenware", "@vegetable", "@fruit", "brush", "sponge"),
        ("wash the hands", "wash hands", "lather the hands with soap", "rinse the hands", "scrub the hands"),
        ("scrub {o} in the sink", "rinse {o} with soap"),
    ),
    "fold": Wording(
        ("fold {o}", "fold up {o}", "fold over {o}", "fold {o} in half"),
        ("@garment", "towel", "paper", "napkin", "blanket", "sheet", "letter", "cloth", "map"),
        ("fold the laundry", "fold clothes"),
        ("fold {o} over", "fold up {o} in half"),
    ),
    "type": Wording(
        ("type {o}", "type out {o}", "type up {o}", "type {o} on the keyboard"),
        ("letter", "message", "document", "password", "email", "report", "article", "code"),
        ("type", "type on the keyboard", "type on a computer", "type on a laptop"),
        ("type out {o} on a computer", "type on the laptop keyboard"),
    ),
    "play_piano": Wording(
        ("play {o} on the piano", "perform {o} on the piano", "practise {o} on the piano"),
        ("song", "tune", "melody", "waltz", "scale", "chord"),
        ("play the piano", "play piano", "play the keyboard", "practise the piano", "play the organ"),
        ("perform {o} on the keyboard", "practise piano"),
    ),
    "clap": Wording(
        ("clap for {o}", "applaud {o}"),
        ("player", "team", "pianist", "singer", "friend", "teacher", "child"),
        ("clap", "clap the hands", "clap hands", "applaud", "clap both hands together"),
        ("clap the hands for {o}", "applaud with both hands"),
    ),
    "drum": Wording(
        ("drum on {o}", "beat {o} with sticks", "drum {o}"),
        ("table", "drum", "pot", "box", "bucket", "desk", "crate"),
        ("drum", "play the drums", "play the drum", "beat the drums with sticks", "play a drum roll"),
        ("beat {o}", "play the drums with sticks"),
    ),
    "saw": Wording(
        ("saw {o}", "saw through {o}", "cut {o} with a saw", "saw off {o}"),
        ("@material", "branch", "log", "plank", "pipe", "board", "stick"),
        ("saw", "saw wood", "use a saw"),
        ("saw {o} with a saw", "cut through {o} with a saw"),
        ("holds the wood", "holds it in place", "steadies the board", "keeps the wood still"),
    ),
    "hammer": Wording(
        ("hammer {o}", "hit {o} with a hammer", "pound {o}", "hammer in {o}", "strike {o} with a hammer"),
        ("nail", "peg", "stake", "plank", "tack", "metal", "board"),
        ("hammer", "use a hammer", "swing a hammer"),
        ("pound {o} with a hammer", "pound in {o}"),
        ("holds the nail", "steadies the nail", "holds it in place", "holds the board"),
    ),
    "screw": Wording(
        ("screw in {o}", "turn {o} with a screwdriver", "drive {o} with a screwdriver", "tighten {o}"),
        ("screw", "bolt", "light bulb", "nut", "hook", "cap", "lid", "peg"),
        ("use a screwdriver", "turn a screwdriver", "drive a screw"),
        ("tighten {o} with a screwdriver",),
        ("holds the board", "holds it in place", "steadies the screw", "keeps it still"),
    ),
    "write": Wording(
        ("write {o}", "write down {o}", "jot down {o}", "scribble {o}", "write {o} with a pen"),
        ("letter", "name", "note", "message", "list", "word", "sentence", "number", "address", "report"),
        ("write", "write on paper", "write with a pen", "scribble"),
        ("jot down {o} with a pen", "scribble {o} on paper"),
        ("holds the paper", "steadies the paper", "rests on the paper", "keeps the paper still"),
    ),
    "zip": Wording(
        ("zip {o}", "do the zip of {o}", "pull the zip of {o}", "slide the zip of {o}"),
        ("@garment", "bag", "tent", "suitcase", "purse", "backpack"),
        ("pull the zip", "slide the zip", "do the zip"),
        ("slide the zip on {o}", "pull the zip on {o}"),
        ("holds the bottom", "holds it in place", "holds the cloth"),
    ),
    "deal": Wording(
        ("deal {o}", "deal out {o}", "hand out {o}", "pass out {o}"),
        ("cards", "playing cards", "chips", "tickets", "tokens"),
        ("deal", "deal from the deck", "deal a card", "deal the deck of cards"),
        ("pass out {o} from the deck",),
        ("holds the deck", "holds the cards", "keeps the deck still"),
    ),
    "strum": Wording(
        ("strum {o}", "play {o}", "strum the strings of {o}", "strum a chord on {o}"),
        ("guitar", "ukulele", "banjo", "lute", "mandolin"),
        ("strum", "strum a chord", "strum the strings"),
        ("play a chord on {o}", "play the strings of {o}"),
        ("presses the strings", "holds the neck", "presses a chord", "holds down the strings"),
    ),
    "knit": Wording(
        ("knit {o}", "knit up {o}", "work on knitting {o}"),
        ("scarf", "sweater", "hat", "sock", "blanket", "glove", "shawl", "wool"),
        ("knit", "knit with two needles", "knit with wool", "do some knitting"),
        ("knit {o} with two needles", "work on {o} with two needles"),
    ),
    "steer": Wording(
        ("steer {o}", "drive {o}", "turn the wheel of {o}"),
        ("car", "bus", "truck", "boat", "van", "tractor", "lorry"),
        (
            "steer",
            "turn the steering wheel",
            "drive",
            "steer from side to side",
            "hold the steering wheel and steer",
        ),
        ("turn the steering wheel of {o}",),
    ),
}

LISTS: dict[str, tuple[str, ...]] = {
    "container": ("cup", "bottle", "jar", "box", "glass", "mug", "can", "bowl", "basket", "jug", "bag"),
    "kitchenware": (
        "plate",
        "pan",
        "knife",
        "fork",
        "spoon",
        "pot",
        "spatula",
        "ladle",
        "tray",
        "lid",
        "mug",
    ),
    "device": ("phone", "tablet", "laptop", "camera", "keyboard", "remote", "mouse", "lamp"),
    "animal": ("dog", "cat", "bird", "horse", "rabbit", "puppy", "kitten"),
    "tool": ("hammer", "screwdriver", "saw", "wrench", "pliers", "brush", "drill", "shovel"),
    "fruit": ("apple", "orange", "banana", "lemon", "pear", "peach", "mango", "kiwi", "plum", "lime"),
    "vegetable": ("carrot", "onion", "potato", "tomato", "cucumber", "pepper", "celery", "leek", "cabbage"),
    "drink": ("water", "milk", "juice", "tea", "coffee", "wine", "beer", "lemonade"),
    "sauce": ("sauce", "gravy", "ketchup", "mustard", "vinegar", "dressing"),
    "soup": ("soup", "stew", "broth", "curry", "chowder"),
    "spice": ("pepper", "cinnamon", "oregano", "basil", "paprika", "parsley"),
    "garment": ("shirt", "jacket", "coat", "sweater", "dress", "hoodie", "trousers", "skirt"),
    "material": ("wood", "metal", "timber", "plastic"),
}

MASS = (
    frozenset((*LISTS["drink"], *LISTS["sauce"], *LISTS["soup"], *LISTS["spice"], *LISTS["material"]))
    | frozenset(
        [
            "rice",
            "cereal",
            "flour",
            "oil",
            "pasta",
            "porridge",
            "salt",
            "sugar",
            "cheese",
            "sand",
            "glitter",
            "bread",
            "clay",
            "dough",
            "pastry",
            "putty",
            "meat",
            "garlic",
            "ginger",
            "lotion",
            "cream",
            "wool",
            "cloth",
            "paper",
            "code",
            "thread",
            "batter",
            "paint",
        ]
    )
    | {"pizza dough", "pasta dough", "cookie dough"}
)

PLURAL = frozenset(
    ["dice", "knees", "thighs", "herbs", "cards", "chips", "tickets", "tokens", "trousers", "pliers"]
) | {"playing cards"}
