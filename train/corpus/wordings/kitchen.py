"""Wordings of the kitchen and the household."""

from __future__ import annotations

from .spec import Wording

WORDINGS = {
    "pour": Wording(
        "pour {o} | pour out {o} | pour {o} into the glass | pour {o} into the bowl | tip out {o} | "
        "pour {o} into the pan | fill the cup with {o} | empty {o} into the sink | pour some {o} | "
        "pour {o} onto the plate | pour in {o} | tip {o} into the pan | pour {o} over the salad | "
        "pour {o} from the jug",
        "@drink | @sauce | oil | rice | cereal | @soup",
        "pour | pour from a bottle | pour something into a cup | fill a glass | empty the bottle",
        "tip {o} into the bowl | pour out {o} into the glass | fill the bowl with {o}",
        support="holds the glass | holds the cup | keeps the bowl still | holds the mug",
        more=(
            (
                "empty {o} | fill {o} | fill up {o} | tip out {o} | drain {o} | pour from {o} | fill "
                "{o} with water",
                "kettle | bottle | jug | pot | teapot | bucket | cup | glass | bowl | jar | pan | "
                "carafe | tin",
            ),
            ("drain {o}", "pasta | rice | noodles | beans | potatoes | vegetables"),
        ),
    ),
    "drink": Wording(
        "drink {o} | sip {o} | have a drink of {o} | take a sip of {o} | taste {o} | drink some {o} | "
        "drink a glass of {o} | drink up {o} | gulp down {o}",
        "@drink",
        "drink | drink from a cup | take a sip | have a drink | sip from the glass | drink from the bottle",
        "take a drink of {o} | sip from a cup | taste a glass of {o}",
        more=(("taste {o} | have a taste of {o}", "@soup | @sauce"),),
    ),
    "stir": Wording(
        "stir {o} | mix {o} | stir {o} with a spoon | give {o} a stir | mix {o} in the bowl | "
        "blend {o} | beat {o} | mix up {o} | stir {o} in the pan | stir {o} "
        "with a fork | mix {o} together",
        "@soup | @sauce | @drink | batter | pot | paint | rice | pasta | mixture | egg | salad | "
        "noodles | yogurt | cream",
        "stir | stir the pot | stir with a spoon | mix the ingredients",
        "mix {o} with a spoon | blend {o} with a fork | blend the ingredients",
        support="holds the bowl | steadies the bowl | holds the pot | keeps the bowl still",
        more=(
            (
                "stir in {o} | mix in {o} | fold in {o}",
                "sugar | flour | milk | cream | salt | butter | yeast",
            ),
        ),
    ),
    "sprinkle": Wording(
        "sprinkle {o} | scatter {o} | sprinkle some {o} | season with {o} | sprinkle {o} over the food | "
        "add {o} to the pan | add a pinch of {o} | dust the cake with {o} | add {o} | add some {o} | "
        "sprinkle {o} on top | add {o} to the bowl | add {o} to the soup | scatter {o} over the pizza",
        "@spice | sugar | flour | cheese | glitter | sand | sawdust",
        "sprinkle | season the food | add some seasoning",
        "scatter {o} over the food | season the food with {o} | add a pinch of {o} to the food",
        more=(
            (
                "season {o} | salt {o} | season {o} with salt | add salt to {o} | add some seasoning to {o}",
                "@soup | meat | chicken | salad | pasta | rice | egg | fish | steak | noodles",
            ),
        ),
    ),
    "knead": Wording(
        "knead {o} | knead {o} | work {o} | press {o} with both palms | knead {o} on the board | "
        "massage {o} | squash {o} | flatten {o} | knead {o} on the table | press down {o}",
        "dough | bread | clay | pizza dough | pastry | putty | pasta dough | bread dough",
        "knead | knead on the table | work with the dough | make bread",
        "press and knead {o} | work {o} on the board | massage {o} with both palms",
    ),
    "roll_out": Wording(
        "roll out {o} | roll {o} flat | roll {o} out | flatten {o} with a rolling pin | roll {o} on "
        "the board | roll out {o} on the table",
        "dough | clay | pizza dough | pastry | pasta dough | tortilla | cookie dough",
        "roll the rolling pin | use a rolling pin | work with a rolling pin",
        "roll {o} with a rolling pin | roll {o} out flat | flatten {o} on the table with a rolling pin",
    ),
    "cut": Wording(
        "cut {o} | chop {o} | slice {o} | cut up {o} | chop up {o} | dice {o} | mince {o} | cut {o} "
        "in pieces | "
        "cut {o} with a knife | cut {o} into pieces | cut {o} into slices | cut {o} in half | chop {o} "
        "finely | slice {o} thinly | cut off a piece of {o}",
        "@vegetable | @fruit | @produce | cake | pizza | pie",
        "chop | cut with a knife | chop food on the board | use a knife | slice the vegetables",
        "slice up {o} | chop {o} in pieces | slice {o} with a knife",
        support="holds the food | keeps the food still | steadies the board | holds it in place",
        more=(
            (
                "carve {o} | trim {o} | cut {o} into strips",
                "meat | chicken | ham | turkey | steak | bacon | fish",
            ),
        ),
    ),
    "peel": Wording(
        "peel {o} | peel the skin off {o} | skin {o} | take the peel off {o} | remove the skin of {o} | "
        "peel {o} with a peeler",
        "@fruit | potato | carrot | onion | garlic | cucumber | egg | ginger | shrimp | parsnip | aubergine",
        "peel | peel the skin off | use a peeler | peel the vegetables",
        "take the skin off {o} | remove the peel of {o}",
        support="holds it | turns it | holds it in place | holds the food",
        more=(("scrape {o} | scrape {o} clean", "carrot | potato | parsnip | pan | plate | dish"),),
    ),
    "wipe": Wording(
        "wipe {o} | clean {o} | wipe down {o} | wipe {o} with a cloth | dust {o} | dry {o} with a towel | "
        "polish {o} | wipe {o} clean",
        "@furniture | table | window | mirror | screen | board | shelf | stove | floor | @vehicle | wall",
        "wipe from side to side | wipe the surface | clean the surface | dust the furniture | use a cloth",
        "clean {o} with a cloth | dust down {o} | polish {o} with a towel",
        more=(
            ("clean {o} | wipe {o} | wipe down {o}", "counter | worktop | sink | hob | oven | fridge | tray"),
            ("dry {o} | dry off {o} | dry {o} with a cloth", "@kitchenware | glass | bottle"),
            (
                "wipe up {o} | wipe away {o} | wipe off {o}",
                "crumbs | dust | water | milk | spill | sauce | oil",
            ),
        ),
    ),
    "rub": Wording(
        "rub {o} between the hands | rub {o} between the palms | rub {o} with both palms",
        "lotion | cream | clay | oil | stick | coin | wool | gel | soap",
        "rub the hands together | rub the palms together | rub hands | warm the hands by rubbing them | "
        "rub the hands for warmth",
        "rub the palms to warm the hands | rub {o} between both palms",
        more=(
            ("lather {o} | lather {o} between the hands", "soap | shampoo | gel"),
            (
                "rub in {o} | rub {o} into the hands | spread {o} on the hands",
                "lotion | cream | hand cream | oil | gel",
            ),
        ),
    ),
    "wash": Wording(
        "wash {o} | rinse {o} | wash {o} in the sink | rinse {o} under the tap | rinse off {o} | "
        "wash {o} under the tap",
        "@kitchenware | @vegetable | @fruit | brush | sponge | cloth | herbs | berries | rice | blade | "
        "board | cutlery | glass | jar",
        "wash the hands | wash hands | lather the hands with soap | rinse the hands | scrub the hands | "
        "wash the dishes | do the dishes | wash up | soap the hands",
        "rinse {o} in the sink | scrub {o} in the sink | lather hands",
        more=(
            (
                "scrub {o} | soap {o} | wash up {o} | clean {o} with soap | scrub {o} with a sponge | "
                "wash {o} with soap",
                "@kitchenware | sink | blade | board | cutlery | glass | jar | bottle",
            ),
        ),
    ),
    "fold": Wording(
        "fold {o} | fold up {o} | fold over {o} | fold {o} in half | fold {o} neatly",
        "@garment | @bedding | paper | napkin | letter | map | tablecloth | bag",
        "fold the laundry | fold clothes | fold a piece of paper | do the laundry",
        "fold {o} over | fold up {o} in half | fold a piece of cloth",
        more=(
            (
                "wrap {o} | wrap up {o} | wrap {o} in paper",
                "present | gift | sandwich | parcel | burrito | box",
            ),
        ),
    ),
}
