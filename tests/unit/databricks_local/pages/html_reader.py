"""Reads a page as a browser does, so that tests look for elements and texts, not for a spelling of HTML."""

from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree.ElementTree import Element, TreeBuilder

_WITHOUT_END = {"meta", "link", "input", "img"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tree = TreeBuilder()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tree.start(tag, {name: value or "" for name, value in attrs})
        if tag in _WITHOUT_END:
            self.tree.end(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tree.start(tag, {name: value or "" for name, value in attrs})
        self.tree.end(tag)

    def handle_endtag(self, tag: str) -> None:
        self.tree.end(tag)

    def handle_data(self, data: str) -> None:
        self.tree.data(data)


class HtmlPage:
    """A page; paths are those of `Element.iterfind`, such as `.//td[@class='input']`."""

    def __init__(self, text: str) -> None:
        reader = _Reader()
        reader.feed(text)
        reader.close()
        self.root: Element = reader.tree.close()

    def all(self, path: str) -> list[Element]:
        return self.root.findall(path)

    def one(self, path: str) -> Element:
        (found,) = self.all(path)
        return found

    def texts(self, path: str) -> list[str]:
        return [text_of(element) for element in self.all(path)]

    def ids(self) -> list[str]:
        """The ids of the sections, in order."""
        return [section.get("id", "") for section in self.all(".//main/section")]

    def hrefs(self, path: str = ".") -> list[str]:
        return [link.get("href", "") for link in self.all(f"{path}//a")]

    def structure(self) -> list[tuple[str, list[str]]]:
        """Every element in order, with the names of its attributes."""
        return [(element.tag, list(element.attrib)) for element in self.root.iter()]

    def addresses(self) -> Iterator[str]:
        """All that a browser would load or go to."""
        for element in self.root.iter():
            for name in ("href", "src", "action", "formaction", "xlink:href", "data"):
                if name in element.attrib:
                    yield element.attrib[name]


def text_of(element: Element) -> str:
    """The text of an element as it is shown; a line break right after `<pre>` is not."""
    text = "".join(element.itertext())
    return text.removeprefix("\n") if element.tag == "pre" else text
