"""Wordings of chores and crafts."""

from __future__ import annotations

from .spec import Wording

WORDINGS = {
    "grate": Wording(
        "grate {o} | grate {o} into the bowl | grate some {o} | shred {o} with a grater | grate {o} "
        "with a grater | "
        "shred {o} | rub {o} on a grater | grate {o} over the pasta",
        "cheese | carrot | ginger | nutmeg | chocolate | potato | garlic | zucchini | courgette | "
        "beet | cabbage "
        "| lemon | coconut",
        "grate | use a grater | grate something | grate cheese into the bowl",
        "shred some {o} | shred {o} into the bowl | rub {o} over the grater",
        support="holds the grater | steadies the grater | keeps the grater still",
    ),
    "whisk": Wording(
        "whisk {o} | whisk {o} in the bowl | beat {o} with a whisk | whip {o} | beat up {o} | whisk "
        "up {o} | "
        "whip up {o} | whisk {o} with a fork",
        "egg | cream | batter | butter | mixture | marinade | vinaigrette | dressing | flour | milk | yogurt",
        "whisk | use a whisk | beat the eggs | whisk the eggs | whip cream | beat the mixture with a whisk",
        "whip {o} with a whisk | beat {o} in the bowl | whisk up a batter",
        support="holds the bowl | steadies the bowl | tips the bowl | keeps the bowl still",
    ),
    "spread": Wording(
        "spread {o} | spread {o} on the bread | spread {o} over the toast | butter the toast with "
        "{o} | "
        "spread some {o} with a knife | smear {o} on the bread | spread {o} with a knife",
        "butter | jam | honey | pesto | hummus | mayonnaise | paste | mustard | cream | chutney",
        "butter the toast | butter the bread | spread butter on bread | make a sandwich | use a butter knife",
        "smear {o} on the toast | spread some {o} on the toast | smear {o} over the bread",
        support="holds the bread | holds the toast | keeps it still",
        more=(("spread cream on {o}", "cake | bread"),),
    ),
    "wring": Wording(
        "wring {o} | wring out {o} | wring the water out of {o} | wring {o} dry | twist {o} dry | "
        "wring {o} out",
        "towel | cloth | rag | mop | sock | dishcloth | washcloth | sponge | @garment",
        "wring | wring out the water | wring out the laundry | wring a wet towel | wring the cloth dry",
        "wring out the water of {o} | wring a wet cloth",
    ),
    "tear": Wording(
        "tear {o} | tear up {o} | rip {o} | rip up {o} | tear {o} in half | tear {o} apart | tear "
        "{o} in two | "
        "tear {o} into pieces | rip {o} in half",
        "paper | letter | ticket | envelope | cloth | page | bread | lettuce | foil | note | photo | herbs",
        "tear a piece of paper | rip | rip up the paper | tear something up | tear a sheet of paper in half",
        "rip {o} apart | rip {o} into pieces | tear up a piece of paper",
        more=(
            (
                "tear open {o} | rip open {o} | rip {o} open",
                "packet | bag | envelope | parcel | present | wrapper",
            ),
        ),
    ),
    "iron": Wording(
        "iron {o} | press {o} with an iron | iron {o} flat | smooth {o} with an iron | iron out {o} | "
        "iron {o} on the ironing board",
        "@garment | @bedding | curtain | laundry",
        "iron | do the ironing | iron the clothes | use an iron | iron on the ironing board | iron "
        "a shirt | "
        "iron the laundry",
        "smooth {o} on the ironing board | press the clothes with an iron | iron {o} with a hot iron",
        support="holds the cloth | smooths the cloth | keeps it flat",
    ),
    "spray": Wording(
        "spray {o} | spray {o} with water | squirt {o} | spray {o} with a spray bottle | "
        "spray at {o} | squirt water on {o}",
        "plant | window | mirror | flower | table | counter | hair | stove | pan | leaf",
        "spray | spray water | use a spray bottle | squirt | pull the trigger of the spray bottle | "
        "squirt some water",
        "squirt {o} with water | squirt {o} with a spray bottle | spray some water on {o}",
        more=(("spray {o} | spray some {o} | spray {o} on", "detergent | paint | water | oil"),),
    ),
    "flip": Wording(
        "flip {o} | toss {o} in the pan | flip {o} in the pan | flip over {o} | flip {o} over | "
        "flip {o} with the pan | toss {o} up in the pan",
        "pancake | omelette | egg | steak | fish | tortilla | vegetables",
        "flip a pancake | toss a pancake | flip the pan | toss the pan | flip the omelette | flip pancakes",
        "toss {o} over | toss {o} with the pan | flip the food in the pan",
        more=(("toss the food in {o}", "pan | skillet | wok"),),
    ),
    "sweep": Wording(
        "sweep {o} | sweep {o} with a broom | brush {o} with a broom | sweep {o} clean | mop {o}",
        "floor | kitchen | room | counter | table | worktop",
        "sweep | sweep the floor | use a broom | sweep with a broom | mop the floor | use a mop",
        "brush the floor with a broom | mop the floor clean",
        more=(
            (
                "sweep up {o} | sweep away {o} | sweep {o} into a pile | brush up {o} with a broom",
                "dust | crumbs | dirt | glass | sand | sawdust | leaf",
            ),
        ),
    ),
    "dig": Wording(
        "dig {o} | dig {o} with a shovel | dig {o} with a spade | dig in {o}",
        "hole | soil | snow | sand | dirt | garden | potatoes",
        "dig | dig a hole | dig with a shovel | use a shovel | shovel snow | use a spade | dig in the garden",
        "dig {o} by hand with a spade | shovel {o} with a spade",
        more=(
            ("shovel {o} | shovel {o} away | dig up {o}", "snow | dirt | sand | soil"),
            ("dig up {o} | dig out {o}", "potatoes | plant | garden"),
        ),
    ),
    "sew": Wording(
        "sew {o} | sew up {o} | stitch {o} | mend {o} | stitch up {o} | sew {o} by hand | "
        "mend {o} with needle and thread",
        "@garment | @bedding | sock | button | curtain | doll | cloth",
        "sew | sew with needle and thread | do some sewing | stitch | sew by hand | sew on a button | "
        "pull the thread through the cloth",
        "stitch {o} by hand | mend {o} by hand | sew {o} with needle and thread",
        support="holds the cloth | keeps the cloth still",
        more=(("sew on {o} | stitch on {o}", "button"),),
    ),
    "paint": Wording(
        "paint {o} | paint {o} with a brush | brush paint on {o} | paint over {o} | coat {o} with "
        "paint | give {o} a coat of paint",
        "wall | fence | door | @furniture | picture | house | canvas | line",
        "paint | paint with a brush | paint the wall | use a paintbrush | brush on the paint | "
        "paint a picture",
        "coat {o} | brush some paint on {o}",
        more=(("brush on {o} | brush {o} on the wall", "paint | glue"),),
    ),
    "bow": Wording(
        "play {o} with a bow | bow {o} | play {o} | draw the bow across {o} | draw the bow over the "
        "strings of {o}",
        "violin | fiddle",
        "play the violin | play violin | draw the bow across the strings | play the fiddle | "
        "bow the strings | practise the violin",
        "draw the bow over {o} | play the strings of {o} with a bow | practise {o}",
        support="presses the strings | holds the neck | holds down the strings",
        more=(("practise {o} on the violin | play {o} on the violin", "@music | scale"),),
    ),
    "crank": Wording(
        "crank {o} | turn the crank of {o} | wind up {o} | wind {o} | reel in {o} | turn the handle "
        "of {o} | "
        "crank up {o}",
        "clock | toy | fish | mixer | music box | window | coffee mill",
        "crank | turn a crank | turn the crank | crank the handle | reel in a fish | wind it up | "
        "grind coffee by hand",
        "wind up {o} with a crank | turn the crank on {o} | wind the handle",
        support="holds it in place | holds the box | keeps it still",
        more=(("grind {o} | grind {o} by hand", "coffee | pepper | spice"),),
    ),
}
