"""Elements of a page, built with ElementTree: whatever text or attribute comes in, goes out escaped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias
from xml.etree import ElementTree

Element: TypeAlias = ElementTree.Element
Child: TypeAlias = "Element | str"


def element(tag: str, *children: Child, **attributes: object) -> Element:
    """An element; in the names of attributes ``class_`` is ``class`` and ``data_x`` is ``data-x``."""
    made = ElementTree.Element(tag, {_attribute(k): _text(v) for k, v in attributes.items()})
    for child in children:
        append(made, child)
    return made


def append(parent: Element, child: Child) -> None:
    """Add text or an element behind what the parent holds."""
    if not isinstance(child, str):
        parent.append(child)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + child
    else:
        parent.text = (parent.text or "") + child


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def serialise(made: Element) -> str:
    """HTML of an element."""
    return ElementTree.tostring(made, encoding="unicode", method="html")


def data(identity: str, value: Any) -> Element:
    """Numbers and texts for a script of the page: JSON that cannot end its element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return element("script", text, type="application/json", id=identity)


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[Child]], key: str = "") -> Element:
    """A table with its caption, in a box that scrolls by itself where the page is narrow.

    The first cell of a row is its heading; ``key`` becomes the table's ``id``.
    """
    head = element("tr", *(element("th", h, scope="col") for h in headings))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
        for row in rows
    ]
    made = element("table", element("caption", caption), element("thead", head), element("tbody", *body))
    if key:
        made.set("id", key)
    return scrolling(caption, made)


def scrolling(label: str, *children: Child) -> Element:
    """A box that the keyboard can scroll sideways."""
    return element("div", *children, class_="scroll", tabindex="0", role="region", aria_label=label)


def details(summary: str, *children: Child) -> Element:
    """Folded away until asked for."""
    return element("details", element("summary", summary), *children)


def section(identity: str, heading: str, *children: Child) -> Element:
    """A part of the page under its own heading."""
    title = element("h2", heading, id=f"{identity}-title")
    return element("section", title, *children, id=identity, aria_labelledby=f"{identity}-title")


def gap(text: str) -> Element:
    """What stands where a part of the run is not there yet."""
    return element("p", text, class_="gap")
