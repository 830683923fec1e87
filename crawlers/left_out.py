"""List items and headings that trafilatura left out -> back in their place.

Its filters take a short item such as "Facebook" for a button to share, and one of its ways to
find the text knows paragraphs only. A page's tree and the blocks found in it come in; all the
blocks go out, in their order:
- An item comes back where another one of its list was kept.
- A heading comes back where the texts before and after it were kept (or came back), and one of
  them stands beside it, below the same element.
- What is nothing but a link stays away: that is how menus look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from crawlers.characters import letters, one_line

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from crawlers.blocks import Block

HEADINGS = frozenset({"h2", "h3", "h4"})
LEAVES = ("p", "li", "blockquote", "h1", *sorted(HEADINGS))
MAX_LEAVES = 20_000  # of a page that are looked at
MAX_LEFT_OUT = 1_000  # characters; a longer item was left out for a reason
SAME_START = 20  # letters

Place = tuple[int, int]  # after which kept block, and where in the page


class Leaf(NamedTuple):
    """An element that holds text, and no other such element."""

    element: Any
    text: str

    @property
    def item(self) -> Any:
        """The list item that it is, or that holds it and nothing else; None for other text."""
        parent = self.element.getparent()
        if self.element.tag == "li" or parent is None or parent.tag != "li":
            return self.element if self.element.tag == "li" else None
        return parent if len(parent) == 1 and not (parent.text or "").strip() else None

    @property
    def is_heading(self) -> bool:
        return self.element.tag in HEADINGS

    @property
    def can_come_back(self) -> bool:
        if len(self.text) > MAX_LEFT_OUT or self.element.find(".//script") is not None:
            return False
        linked = sum(len(letters("".join(link.itertext()))) for link in self.element.iter("a"))
        return linked < len(letters(self.text))


def with_left_out(tree: Any, kept: Sequence[Block]) -> list[Block]:
    """The blocks that were kept, and those that come back."""
    leaves = list(_leaves(tree))
    places = _places(leaves, kept)
    items = _items(leaves, places, {letters(text)[:SAME_START] for _, text in kept})
    back = {**items, **_headings(leaves, {**places, **items})}
    placed = [((number, -1), block) for number, block in enumerate(kept)]
    for number, place in back.items():
        placed.append((place, (leaves[number].is_heading, leaves[number].text)))
    return [block for _, block in sorted(placed, key=lambda pair: pair[0])]


def every_block(tree: Any) -> list[Block]:
    """All paragraphs, items and headings of a tree, whatever they are."""
    return [(leaf.is_heading, leaf.text) for leaf in _leaves(tree)]


def _leaves(tree: Any) -> Iterator[Leaf]:
    for number, element in enumerate(tree.iter(*LEAVES)):
        if number >= MAX_LEAVES:
            return
        if next(element.iterdescendants(*LEAVES), None) is None:
            text = one_line("".join(element.itertext()), 2 * MAX_LEFT_OUT)
            if letters(text):
                yield Leaf(element, text)


def _places(leaves: Sequence[Leaf], kept: Iterable[Block]) -> dict[int, Place]:
    """Which leaves were kept, by number, and as which block."""
    numbers: dict[str, int] = {}
    for number, (_, text) in enumerate(kept):
        numbers.setdefault(letters(text)[:MAX_LEFT_OUT], number)
    found = (
        (number, numbers.get(letters(leaf.text)[:MAX_LEFT_OUT]))
        for number, leaf in enumerate(leaves)
    )
    return {number: (block, -1) for number, block in found if block is not None}


def _items(
    leaves: Sequence[Leaf], places: Mapping[int, Place], starts: Container[str]
) -> dict[int, Place]:
    """The items that come back, by number, and where to. One that begins as a block that was
    kept is that block, with parts that were left out."""
    lists: dict[Any, list[int]] = {}
    for number, leaf in enumerate(leaves):
        if (item := leaf.item) is not None:
            lists.setdefault(item.getparent(), []).append(number)
    back: dict[int, Place] = {}
    for items in lists.values():
        known = [places[number][0] for number in items if number in places]
        block = known[0] - 1 if known else 0
        for number in items if known else ():
            if number in places:
                block = places[number][0]
            elif leaves[number].can_come_back and _start(leaves[number]) not in starts:
                back[number] = (block, number)
    return back


def _start(leaf: Leaf) -> str:
    return letters(leaf.text)[:SAME_START]


def _headings(leaves: Sequence[Leaf], places: Mapping[int, Place]) -> dict[int, Place]:
    """The headings that come back, by number, and where to."""
    texts = [number for number, leaf in enumerate(leaves) if not leaf.is_heading]
    before, after = _neighbours(len(leaves), texts)
    back: dict[int, Place] = {}
    for number, leaf in enumerate(leaves):
        around = {before[number], after[number]}
        if not leaf.is_heading or number in places or not around <= places.keys():
            continue
        if leaf.can_come_back and any(_stands_beside(leaf, leaves[other]) for other in around):
            block, order = places[after[number]]
            back[number] = (block - 1 if order < 0 else block, number)
    return back


def _stands_beside(heading: Leaf, text: Leaf) -> bool:
    """Whether both are below the same element; an item is where its list is."""
    element = text.element if text.item is None else text.item.getparent()
    return element is not None and element.getparent() is heading.element.getparent()


def _neighbours(count: int, texts: Sequence[int]) -> tuple[list[int], list[int]]:
    """For every number, the last one of `texts` before and the first one after it; -1 for none."""
    is_text = set(texts)
    before, after = [-1] * count, [-1] * count
    for number in range(1, count):
        before[number] = number - 1 if number - 1 in is_text else before[number - 1]
    for number in range(count - 2, -1, -1):
        after[number] = number + 1 if number + 1 in is_text else after[number + 1]
    return before, after
