"""Builds the documentation's site into site/, and refuses what a reader would stumble over:

a warning of the builder or of the reader of docstrings, and a page that fetches anything from
another host (scripts, styles, fonts, pictures), so that it can be read offline.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"
WARNING = re.compile(r"^(griffe|mkdocs|mkdocstrings|mkdocs_autorefs)\b.*: |^Warning:", re.MULTILINE)
"""Zensical's own warnings end a strict build; those of its plugins are only printed."""
FETCHING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
EXTERNAL = re.compile(r"^(?:https?:)?//")
IN_STYLES = re.compile(r"""(?:url\(|@import)\s*['"]?((?:https?:)?//[^'")\s]+)""")


class _Fetches(HTMLParser):
    """Addresses that a browser fetches when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") in ("canonical", "next", "prev"):
            return
        address = values.get(FETCHING.get(tag, ""))
        if address:
            self.found.append(address)


def fetched_from_elsewhere(site: Path) -> Iterator[str]:
    """A line for each address on another host that a page or a style sheet fetches."""
    for path in sorted(site.rglob("*.html")):
        page = _Fetches()
        page.feed(path.read_text(encoding="utf-8"))
        text = "\n".join(re.findall(r"<style.*?</style>", path.read_text(encoding="utf-8"), re.S))
        for address in (*filter(EXTERNAL.match, page.found), *IN_STYLES.findall(text)):
            yield f"{path.relative_to(site)} fetches {address}"
    for path in sorted(site.rglob("*.css")):
        for address in IN_STYLES.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)} fetches {address}"


def main() -> int:
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(done.stdout, end="")
    if done.returncode:
        return done.returncode
    if WARNING.search(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)):
        print("the builder warned; a warning is an error here", file=sys.stderr)
        return 1
    found = list(fetched_from_elsewhere(SITE))
    print("\n".join(found) or "open site/index.html; search needs: python -m http.server -d site")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
