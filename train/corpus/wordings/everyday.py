"""Wordings of what arms and fists do, and of a few things of every day."""

from __future__ import annotations

from .spec import Wording

WORDINGS = {
    "shrug": Wording(
        "shrug at {o} | give {o} a shrug",
        "@person | question | camera",
        "shrug | shrug with open palms | give a shrug | turn the palms up in a shrug | "
        "make an i do not know gesture | raise the palms in a shrug | say i do not know with the hands",
        "shrug at {o} with open palms | raise open palms in a shrug",
    ),
    "pray": Wording(
        "pray for {o} | say a prayer for {o}",
        "@person | team | luck | peace",
        "pray | put the palms together to pray | press the palms together | join the palms | say a "
        "prayer | "
        "hold the palms together | fold the hands in prayer | bow with the palms together",
        "join the palms in prayer | put the palms together in prayer",
    ),
    "steeple": Wording(
        plain="steeple the fingers | steeple the hands | touch the fingertips together | make a "
        "steeple with the "
        "fingers | bring the fingertips of both hands together | press the fingertips together | "
        "join the fingertips | make a tent with the fingers | put the fingertips together",
        unseen="join the fingertips of both hands | make a tent with the fingertips",
    ),
    "stack_hands": Wording(
        plain="stack the hands | put one hand on top of the other | lay one hand over the other | "
        "cover one hand with the other | place one hand on the other | stack hands | "
        "fold one hand over the other | rest one hand on top of the other",
        unseen="lay one hand on top of the other | place one hand over the other",
    ),
    "knock": Wording(
        "knock on {o} | knock at {o} | rap on {o} | rap at {o} | knock on {o} with the knuckles | knock {o}",
        "door | window | wall | @furniture | box | glass | gate",
        "knock | knock at the door | knock on the door | rap with the knuckles | knock with a fist | "
        "knock on wood",
        "rap on {o} with the knuckles | knock with the knuckles on {o}",
    ),
    "punch": Wording(
        "punch {o} | hit {o} with a fist | throw a punch at {o} | strike {o} with a fist",
        "punching bag | bag | pillow | wall | air | board",
        "punch | throw a punch | punch with the fist | hit with the fist | punch the air",
        "punch {o} with the fist | throw a punch into {o}",
        towards=(
            ("forward", "punch straight ahead | punch {o} straight ahead"),
            ("up", "throw an uppercut | punch upwards | hit {o} with an uppercut"),
            ("left", "punch to the left | punch {o} to the left"),
            ("right", "punch to the right | punch {o} to the right"),
        ),
    ),
    "pat": Wording(
        "pat {o} | give {o} a pat | pat {o} with the palm | pat {o} on the back | pat {o} with a flat palm",
        "@animal | @person",
        "pat | pat with a flat palm | give a pat | slap the table with the palm | pat the table | "
        "pat someone on the back | pat the dog",
        "give {o} a pat on the back | pat {o} with a flat hand | slap the palm on the table",
        more=(
            ("slap {o} | slap {o} with the palm | pat {o}", "table | desk | counter | knee | wall"),
            ("pat {o} | pat down {o} | pat {o} flat", "pillow | sand | dough | blanket | belly"),
        ),
    ),
    "pet": Wording(
        "pet {o} | stroke {o} | stroke the back of {o} | stroke the head of {o} | stroke the fur of {o}",
        "@animal",
        "pet | stroke the fur | pet an animal | pet the cat | stroke the dog",
        "pet the head of {o} | pet the fur of {o} | pet the back of {o}",
        more=(("stroke {o} | smooth {o} with the palm", "fur | hair | blanket | baby"),),
    ),
    "eat": Wording(
        "eat {o} | eat some {o} | eat {o} with a spoon | eat {o} with a fork | bring {o} to the "
        "mouth | "
        "have a bite of {o} | spoon up {o} | feed on {o} | eat up {o} | put {o} in the mouth",
        "@soup | @fruit | @produce | cereal | rice | pasta | noodles | salad | cake | pizza | yogurt",
        "eat | eat with a spoon | eat with a fork | have a bite | take a bite | eat something | "
        "bring the fork to the mouth | have dinner",
        "have some {o} with a spoon | bring a spoon of {o} to the mouth | take a bite of {o}",
    ),
    "brush_teeth": Wording(
        "brush {o} | brush {o} with a toothbrush | clean {o} with a toothbrush",
        "teeth",
        "brush the teeth | brush teeth | use a toothbrush | clean the teeth | scrub the teeth with "
        "a toothbrush",
        "scrub {o} | clean teeth with a toothbrush",
    ),
    "climb": Wording(
        "climb {o} | climb up {o} | scale {o}",
        "ladder | rope | wall | tree | pole",
        "climb | climb up | climb hand over hand | climb a ladder | go up a ladder | climb a rope",
        "climb up {o} hand over hand",
        more=(("go up {o}", "ladder | rope | wall"),),
    ),
    "row": Wording(
        "row {o} | paddle {o} | row in {o}",
        "boat | canoe",
        "row | row a boat | pull the oars | use the oars | row with two oars | paddle | pull on the oars",
        "paddle in {o} | row {o} with two oars",
    ),
    "turn_page": Wording(
        "turn the pages of {o} | turn a page of {o} | leaf through {o} | turn over a page of {o} | "
        "flip a page of {o} | turn the page in {o} | page through {o}",
        "book | notebook | magazine | newspaper | novel | diary | report",
        "turn the page | turn a page | flip the page | leaf through a book | read a book | turn "
        "pages | "
        "turn over the page",
        "flip over the page | flip the pages of {o} | leaf through the pages of {o}",
        towards=(
            ("left", "turn to the next page | go to the next page of {o}"),
            ("right", "turn back a page | go back a page | turn back a page of {o}"),
        ),
    ),
}
