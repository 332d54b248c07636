"""Extension of Griffe, which reads docstrings for the site: convert their markup to Markdown.

Docstrings name objects as ``:class:`X``` and mark code by double backticks. Both become code spans.
"""

import re
from typing import Any

import griffe

ROLE = re.compile(r':(?:attr|class|data|func|meth|mod):`~?([^`]+)`')
LITERAL = re.compile(r'``([^`]+)``')


def to_markdown(text: str) -> str:
    """Turn roles and literals into code spans, and a trailing ``::`` into a colon."""
    text = LITERAL.sub(r'`\1`', ROLE.sub(r'`\1`', text))
    return re.sub(r'::$', ':', text, flags=re.MULTILINE)


class DocstringMarkup(griffe.Extension):
    """Convert the docstring of each object before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Convert one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)
