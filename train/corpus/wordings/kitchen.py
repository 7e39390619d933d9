"""Wordings of the kitchen and the household."""

from __future__ import annotations

from .spec import Wording

WORDINGS = {
    "pour": Wording(
        "pour {o} | pour out {o} | pour {o} into the glass | pour {o} into the bowl | tip out {o} | "
        "pour {o} into the pan | fill the cup with {o} | empty {o} into the sink | pour some {o}",
        "@drink | @sauce | oil | rice | cereal | @soup",
        "pour | pour from a bottle | pour something into a cup | fill a glass | empty the bottle",
        "tip {o} into the bowl | pour out {o} into the glass | fill the bowl with {o}",
        support="holds the glass | holds the cup | keeps the bowl still | holds the mug",
    ),
    "drink": Wording(
        "drink {o} | sip {o} | have a drink of {o} | take a sip of {o} | taste {o} | drink some {o} | "
        "drink a glass of {o}",
        "@drink",
        "drink | drink from a cup | take a sip | have a drink | sip from the glass | drink from the bottle",
        "take a drink of {o} | sip from a cup | taste a glass of {o}",
    ),
    "stir": Wording(
        "stir {o} | mix {o} | stir {o} with a spoon | whisk {o} | give {o} a stir | mix {o} in the bowl | "
        "beat {o} with a whisk | blend {o}",
        "@soup | @sauce | @drink | batter | pot | paint | rice | pasta | mixture | egg",
        "stir | stir the pot | stir with a spoon | continue mixing | mix the ingredients | use a whisk",
        "mix {o} with a spoon | whisk {o} with a fork | blend the ingredients",
        support="holds the bowl | steadies the bowl | holds the pot | keeps the bowl still",
    ),
    "sprinkle": Wording(
        "sprinkle {o} | scatter {o} | sprinkle some {o} | season with {o} | sprinkle {o} over the food | "
        "add {o} to the pan | add a pinch of {o} | dust the cake with {o}",
        "@spice | sugar | flour | cheese | glitter | sand | sawdust",
        "sprinkle | season the food | add some seasoning",
        "scatter {o} over the food | season the food with {o} | add a pinch of {o} to the food",
    ),
    "knead": Wording(
        "knead {o} | work {o} | press {o} with both palms | knead {o} on the board | massage {o}",
        "dough | bread | clay | pizza dough | pastry | putty | pasta dough | bread dough",
        "knead | knead on the table | work with the dough | make bread",
        "press and knead {o} | work {o} on the board | massage {o} with both palms",
    ),
    "roll_out": Wording(
        "roll out {o} | roll {o} flat | roll {o} out | flatten {o} with a rolling pin | roll {o} on "
        "the board | "
        "flatten {o}",
        "dough | clay | pizza dough | pastry | pasta dough | tortilla | cookie dough",
        "roll the rolling pin | use a rolling pin | work with a rolling pin",
        "roll {o} with a rolling pin | roll {o} out flat | flatten {o} on the board",
    ),
    "cut": Wording(
        "cut {o} | chop {o} | slice {o} | cut up {o} | chop up {o} | dice {o} | mince {o} | cut {o} "
        "in pieces | "
        "cut {o} with a knife",
        "@vegetable | @fruit | bread | cheese | meat | cake | pizza | sausage | chicken",
        "chop | cut with a knife | chop food on the board | use a knife | slice the vegetables",
        "slice up {o} | chop {o} in pieces | slice {o} with a knife",
        support="holds the food | keeps the food still | steadies the board | holds it in place",
    ),
    "peel": Wording(
        "peel {o} | peel the skin off {o} | skin {o} | take the peel off {o} | remove the skin of {o} | "
        "peel {o} with a peeler",
        "@fruit | potato | carrot | onion | garlic | cucumber | egg | ginger | shrimp",
        "peel | peel the skin off | use a peeler | peel the vegetables",
        "take the skin off {o} | remove the peel of {o}",
        support="holds it | turns it | holds it in place | holds the food",
    ),
    "wipe": Wording(
        "wipe {o} | clean {o} | wipe down {o} | wipe {o} with a cloth | dust {o} | dry {o} with a towel | "
        "polish {o} | wipe {o} clean",
        "@furniture | table | window | mirror | screen | board | shelf | stove | floor | @vehicle | wall",
        "wipe from side to side | wipe the surface | clean the surface | dust the furniture | use a cloth",
        "clean {o} with a cloth | dust down {o} | polish {o} with a towel",
    ),
    "rub": Wording(
        "rub {o} between the hands | rub {o} between the palms | spread {o} on the hands",
        "lotion | cream | clay | oil | stick | coin | wool | gel | soap",
        "rub the hands together | rub the palms together | rub hands | warm the hands by rubbing them | "
        "rub the hands for warmth",
        "rub the palms to warm the hands | spread {o} between the palms",
    ),
    "wash": Wording(
        "wash {o} | rinse {o} | scrub {o} | wash {o} in the sink | clean {o} with soap | wash up {o}",
        "@kitchenware | @vegetable | @fruit | brush | sponge",
        "wash the hands | wash hands | lather the hands with soap | rinse the hands | scrub the hands | "
        "wash the dishes | do the dishes | wash up | soap the hands",
        "scrub {o} in the sink | rinse {o} with soap | lather hands",
    ),
    "fold": Wording(
        "fold {o} | fold up {o} | fold over {o} | fold {o} in half | fold {o} neatly",
        "@garment | @bedding | paper | napkin | letter | map | tablecloth | bag",
        "fold the laundry | fold clothes | fold a piece of paper | do the laundry",
        "fold {o} over | fold up {o} in half | fold a piece of cloth",
    ),
}
