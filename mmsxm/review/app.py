"""Review page: a gradio app around a :class:`~mmsxm.review.session.Session`.

An operator looks at screened bags, the riskiest first, and makes a decision on each. See
docs/review.md.
"""

import os
from collections.abc import Callable
from typing import Any

from mmsxm.conventions import level_names
from mmsxm.imaging.images import ImageError
from mmsxm.review.cases import STEP, VIEWS, Review, alarms, thresholds_at
from mmsxm.review.page import (
    Bar,
    QueueRow,
    bars_html,
    escape_html,
    image_html,
    queue_html,
    tile_html,
)
from mmsxm.review.session import Session

os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'  # must be set before gradio is imported
import gradio as gr

LISTED = 200  # maximum number of rows in the queue
LONGEST_COMMENT = 1000  # characters
SELECT_ROW = """element.addEventListener('click', (event) => {
    const row = event.target.closest('button[data-index]');
    if (row) trigger('select', {index: Number(row.dataset.index)});
});"""
SET_OPACITY = "(value) => document.documentElement.style.setProperty('--attention', value)"
SHOW_REGIONS = "(on) => document.documentElement.style.setProperty('--regions', on ? 1 : 0)"


def draw_bag(session: Session, review: Review, index: int) -> str:
    """Return the HTML of a bag, or of the reason why it cannot be shown."""
    if not review.cases:
        return '<p class="message">There are no images yet. Drop some on the left.</p>'
    case = review.cases[index]
    if 'error' in case.record:
        return f'<p class="message">Not screened: {escape_html(case.record["error"])}</p>'
    try:
        bag = session.load_image(case)
    except (ImageError, OSError) as error:
        return f'<p class="message">Cannot show this image: {escape_html(str(error))}</p>'
    return image_html(*bag, case.record['regions'], session.classes)


def draw_lists(
    session: Session, review: Review, index: int, view: str, positions: Any
) -> list[str]:
    """Return what depends on thresholds: summary, queue, scores of the bag, a tile per class."""
    thresholds = thresholds_at(positions, session.calibrated)
    order = review.order(thresholds, view)
    rows = [
        QueueRow(
            number,
            review.cases[number].name,
            review.labels(number, thresholds),
            review.cases[number].record.get('error', ''),
            review.verdicts.get(number, ''),
        )
        for number in order[:LISTED]
    ]
    bags = int(alarms(review.scores, thresholds).any(axis=1).sum())
    errors = sum('error' in case.record for case in review.cases)
    counts = [f'{len(review.cases):,} images', f'{bags:,} with alarms']
    counts += [f'{errors:,} not screened'] if errors else []
    summary = ' · '.join([*counts, f'{len(review.verdicts):,} decided'])
    record = review.cases[index].record if review.cases else {}
    bars = [
        Bar(name, record['scores'][name], threshold, record['scores'][name] >= threshold)
        for name, threshold in zip(session.classes, thresholds.tolist(), strict=True)
        if 'scores' in record
    ]
    tiles = zip(
        session.classes,
        review.count(thresholds),
        review.count(thresholds_at(session.calibrated, session.calibrated)),
        session.calibrated,
        strict=True,
    )
    return [
        f'<p class="summary">{summary}</p>',
        queue_html(rows, index, len(order) - len(rows)),
        bars_html(bars),
        *(tile_html(*tile) for tile in tiles),
    ]


def draw_case(session: Session, review: Review, index: int) -> list[str]:
    """Return what depends only on the image: its name, the bag and its level weights."""
    if not review.cases:
        return ['', draw_bag(session, review, index), '']
    case = review.cases[index]
    weights = case.record.get('level_weights', ())
    levels = zip(level_names(len(weights)), weights, strict=True)
    return [
        f'<p class="name" title="{escape_html(case.name)}">{escape_html(case.name)}</p>',
        draw_bag(session, review, index),
        bars_html(Bar(name, weight) for name, weight in levels),
    ]


def build_page(session: Session) -> gr.Blocks:
    """Build the layout and the event handlers of the page."""
    with gr.Blocks(title='X-ray review', analytics_enabled=False, fill_width=True) as page:
        review, index = gr.State(), gr.State(0)
        gr.HTML(
            f'<header><h1>X-ray review</h1><span>network {escape_html(session.name)}</span>'
            f'<span>decisions go to {escape_html(str(session.log))}</span></header>'
        )
        with gr.Row(elem_id='session', equal_height=False):
            with gr.Column(scale=4, min_width=280):
                drop = gr.File(
                    label='Drop images',
                    file_count='multiple',
                    height=64,
                    visible=session.backend is not None,
                    elem_id='drop',
                )
                summary = gr.HTML(elem_id='summary')
                view = gr.Radio(VIEWS, value='All', show_label=False, container=False)
                queue = gr.HTML(elem_id='queue', js_on_load=SELECT_ROW)
            with gr.Column(scale=7, min_width=320):
                name = gr.HTML(elem_id='name')
                bag = gr.HTML(elem_id='bag')
                with gr.Row(elem_id='layers'):
                    gr.HTML('<h2>Attention</h2>', min_width=60, elem_id='attention')
                    opacity = gr.Slider(
                        0,
                        1,
                        0.5,
                        step=0.05,
                        label='Attention',
                        elem_id='opacity',
                        elem_classes='line',
                        container=False,
                        show_label=False,
                        buttons=[],
                    )
                    regions = gr.Checkbox(True, label='Candidate regions', elem_id='regions')
            with gr.Column(scale=4, min_width=260):
                gr.HTML('<h2>Scores<small> and thresholds</small></h2>')
                scores = gr.HTML(elem_id='scores')
                gr.HTML('<h2>Level weights</h2>')
                levels = gr.HTML(elem_id='levels')
                gr.HTML('<h2>Decision</h2>')
                comment = gr.Textbox(
                    placeholder='Comment', show_label=False, lines=2, max_length=LONGEST_COMMENT,
                    elem_id='comment',
                )  # fmt: skip
                with gr.Row():
                    confirm = gr.Button('Confirm', variant='primary', size='sm', min_width=60)
                    clear = gr.Button('Clear', size='sm', min_width=60)
                    remark = gr.Button('Comment only', size='sm', min_width=60)
                notice = gr.HTML(elem_id='notice')
        with gr.Row(elem_id='thresholds'):
            tiles, sliders = [], []
            for number, (class_name, mark) in enumerate(
                zip(session.classes, session.calibrated, strict=True)
            ):
                with gr.Column(min_width=150):
                    tiles.append(gr.HTML())
                    slider = gr.Slider(
                        0,
                        1,
                        round(mark, 3),
                        step=STEP,
                        label=class_name,
                        show_label=False,
                        container=False,
                        elem_id=f'threshold-{number}',
                        elem_classes=['line', 'threshold'],
                        buttons=[],
                    )
                    sliders.append(slider)
            reset = gr.Button('Reset to calibrated', size='sm', min_width=140, scale=0)

        lists = [summary, queue, scores, *tiles]
        case = [name, bag, levels]
        state = [review, index, view, *sliders]

        def render(review: Review, index: int, view: str, positions: Any) -> list[Any]:
            lists = draw_lists(session, review, index, view, positions)
            return [index, *lists, *draw_case(session, review, index)]

        def riskiest(review: Review, view: str, positions: Any, default: int = 0) -> int:
            order = review.order(thresholds_at(positions, session.calibrated), view)
            return order[0] if order else default

        def begin(view: str, *positions: float) -> list[Any]:
            review = session.review()
            return [review, *render(review, riskiest(review, view, positions), view, positions)]

        def add(files: list[str], review: Review, _: int, view: str, *positions: float) -> list:
            review.add(session.screen(files))
            return [None, *render(review, riskiest(review, view, positions), view, positions)]

        def choose(
            event: gr.EventData, review: Review, index: int, view: str, *positions: float
        ) -> list[Any]:
            selected = event._data.get('index')
            if type(selected) is int and selected in range(len(review.cases)):
                index = selected
            return render(review, index, view, positions)

        def relabel(review: Review, index: int, view: str, *positions: float) -> list[str]:
            return draw_lists(session, review, index, view, positions)

        def recalibrate(review: Review, index: int, view: str) -> list[Any]:
            marks = [round(mark, 3) for mark in session.calibrated]
            return [*marks, *draw_lists(session, review, index, view, marks)]

        def decide(verdict: str) -> Callable[..., list[Any]]:
            def act(
                text: str, review: Review, index: int, view: str, *positions: float
            ) -> list[Any]:
                if not review.cases:
                    raise gr.Error('There is no image to decide on. Drop an image first.')
                if verdict == 'comment' and not text.strip():
                    raise gr.Error('Write a comment first.')
                if len(text) > LONGEST_COMMENT:  # requests can bypass the limit in the browser
                    raise gr.Error(f'A comment can have at most {LONGEST_COMMENT:,} characters.')
                thresholds = thresholds_at(positions, session.calibrated)
                session.decide(review, index, verdict, text.strip(), thresholds)
                note = f'<p>Logged: {verdict}, {escape_html(review.cases[index].name)}</p>'
                if verdict != 'comment':
                    index = riskiest(review, 'To do', positions, default=index)
                return ['', note, *render(review, index, view, positions)]

            return act

        silent: dict[str, Any] = {'show_progress': 'hidden', 'api_visibility': 'private'}
        everything = [index, *lists, *case]
        page.load(begin, [view, *sliders], [review, *everything], **silent)
        drop.upload(add, [drop, *state], [drop, *everything], api_visibility='private')
        queue.select(choose, state, everything, **silent)
        view.change(relabel, state, lists, **silent)
        moved = [slider.input for slider in sliders]
        gr.on(moved, relabel, state, lists, trigger_mode='always_last', **silent)
        reset.click(recalibrate, [review, index, view], [*sliders, *lists], **silent)
        for button, verdict in ((confirm, 'confirm'), (clear, 'clear'), (remark, 'comment')):
            inputs = [comment, *state]
            button.click(decide(verdict), inputs, [comment, notice, *everything], **silent)
        opacity.input(None, opacity, js=SET_OPACITY)
        regions.input(None, regions, js=SHOW_REGIONS)
    return page


def light_theme() -> gr.themes.Base:
    """Return a light theme that uses system fonts."""
    return gr.themes.Base(
        primary_hue='blue',
        neutral_hue='slate',
        text_size='sm',
        spacing_size='sm',
        radius_size='sm',
        font=['system-ui', 'sans-serif'],
        font_mono=['ui-monospace', 'monospace'],
    ).set(
        body_background_fill='#f4f6f8',
        block_background_fill='transparent',
        block_border_width='0px',
        block_padding='0px',
        slider_color='#1f4e79',
        checkbox_background_color_selected='#1f4e79',
        button_primary_background_fill='#1f4e79',
        button_secondary_background_fill='#ffffff',
        button_secondary_border_color='#b4c0cc',
        button_border_width='1px',
    )
