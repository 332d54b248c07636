import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmsxm.imaging.pixel_mapping import PixelMapping
from mmsxm.review.decision_log import read_decisions
from mmsxm.review.session import Session

CLASSES = ('Gun', 'Knife')
HALF = np.array([0.5, 0.5])


@pytest.fixture
def results(tmp_path: Path, bag: Path, network: Any) -> Callable[..., Path]:
    """Return a function that writes the result of the bag, with changed fields."""

    def write(name: str = 'r.jsonl', **more: Any) -> Path:
        case = Session(tmp_path / 'log', network).screen(str(bag), bag.name)
        path = tmp_path / name
        path.write_text(json.dumps({**case.record, **more}) + '\n')
        return path

    return write


def test_added_files_become_cases_whatever_they_contain(
    tmp_path: Path, bag: Path, network: Any
) -> None:
    (tmp_path / 'text.jpg').write_text('no image')
    session = Session(tmp_path / 'log', network)
    good = session.screen(str(bag), bag.name)
    bad = session.screen(str(tmp_path / 'text.jpg'), 'text.jpg')
    assert (good.name, good.record['labels']) == ('bag.png', ['Gun'])
    assert bad.name == 'text.jpg'
    assert bad.record['error'].startswith('the file is not an image')


def test_results_of_the_network_with_another_config_are_rejected(
    tmp_path: Path, network: Any, results: Callable[..., Path]
) -> None:
    network.info = replace(network.info, config_digest='c' * 64)
    path = results(config_digest='d' * 64)
    with pytest.raises(ValueError, match=r'but another config\. Use the config'):
        Session(tmp_path / 'log', network, path)
    network.info = replace(network.info, config_digest='')
    old = results('old.jsonl')
    network.info = replace(network.info, config_digest='c' * 64)
    Session(tmp_path / 'log', network, old)


def test_the_image_of_a_case_has_the_attention_of_the_network(
    tmp_path: Path, bag: Path, network: Any
) -> None:
    session = Session(tmp_path / 'log', network)
    case = session.screen(str(bag), bag.name)
    assert session.load_image(case).shape == (40, 60, 3)
    attention = session.load_attention(case)
    assert attention is not None
    assert attention.view.window == (0, 0, 60, 40)
    assert attention.map[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_results_without_a_network_have_no_attention_and_no_added_images(
    tmp_path: Path, bag: Path, results: Callable[..., Path]
) -> None:
    session = Session(tmp_path / 'log', results=results())
    assert (session.classes, session.calibrated) == (CLASSES, [0.5, 0.5])
    assert session.load_attention(session.review().cases[0]) is None
    with pytest.raises(ValueError, match='cannot be added without a network'):
        session.screen(str(bag), bag.name)


def test_results_alone_show_16_bit_images_as_the_network_saw_them(
    tmp_path: Path, network: Any, results: Callable[..., Path]
) -> None:
    values = np.linspace(0, 4095, 40 * 60).reshape(40, 60).astype(np.uint16)
    bag = tmp_path / 'bag.png'
    cv2.imwrite(str(bag), values)
    preprocessing = replace(network.info.preprocessing, mapping=PixelMapping((0, 4095)))
    network.info = replace(network.info, preprocessing=preprocessing)
    session = Session(tmp_path / 'log', results=results(path=str(bag)))
    image = session.load_image(session.review().cases[0])
    assert (image[0, 0, 0], image[-1, -1, 0]) == (0, 255)
    old = Session(tmp_path / 'log', results=results('old.jsonl', path=str(bag), window=None))
    assert old.load_image(old.review().cases[0]).max() == 4095 >> 8


def test_decisions_are_kept_for_the_next_review(
    tmp_path: Path, network: Any, results: Callable[..., Path]
) -> None:
    log = tmp_path / 'new' / 'log'
    session = Session(log, network, results())
    session.decide(session.review(), 0, 'clear', 'a lamp', 'A. Smith')
    (decision,) = read_decisions(log)
    assert (decision.comment, decision.operator) == ('a lamp', 'A. Smith')
    assert session.review().verdicts == {0: 'clear'}


def test_results_of_another_network_are_rejected(
    tmp_path: Path, network: Any, results: Callable[..., Path]
) -> None:
    with pytest.raises(
        ValueError, match='is from the network bbbbbbbb, but the current network is aaaaaaaa'
    ):
        Session(tmp_path / 'log', network, results(model='b' * 64))


def test_new_results_of_another_network_are_rejected_each_time(
    tmp_path: Path, network: Any, results: Callable[..., Path]
) -> None:
    path = results()
    other = path.read_text().replace('a' * 64, 'b' * 64)
    path.write_text('')
    session = Session(tmp_path / 'log', network, path)
    path.write_text(other)
    for _ in range(2):
        with pytest.raises(ValueError, match='is from the network bbbbbbbb'):
            session.read_new_cases()


def test_the_log_cannot_be_the_results_file(network: Any, results: Callable[..., Path]) -> None:
    path = results()
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match=r'is the results file\. Use another file for the decisions'
    ):
        Session(path, network, path)
    assert path.read_bytes() == before


def test_there_must_be_something_to_review(tmp_path: Path) -> None:
    (tmp_path / 'r.jsonl').touch()
    with pytest.raises(ValueError, match='contains no screened image'):
        Session(tmp_path / 'log', results=tmp_path / 'r.jsonl')
    with pytest.raises(ValueError, match='neither a network nor a results file'):
        Session(tmp_path / 'log')


def test_a_decision_that_cannot_be_logged_does_not_count(
    tmp_path: Path, network: Any, results: Callable[..., Path]
) -> None:
    log = tmp_path / 'log'
    session = Session(log, network, results())
    review = session.review()
    log.unlink()
    log.mkdir()  # a folder cannot be appended to
    with pytest.raises(OSError, match='log'):
        session.decide(review, 0, 'clear', '', 'A. Smith')
    assert review.verdicts == {}
