"""Records of files. For damaged files and signals, see test_screening/test_screen_tool.py."""

import json
from datetime import datetime, timezone

import numpy as np
import pytest

from mmsxm.imaging.preprocessing import Preprocessing, View
from mmsxm.imaging.reading import PreprocessedFile, Unreadable
from mmsxm.inference.backends import ModelInfo, Prediction
from mmsxm.inference.calibration import Calibration
from mmsxm.inference.records import screen_files
from mmsxm.inference.verdict import regions_to_draw
from mmsxm.screening.record_validation import read_record

THRESHOLDS = {'Gun': 0.3, 'Knife': 0.8}


class Parrot:
    """Backend that returns given scores, one row per image.

    Each class has a map of its own if ``class_maps`` is set.
    """

    def __init__(
        self, scores: list[list[float]], attention: bool = True, class_maps: bool = False
    ) -> None:
        calibration = Calibration(THRESHOLDS, dict.fromkeys(THRESHOLDS, 1.0), {})
        self.info = ModelInfo('parrot', ('Gun', 'Knife'), Preprocessing((8, 16)), calibration, 'd1')
        self.scores = np.array(scores, dtype=np.float32)
        self.attention = attention
        self.class_maps = class_maps

    def __call__(self, images: np.ndarray) -> Prediction:
        assert images.shape == (len(self.scores), 8, 16, 3)
        maps = np.zeros((len(images), 4, 8), dtype=np.float32)
        maps[:, 1:3, 2:5] = 1
        weights = np.tile(np.array([0.5, 0.25, 0.25], dtype=np.float32), (len(images), 1))
        if self.class_maps:
            return Prediction.from_outputs(
                self.scores, weights, np.stack([maps, maps[..., ::-1] / 2], axis=1)
            )
        return Prediction(self.scores, maps if self.attention else None, weights)


def network_input(
    path: str, window: tuple[int, int, int, int] = (0, 0, 160, 80)
) -> PreprocessedFile:
    return PreprocessedFile(path, np.zeros((8, 16, 3), dtype=np.uint8), View((80, 160), window))


def test_records_are_in_the_order_of_the_files() -> None:
    files = [
        Unreadable('/x', 'it is empty'),
        network_input('/a'),
        Unreadable('/y', 'no'),
        network_input('/b'),
    ]
    records = [each.record for each in screen_files(Parrot([[0.3, 0.7], [0.2, 0.9]]), files)]
    assert [record['path'] for record in records] == ['/x', '/a', '/y', '/b']
    assert records[0].keys() == {'path', 'error', 'model', 'time'}
    assert records[0]['error'] == 'it is empty'
    assert [records[1]['labels'], records[3]['labels']] == [['Gun'], ['Knife']]
    assert records[1]['thresholds'] == THRESHOLDS
    assert records[1]['scores'] == pytest.approx({'Gun': 0.3, 'Knife': 0.7})
    assert records[1]['level_weights'] == [0.5, 0.25, 0.25]
    assert {record['model'] for record in records} == {'d1'}
    age = datetime.now(timezone.utc) - datetime.fromisoformat(records[1]['time'])
    assert 0 <= age.total_seconds() < 60


def test_regions_are_in_pixels_of_the_image() -> None:
    # columns 2..5 of 8 and rows 1..3 of 4 of the map, over a window of 80 x 40 at (40, 20)
    (screened,) = screen_files(
        Parrot([[0.9, 0.9]]), [network_input('/a', window=(40, 20, 120, 60))]
    )
    (region,) = screened.record['regions']
    assert region['bbox'] == pytest.approx([60, 30, 90, 50], abs=1e-3)
    assert 0 < region['score'] <= 1


def test_a_network_without_attention_has_no_regions() -> None:
    (screened,) = screen_files(Parrot([[0.9, 0.9]], attention=False), [network_input('/a')])
    assert screened.record['regions'] == []


def test_regions_of_class_wise_networks_have_a_class_with_or_without_an_alarm() -> None:
    backend = Parrot([[0.1, 0.9]], class_maps=True)
    (screened,) = screen_files(backend, [network_input('/a')])
    gun, knife = screened.record['regions']
    assert (gun['label'], gun['score']) == ('Gun', 1)
    assert gun['bbox'] == pytest.approx([40, 20, 100, 60], abs=1e-3)
    assert (knife['label'], knife['score']) == ('Knife', 0.5)
    assert knife['bbox'] == pytest.approx([60, 20, 120, 60], abs=1e-3)
    assert screened.record['labels'] == ['Knife']
    assert regions_to_draw(screened.record['regions'], screened.record['labels']) == [knife]
    line = json.dumps(screened.record).encode()
    assert read_record(line) == screened.record
    assert read_record(line.replace(b'"label": "Gun"', b'"label": "Axe"')) is None
    assert screened.drawn_map is not None
    assert screened.drawn_map.shape == (4, 8)


@pytest.mark.parametrize(('class_maps', 'highest'), [(True, 0.25), (False, 1)])
def test_the_map_to_draw_is_a_probability_or_relative(class_maps: bool, highest: float) -> None:
    class Faint(Parrot):
        def __call__(self, images: np.ndarray) -> Prediction:
            maps = np.full((len(images), 2, 4, 8), 0.25, dtype=np.float32)
            return Prediction.from_outputs(
                self.scores,
                np.ones((len(images), 1), np.float32),
                maps if class_maps else maps[:, 0],
            )

    (screened,) = screen_files(Faint([[0.1, 0.1]]), [network_input('/a')])
    assert screened.drawn_map is not None
    assert screened.drawn_map.max() == highest


def test_class_maps_that_are_not_finite_are_errors() -> None:
    class Broken(Parrot):
        def __call__(self, images: np.ndarray) -> Prediction:
            prediction = super().__call__(images)
            assert prediction.class_maps is not None
            prediction.class_maps[0, 1, 0, 0] = -np.inf
            return prediction

    (screened,) = screen_files(Broken([[0.9, 0.9]], class_maps=True), [network_input('/a')])
    assert 'not finite numbers' in screened.record['error']


def test_scores_that_are_not_finite_are_errors() -> None:
    first, second = screen_files(
        Parrot([[np.nan, 0.1], [0.9, 0.1]]), [network_input('/a'), network_input('/b')]
    )
    assert 'not finite numbers' in first.record['error']
    assert second.record['labels'] == ['Gun']


def test_the_network_is_not_run_on_an_empty_batch() -> None:
    (screened,) = screen_files(Parrot([]), [Unreadable('/x', 'it is empty')])
    assert screened.record['error'] == 'it is empty'


def test_the_preprocessing_of_a_network_has_its_old_name_for_one_release() -> None:
    info = Parrot([[0.9, 0.9]]).info
    with pytest.warns(DeprecationWarning, match='now called ModelInfo.preprocessing'):
        assert info.preparation is info.preprocessing
