import numpy as np
import pytest

from mmsxm.inference.verdict_picture import SIDES, draw_verdict
from mmsxm.visualization.overlays import TEXT_HEIGHT

RECORD = {'labels': [], 'scores': {'Gun': 0.2}, 'regions': [], 'level_weights': [1.0]}


@pytest.mark.parametrize('shape', [(2, 5000), (5000, 2), (1, 3000), (3, 100_000), (40, 60)])
def test_images_of_any_shape_are_drawn_with_their_attention(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 255, np.uint8)
    window = (0, 0, shape[1], shape[0])
    plain = draw_verdict(image, RECORD, None, window)
    marked = draw_verdict(image, RECORD, np.ones((8, 8), np.float32), window)
    assert marked.shape == plain.shape
    assert (marked[0, 0] != plain[0, 0]).any()
    assert max(marked.shape[:2]) <= SIDES[1] + 100  # and the caption


def test_a_window_at_the_very_edge_is_drawn() -> None:
    image = np.full((5000, 5000, 3), 255, np.uint8)
    attention_map = np.ones((8, 8), np.float32)
    marked = draw_verdict(image, RECORD, attention_map, (4999, 4999, 5000, 5000))
    assert (marked[1023, 1023] != 255).any()


def test_regions_of_classes_without_an_alarm_are_not_drawn() -> None:
    image = np.full((400, 600, 3), 255, np.uint8)
    box = [100, 100, 300, 200]
    changed = {}
    for labels, region in (
        ([], {}),  # a network with one map for all classes
        (['Gun'], {'label': 'Gun'}),
        ([], {'label': 'Gun'}),
    ):
        record = {**RECORD, 'labels': labels, 'regions': [{'bbox': box, 'score': 0.9, **region}]}
        drawn = draw_verdict(image, record, None, (0, 0, 600, 400))[:400]
        changed[len(labels), len(region)] = (drawn != 255).any(axis=2).sum()
    assert changed[0, 1] == 0
    assert changed[1, 1] > changed[0, 0] > 0  # the name is drawn with the box


def test_level_weights_are_written_only_where_levels_are_weighed() -> None:
    image = np.full((400, 600, 3), 255, np.uint8)
    heights = [
        draw_verdict(image, {**RECORD, 'level_weights': weights}, None, (0, 0, 600, 400)).shape[0]
        for weights in ([0.8, 0.2], [0.5, 0.5], [1.0])
    ]
    assert heights[0] - TEXT_HEIGHT == heights[1] == heights[2]


def test_a_region_with_a_class_is_drawn_with_its_score() -> None:
    image = np.full((400, 600, 3), 255, np.uint8)
    pictures = []
    for score in (0.31, 0.98):
        region = {'bbox': [100, 100, 300, 200], 'score': score, 'label': 'Gun'}
        record = {**RECORD, 'labels': ['Gun'], 'regions': [region]}
        pictures.append(draw_verdict(image, record, None, (0, 0, 600, 400)))
    assert (pictures[0] != pictures[1]).any()
