"""Texts of others on pages and terminals: whatever they hold, it is shown and never run."""

import html

__all__ = ['printable', 'shown']

TEMPLATE = str.maketrans({c: f'&#{ord(c)};' for c in '{}$`'})  # gradio's HTML is a template


def printable(text: str) -> str:
    """A text in which what can't be printed, or turns the direction of writing, is U+FFFD."""
    return ''.join(c if c.isprintable() else '\ufffd' for c in text)


def shown(text: str) -> str:
    """A printable text, escaped for HTML."""
    return html.escape(printable(text)).translate(TEMPLATE)
