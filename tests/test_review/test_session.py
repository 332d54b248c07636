import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.inference.backends import ModelInfo, Prediction
from mmsxm.inference.calibration import Calibration
from mmsxm.review.decision_log import read_decisions
from mmsxm.review.session import Session

CLASSES = ('Gun', 'Knife')
INFO = ModelInfo('net', CLASSES, Preprocessing((8, 8)), Calibration.default(CLASSES), 'a' * 64)


class Brightness:
    """Backend whose Gun score is the brightness, with attention on the left half."""

    info = INFO

    def __call__(self, images: np.ndarray) -> Prediction:
        gun = images.mean(axis=(1, 2, 3), dtype=np.float32) / 255
        maps = np.zeros(images.shape[:3], np.float32)
        maps[:, :, :4] = 1
        weights = np.tile(np.array([1, 0, 0], np.float32), (len(images), 1))
        return Prediction(np.stack([gun, 0 * gun], axis=1), maps, weights)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    path = tmp_path / 'bag.png'
    cv2.imwrite(str(path), np.full((40, 60, 3), 230, np.uint8))
    return path


def write_results(path: Path, bag: Path, **more: Any) -> Path:
    (case,) = Session(path.with_name('log'), Brightness()).screen([str(bag)])
    path.write_text(json.dumps({**case.record, **more}) + '\n')
    return path


def test_dropped_files_become_cases_whatever_they_contain(tmp_path: Path, bag: Path) -> None:
    (tmp_path / 'text.jpg').write_text('no image')
    session = Session(tmp_path / 'log', Brightness())
    good, bad = session.screen([str(bag), str(tmp_path / 'text.jpg')])
    assert (good.name, good.record['labels']) == ('bag.png', ['Gun'])
    assert bad.name == 'text.jpg'
    assert bad.record['error'].startswith('the file is not an image')


def test_results_of_the_network_with_another_config_are_rejected(tmp_path: Path, bag: Path) -> None:
    network = Brightness()
    network.info = replace(INFO, config_digest='c' * 64)
    results = write_results(tmp_path / 'r.jsonl', bag, config_digest='d' * 64)
    with pytest.raises(ValueError, match=r'but another config\. Use the config'):
        Session(tmp_path / 'log', network, results)
    Session(tmp_path / 'log', network, write_results(tmp_path / 'old.jsonl', bag))


def test_the_image_of_a_case_has_the_attention_of_the_network(tmp_path: Path, bag: Path) -> None:
    session = Session(tmp_path / 'log', Brightness())
    loaded = session.load_image(session.screen([str(bag)])[0])
    assert loaded.image.shape == (40, 60, 3)
    assert loaded.window == (0, 0, 60, 40)
    assert loaded.attention_map is not None
    assert loaded.attention_map[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_results_without_a_network_have_no_attention_or_uploads(tmp_path: Path, bag: Path) -> None:
    session = Session(tmp_path / 'log', results=write_results(tmp_path / 'r.jsonl', bag))
    assert (session.classes, session.calibrated) == (CLASSES, [0.5, 0.5])
    assert session.load_image(session.review().cases[0]).attention_map is None
    with pytest.raises(ValueError, match='cannot be added without a network'):
        session.screen([str(bag)])


def test_decisions_are_kept_for_the_next_review(tmp_path: Path, bag: Path) -> None:
    log = tmp_path / 'new' / 'log'
    session = Session(log, Brightness(), write_results(tmp_path / 'r.jsonl', bag))
    session.decide(session.review(), 0, 'clear', 'a lamp', np.array([0.5, 0.5]))
    assert [each.comment for each in read_decisions(log)] == ['a lamp']
    assert session.review().verdicts == {0: 'clear'}


def test_results_of_another_network_are_rejected(tmp_path: Path, bag: Path) -> None:
    results = write_results(tmp_path / 'r.jsonl', bag, model='b' * 64)
    with pytest.raises(
        ValueError, match='is from the network bbbbbbbb, but the current network is aaaaaaaa'
    ):
        Session(tmp_path / 'log', Brightness(), results)


def test_the_log_cannot_be_the_results_file(tmp_path: Path, bag: Path) -> None:
    results = write_results(tmp_path / 'r.jsonl', bag)
    before = results.read_bytes()
    with pytest.raises(
        ValueError, match=r'is the results file\. Use another file for the decisions'
    ):
        Session(results, Brightness(), results)
    assert results.read_bytes() == before


def test_there_must_be_something_to_review(tmp_path: Path) -> None:
    (tmp_path / 'r.jsonl').touch()
    with pytest.raises(ValueError, match='contains no screened image'):
        Session(tmp_path / 'log', results=tmp_path / 'r.jsonl')
    with pytest.raises(ValueError, match='neither a network nor a results file'):
        Session(tmp_path / 'log')


def test_a_decision_that_cannot_be_logged_does_not_count(tmp_path: Path, bag: Path) -> None:
    log = tmp_path / 'log'
    session = Session(log, Brightness(), write_results(tmp_path / 'r.jsonl', bag))
    review = session.review()
    log.unlink()
    log.mkdir()  # a folder cannot be appended to
    with pytest.raises(OSError, match='log'):
        session.decide(review, 0, 'clear', '', np.array([0.5, 0.5]))
    assert review.verdicts == {}
