"""Wordings of tools, instruments and handicraft."""

from __future__ import annotations

from .spec import Wording

WORDINGS = {
    "type": Wording(
        "type {o} | type out {o} | type up {o} | type {o} on the keyboard | enter {o} on the computer",
        "@text | email | code | password | search | username",
        "type | type on the keyboard | type on a computer | type on a laptop | work on the computer | "
        "use the keyboard",
        "type out {o} on a computer | type on the laptop keyboard | enter {o} on the keyboard",
    ),
    "play_piano": Wording(
        "play {o} on the piano | perform {o} on the piano | practise {o} on the piano",
        "@music | scale | chord",
        "play the piano | play piano | play the keyboard | practise the piano | play the organ | "
        "press the piano keys | perform on the piano",
        "perform {o} on the keyboard | practise piano | practise {o} on the organ",
    ),
    "clap": Wording(
        "clap for {o} | applaud {o}",
        "@person | team | band | speech | speaker",
        more=(("clap along to {o}", "song | music | beat"),),
        plain="clap | clap the hands | clap hands | applaud | clap both hands together | give applause | "
        "bring the palms together in a clap",
        unseen="clap the hands for {o} | applaud with both palms | clap the palms together",
    ),
    "drum": Wording(
        "drum on {o} | beat {o} with sticks | drum {o} | bang on {o} with sticks",
        "@furniture | drum | pot | box | bucket | crate | can | pan",
        "drum | play the drums | play the drum | beat the drums with sticks | play a drum roll | "
        "play drums in a band",
        "beat {o} | play the drums with sticks | bang on the drums",
    ),
    "saw": Wording(
        "saw {o} | saw through {o} | cut {o} with a saw | saw off {o} | saw {o} in half",
        "@material | branch | log | plank | pipe | board | stick | beam | bone",
        "saw | saw wood | use a saw | cut wood with a saw",
        "saw {o} with a saw | cut through {o} with a saw | cut {o} in half with a saw",
        support="holds the wood | holds it in place | steadies the board | keeps the wood still",
    ),
    "hammer": Wording(
        "hammer {o} | hit {o} with a hammer | pound {o} | strike {o} with a hammer | pound on {o}",
        "@hardware | @material | plank | board",
        "hammer | use a hammer | swing a hammer | hammer a nail into the wood",
        "pound {o} with a hammer | swing a hammer at {o}",
        support="holds the nail | steadies the nail | holds it in place | holds the board",
        more=(
            ("hammer in {o} | hammer {o} into the wall | drive in {o} with a hammer", "@hardware"),
            ("nail {o} to the wall | nail up {o}", "sign | picture | board | shelf | poster"),
        ),
    ),
    "screw": Wording(
        "turn {o} with a screwdriver | drive {o} with a screwdriver | work on {o} with a screwdriver",
        "screw | bolt | nut | hook | peg | bracket",
        "use a screwdriver | turn a screwdriver | drive a screw",
        "work on {o} | turn {o} with the screwdriver",
        towards=(
            ("clockwise", "screw in {o} | tighten {o} | tighten a screw | screw {o} tight"),
            ("anticlockwise", "unscrew {o} | loosen {o} | screw out {o} | take out {o} with a screwdriver"),
        ),
        support="holds the board | holds it in place | steadies the screw | keeps it still",
    ),
    "write": Wording(
        "write {o} | write down {o} | jot down {o} | scribble {o} | write {o} with a pen | sign {o} | "
        "write {o} on paper",
        "@text | name | list | word | sentence | number | homework",
        "write | write on paper | write with a pen | scribble | take notes | write something down | "
        "sign a paper",
        "jot down {o} with a pen | scribble {o} on paper | sign {o} with a pen",
        support="holds the paper | steadies the paper | rests on the paper | keeps the paper still",
        more=(
            (
                "draw {o} | sketch {o} | draw {o} on paper",
                "picture | line | circle | face | house | flower | map",
            ),
            ("mark {o} | mark {o} with a pen", "page | exam | line | spot | homework | box"),
        ),
    ),
    "zip": Wording(
        "do the zip of {o} | pull the zip of {o} | slide the zip of {o} | move the zipper of {o}",
        "@garment | bag | tent | suitcase | purse | backpack",
        "pull the zip | slide the zip | do the zip | move the zipper",
        "slide the zip on {o} | pull the zip on {o} | slide the zipper of {o}",
        towards=(
            ("up", "zip up {o} | zip {o} | zip {o} up | close the zip of {o} | zip"),
            ("down", "unzip {o} | zip {o} down | open the zip of {o} | undo the zip of {o}"),
        ),
        support="holds the bottom | holds it in place | holds the cloth",
    ),
    "deal": Wording(
        "deal {o} | deal out {o} | hand out {o} | pass out {o} | deal {o} to the players | distribute {o}",
        "cards | playing cards | chips | tickets | tokens | letters | coins",
        "deal | deal from the deck | deal a card | deal the deck of cards | play cards | deal a hand "
        "of poker",
        "pass out {o} from the deck | distribute {o} to the players",
        support="holds the deck | holds the cards | keeps the deck still",
    ),
    "strum": Wording(
        "strum {o} | play {o} | strum the strings of {o} | strum a chord on {o} | play a tune on {o}",
        "@instrument",
        "strum | strum a chord | strum the strings | play some chords | play the strings",
        "play a chord on {o} | play the strings of {o} | strum a tune on {o}",
        support="presses the strings | holds the neck | presses a chord | holds down the strings",
    ),
    "knit": Wording(
        "knit {o} | knit up {o} | work on knitting {o} | make {o} with needles and wool",
        "scarf | sweater | hat | sock | blanket | glove | shawl | cardigan | vest | jumper",
        "knit | knit with two needles | knit with wool | do some knitting | use knitting needles",
        "knit {o} with two needles | work on {o} with knitting needles",
    ),
    "steer": Wording(
        "steer {o} | drive {o} | turn the wheel of {o} | turn the steering wheel of {o}",
        "@vehicle",
        "steer | turn the steering wheel | drive | steer from side to side | hold the steering wheel "
        "and turn it | turn the wheel",
        "drive {o} from side to side | turn the wheel from side to side",
    ),
}
