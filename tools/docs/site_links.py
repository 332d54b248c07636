"""Links of the repository's pages, as they have to be on the site.

Pages link to files as they lie in the repository, so that the links work there too. The site has
other places for some of these files, and none for source code.
"""

import os
import re
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / 'docs'
# files outside docs/ that have a page
PAGES = {
    'README.md': 'index.md',
    'CHANGELOG.md': 'development/changelog.md',
    'CONTRIBUTING.md': 'development/contributing.md',
    'SECURITY.md': 'development/security.md',
}
LINK = re.compile(r'(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)')
FENCE = re.compile(r'(^```.*?^```)', re.MULTILINE | re.DOTALL)


def suites() -> list[str]:
    """Return the folders of ``results/`` that contain tables or figures."""
    return sorted({path.parent.name for path in (ROOT / 'results').glob('*/*') if is_shown(path)})


def is_shown(path: Path) -> bool:
    """Tell whether a file of results is on the site."""
    return path.suffix in ('.md', '.csv', '.png')


def site_path(path: Path) -> str | None:
    """Return the place of a file or folder on the site; None if it is not there."""
    if path.is_relative_to(DOCS):
        return 'index.md' if path == DOCS else path.relative_to(DOCS).as_posix()
    if not path.is_relative_to(ROOT):
        return None
    name = path.relative_to(ROOT).as_posix()
    if name in PAGES:
        return PAGES[name]
    if name == 'results':
        return 'results/index.md'
    parts = name.split('/')
    if parts[0] == 'results' and parts[1] in suites():
        if len(parts) == 2 or path.suffix == '.md':
            return f'results/{parts[1]}.md'
        return name if is_shown(path) else None
    return None


def rewrite_links(markdown: str, source: Path, page: str) -> str:
    """Rewrite the links of a file for its page on the site.

    A link to a file that is not on the site becomes plain text.

    Args:
        markdown: Text of the file, or a part of it.
        source: Folder of the file in the repository, from which its links start.
        page: Path of the page on the site.
    """

    def rewrite(match: re.Match[str]) -> str:
        target, _, anchor = match[3].partition('#')
        if '://' in target or not target:
            return match[0]
        found = site_path(Path(os.path.normpath(source / target)))
        if found is None:
            return match[2]
        relative = os.path.relpath(found, PurePosixPath(page).parent)
        link = f'{Path(relative).as_posix()}#{anchor}' if anchor else Path(relative).as_posix()
        return f'{match[1]}[{match[2]}]({link})'

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(rewrite, part) for part in parts[::2]]
    return ''.join(parts)
