"""An HTML document that holds all that it needs, and may fetch nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape


def document(title: str, style: str, script: str, body: Iterable[str]) -> str:
    """A whole document.

    Args:
        title: plain text.
        body: lines of HTML. They can hold neither style nor script nor address from elsewhere:
            the browser is told to take only these two.
    """
    policy = (
        "default-src 'none'; img-src data:; media-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    )
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>",
    )
    tail = f"<script>{script}</script>\n</body>\n</html>"
    return "\n".join([*head, *body, tail]) + "\n"


def inline(kind: str, data: bytes) -> str:
    """An address that is the data itself.

    Args:
        kind: its media type.
    """
    return f"data:{kind};base64,{b64encode(data).decode('ascii')}"


def _digest(text: str) -> str:
    """What a policy calls the one text that it allows."""
    return f"sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}"
