"""Texts of others on pages: whatever they hold, it is shown and never run."""

import html

from mmsxm.foreign import printable

__all__ = ['shown']

TEMPLATE = str.maketrans({c: f'&#{ord(c)};' for c in '{}$`'})  # gradio's HTML is a template


def shown(text: str) -> str:
    """A printable text, escaped for HTML."""
    return html.escape(printable(text)).translate(TEMPLATE)
