"""Pages and mails as trees of elements: what a browser would understand, not text in which luck finds a match."""

from collections.abc import Iterator
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "br", "wbr", "img", "hr", "input"})
_BLOCKS = frozenset({"h1", "h2", "h3", "p", "li", "caption", "summary", "figcaption", "dt", "dd", "svg", "a"})


class Element:
    """One element of a page: its tag, attributes, children and texts in order."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element | str] = []

    @property
    def text(self) -> str:
        """All text within, white space collapsed."""
        return " ".join("".join(self._texts()).split())

    def all(self, tag: str, **attributes: str) -> "list[Element]":
        """The elements within of a tag, and with these attributes (`class_` holds among others)."""
        return [element for element in self._elements() if element.tag == tag and element._has(attributes)]

    def one(self, tag: str, **attributes: str) -> "Element":
        """The one element within of a tag with these attributes."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} elements {tag} {attributes}"
        return found[0]

    def everything(self) -> "Iterator[Element]":
        """Every element within."""
        return self._elements()

    def blocks(self) -> "Iterator[str]":
        """The texts within, one for each heading, paragraph, list item and row of a table."""
        for child in self.children:
            if isinstance(child, str):
                continue
            if child.tag == "tr" and not child.all("table"):
                yield " | ".join(cell.text for cell in child.children if isinstance(cell, Element))
            elif child.tag in _BLOCKS:
                yield child.attributes.get("aria-label", "") if child.tag == "svg" else child.text
            else:
                yield from child.blocks()

    def rows(self) -> list[list[str]]:
        """The texts of a table's cells, row by row."""
        return [
            [cell.text for cell in row.children if isinstance(cell, Element) and cell.tag in ("th", "td")]
            for row in self.all("tr")
        ]

    def _has(self, attributes: dict[str, str]) -> bool:
        for name, value in attributes.items():
            held = self.attributes.get(name.rstrip("_"), "")
            if value not in (held.split() if name == "class_" else [held]):
                return False
        return True

    def _elements(self) -> "Iterator[Element]":
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child._elements()

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in ("style", "script", "wbr"):
                yield from child._texts()
                yield " "


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(page: str) -> Element:
    """The document of a page whose elements all nest and close."""
    tree = _Tree()
    tree.feed(page)
    tree.close()
    assert [element.tag for element in tree.open] == ["document"]
    return tree.open[0]
