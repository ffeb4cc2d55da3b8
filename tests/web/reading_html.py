"""What a page says: the texts of its tables, cell by cell, and its links."""

from html.parser import HTMLParser


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._cell = []
        elif tag == "a":
            self.links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def cells_of(html: str) -> list[list[str]]:
    """The texts of every row of the page's tables, heads included."""
    parser = _Tables()
    parser.feed(html)
    return parser.rows


def links_of(html: str) -> list[str]:
    """Where the page's links lead."""
    parser = _Tables()
    parser.feed(html)
    return parser.links
