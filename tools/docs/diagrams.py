"""Draw the diagrams of the networks in docs/models as SVG.

python tools/docs/diagrams.py

A test compares the committed files with what this script writes.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

OUT = Path(__file__).resolve().parents[2] / 'docs' / 'models' / 'images'
# of Okabe and Ito, lightened: input, backbone, pyramid, attention, scores
IMAGE, BACKBONE, PYRAMID, ATTENTION, SCORES = '#f2f2f2', '#d9e8f5', '#d5efe3', '#fbe3cf', '#f3dbe8'
LEVELS = ('P3', 'P4', 'P5')
ROWS = (120, 205, 290)  # y of the boxes of P3, P4, P5
HEIGHT = 56  # of a box

Point = tuple[float, float]

STYLE = """
  text { font: 14px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1b1b1b; }
  .small { font-size: 11.5px; fill: #444; }
  .note { font-size: 12.5px; fill: #444; font-style: italic; }
  rect { stroke: #555; stroke-width: 1.2; }
  path { stroke: #333; stroke-width: 1.4; fill: none; marker-end: url(#tip); }
  .loss { stroke-dasharray: 5 4; }
"""


def box(x: float, y: float, width: float, title: str, below: str, fill: str) -> str:
    """Return a box with a title and a small line below it; (x, y) is the upper left corner."""
    middle = x + width / 2
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{HEIGHT}" rx="6" fill="{fill}"/>'
        f'<text x="{middle}" y="{y + 24}" text-anchor="middle">{escape(title)}</text>'
        f'<text x="{middle}" y="{y + 43}" text-anchor="middle" class="small">{escape(below)}</text>'
    )


def arrow(*points: Point, loss: bool = False) -> str:
    """Return an arrow along points; a dashed one leads to a loss."""
    path = ' L '.join(f'{x:g} {y:g}' for x, y in points)
    return f'<path d="M {path}"{" class=" + chr(34) + "loss" + chr(34) if loss else ""}/>'


def note(x: float, y: float, text: str, anchor: str = 'start') -> str:
    """Return a line of explanation."""
    return f'<text x="{x}" y="{y}" class="note" text-anchor="{anchor}">{escape(text)}</text>'


def picture(width: int, height: int, title: str, parts: Iterator[str]) -> str:
    """Return a whole SVG on a white background, readable on light and dark pages."""
    body = '\n'.join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f'<title>{escape(title)}</title>\n<style>{STYLE}</style>\n'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M 0 0 L 8 4 L 0 8 z" '
        'style="fill: #333; stroke: none; marker-end: none"/></marker></defs>\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#fff" style="stroke: none"/>\n'
        f'{body}\n</svg>\n'
    )


def middle(row: float) -> float:
    """Return the y of the middle of a box."""
    return row + HEIGHT / 2


def pyramid_parts(backbone: str, top_down: bool = True) -> Iterator[str]:
    """Yield image, backbone and the three levels of a pyramid."""
    yield box(15, ROWS[1], 95, 'image', '3 x 224 x 224', IMAGE)
    yield arrow((110, middle(ROWS[1])), (139, middle(ROWS[1])))
    yield f'<rect x="140" y="{ROWS[0]}" width="110" height="226" rx="6" fill="{BACKBONE}"/>'
    yield f'<text x="195" y="{middle(ROWS[1])}" text-anchor="middle">{backbone}</text>'
    yield '<text x="195" y="252" text-anchor="middle" class="small">C3, C4, C5</text>'
    for row, level, size in zip(ROWS, LEVELS, (28, 14, 7), strict=True):
        yield box(290, row, 105, level, f'256 x {size} x {size}', PYRAMID)
        yield arrow((250, middle(row)), (289, middle(row)))
    if top_down:
        for upper, lower in itertools.pairwise(ROWS):
            yield arrow((342, lower), (342, upper + HEIGHT + 1))


def sxmnet() -> str:
    """Draw SXMNet with both stages."""

    def parts() -> Iterator[str]:
        yield from pyramid_parts('ResNet-50')
        yield box(430, 20, 120, 'attention', 'map 28 x 28', ATTENTION)
        yield box(590, 20, 145, 'Upsample Module', 'map M, 56 x 56', ATTENTION)
        yield arrow((342, ROWS[0]), (342, 62), (429, 62))
        yield arrow((62, ROWS[1]), (62, 34), (429, 34))
        yield arrow((550, 48), (589, 48))
        yield arrow((62, 34), (62, 10), (655, 10), (655, 19))
        yield box(790, 20, 155, 'Stage I: L_att', 'MSE to ellipses', IMAGE)
        yield arrow((735, 48), (789, 48), loss=True)
        for row, level in zip(ROWS, LEVELS, strict=True):
            yield box(430, row, 120, f'{level} x M', 'by M / mean(M)', ATTENTION)
            yield arrow((395, middle(row)), (429, middle(row)))
            yield box(620, row, 100, f'y{level[1]}', 'pool, Linear', SCORES)
            yield arrow((550, middle(row)), (619, middle(row)))
            yield arrow((720, middle(row)), (789, middle(ROWS[1]) + (row - ROWS[1]) / 6))
        yield arrow((655, 76), (655, 98), (490, 98), (490, ROWS[0] - 1))
        yield box(790, ROWS[1], 155, 'y = sum of w_l y_l', 'C logits (Eq. 2)', SCORES)
        yield box(590, 375, 130, 'meta-selection', 'weights w, softmax', SCORES)
        for offset, row in zip((0, 6, 12), ROWS, strict=True):
            yield arrow(
                (550, middle(row) + 12),
                (574 + offset, middle(row) + 12),
                (574 + offset, 390),
                (589, 390 + offset),
            )
        yield arrow((720, 403), (866, 403), (866, ROWS[1] + HEIGHT + 1))
        yield box(790, ROWS[0] - 20, 155, 'Stage II: L_cls', 'BCE + 0.1 L_meta', IMAGE)
        yield arrow((866, ROWS[1]), (866, ROWS[0] + 37), loss=True)
        yield note(
            15,
            462,
            'Dashed: losses. Stage I trains backbone, pyramid and attention. '
            'Stage II trains all parts on labels. M refines all three levels.',
        )

    return picture(960, 478, 'SXMNet', parts())


def fpn() -> str:
    """Draw the feature pyramid with the average of its levels."""

    def parts() -> Iterator[str]:
        yield from pyramid_parts('ResNet-50')
        for row, level in zip(ROWS, LEVELS, strict=True):
            yield box(460, row, 110, f'y{level[1]}', 'pool, Linear', SCORES)
            yield arrow((395, middle(row)), (459, middle(row)))
            yield arrow((570, middle(row)), (659, middle(ROWS[1]) + (row - ROWS[1]) / 6))
        yield box(660, ROWS[1], 150, 'y = mean of y_l', 'C logits (Eq. 1)', SCORES)
        yield note(15, 385, 'The plain network has C5 only, with one pooling and one Linear.')

    return picture(830, 400, 'Feature pyramid network', parts())


def chr_network() -> str:
    """Draw CHR, class-balanced hierarchical refinement."""

    def parts() -> Iterator[str]:
        yield box(15, ROWS[1], 95, 'image', '3 x 224 x 224', IMAGE)
        yield arrow((110, middle(ROWS[1])), (139, middle(ROWS[1])))
        yield f'<rect x="140" y="{ROWS[0]}" width="110" height="226" rx="6" fill="{BACKBONE}"/>'
        yield f'<text x="195" y="{middle(ROWS[1])}" text-anchor="middle">ResNet-101</text>'
        levels = ((512, 28, 'concat, 1x1'), (1024, 14, 'concat, 1x1'), (2048, 7, '1x1'))
        for row, level, (channels, size, step) in zip(ROWS, LEVELS, levels, strict=True):
            yield box(285, row, 125, f'C{level[1]}', f'{channels} x {size} x {size}', BACKBONE)
            yield arrow((250, middle(row)), (284, middle(row)))
            yield box(460, row, 125, f'refined {level}', step, PYRAMID)
            yield arrow((410, middle(row)), (459, middle(row)))
            yield box(640, row, 105, f'y{level[1]}', 'pool, Linear', SCORES)
            yield arrow((585, middle(row)), (639, middle(row)))
            yield box(800, row, 130, f'BCE of y{level[1]}', 'a loss per level', IMAGE)
            yield arrow((745, middle(row)), (799, middle(row)), loss=True)
        yield arrow(
            (410, middle(ROWS[2]) - 10),
            (435, middle(ROWS[2]) - 10),
            (435, middle(ROWS[1]) + 10),
            (459, middle(ROWS[1]) + 10),
        )
        yield arrow((522, ROWS[1]), (522, ROWS[0] + HEIGHT + 1))
        yield note(
            15,
            385,
            'Coarse levels are upsampled and concatenated. '
            'At test time, y is the mean of y3, y4 and y5.',
        )

    return picture(945, 400, 'CHR', parts())


def class_evidence() -> str:
    """Draw class evidence."""

    def parts() -> Iterator[str]:
        yield from pyramid_parts('ResNet-50')
        for row, level in zip(ROWS, LEVELS, strict=True):
            yield box(430, row, 130, f'z of {level}', 'ReLU, 1x1: C maps', ATTENTION)
            yield arrow((395, middle(row)), (429, middle(row)))
            yield box(620, row, 120, f's{level[1]}', 'log-mean-exp + b', SCORES)
            yield arrow((560, middle(row)), (619, middle(row)))
            yield arrow((740, middle(row)), (794, middle(ROWS[1]) + (row - ROWS[1]) / 6))
        yield box(795, ROWS[1], 150, 's = mean of s_l', 'C logits, BCE', SCORES)
        yield box(430, 20, 130, 'focal loss', 'ellipses of each class', IMAGE)
        yield arrow((495, ROWS[0]), (495, 77), loss=True)
        yield arrow((430, ROWS[1] + 12), (412, ROWS[1] + 12), (412, 48), (429, 48), loss=True)
        yield note(
            15,
            385,
            'C classes. The maps of the two finest levels learn from boxes, where there are boxes.',
        )

    return picture(960, 400, 'Class evidence', parts())


DIAGRAMS: dict[str, Callable[[], str]] = {
    'sxmnet.svg': sxmnet,
    'fpn.svg': fpn,
    'chr.svg': chr_network,
    'class_evidence.svg': class_evidence,
}


def main() -> None:
    """Write all diagrams."""
    OUT.mkdir(exist_ok=True)
    for name, draw in DIAGRAMS.items():
        (OUT / name).write_text(draw(), encoding='utf-8')


if __name__ == '__main__':
    main()
