"""Comparison of two sets of images: reading, statistics and separability."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.stats import ks_2samp

from mmsxm.comparison.set_comparison import (
    compare_boxes,
    compare_images,
    distance,
    image_statistics,
    measured,
    read_set,
)
from mmsxm.comparison.set_probe import VIEWS, separability
from mmsxm.preparing.copies import prepare_data


def test_a_simulated_set_includes_its_boxes_but_not_its_negatives(
    simulate: Callable[..., Path],
) -> None:
    found = read_set(simulate(4, 2, negatives=3))
    assert [path.name[0] for path in found.images] == 6 * ['P']
    assert {box.class_name for box in found.boxes} <= {
        'Gun',
        'Knife',
        'Pliers',
        'Scissors',
        'Wrench',
    }
    assert all(0 < box.size < 1 for box in found.boxes)


def test_a_csv_of_boxes_is_a_set_without_images(tmp_path: Path) -> None:
    path = tmp_path / 'boxes.csv'
    path.write_text(
        'xml,name,height,width,ymin,xmin,ymax,xmax\n'
        'P1.xml,KNIFE,100,400,10,20,60,220\nP1.xml,Gun,100,400,10,20,10,220\n'
    )
    found = read_set(path)
    assert found.images == []
    # 200 x 50 of 400 x 100; the second has no area
    assert found.boxes == [('Knife', 0.5, 4.0)]


def test_a_prepared_copy_can_be_read(simulate: Callable[..., Path], tmp_path: Path) -> None:
    release = simulate(4, 2, negatives=3)
    prepare_data('sixray', release, tmp_path, size=64)
    copy, original = read_set(tmp_path), read_set(release)
    assert [path.stem for path in copy.images] == [path.stem for path in original.images]
    assert len(copy.boxes) == len(original.boxes)


def test_boxes_of_opixray_are_read(tmp_path: Path) -> None:
    for folder in ('train/train_image', 'train/train_annotation'):
        (tmp_path / folder).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'train/train_image/1.jpg'), np.zeros((50, 100, 3), np.uint8))
    (tmp_path / 'train/train_annotation/1.txt').write_text('1.jpg Scissor 10 10 60 20\n')
    assert read_set(tmp_path).boxes == [('Scissor', pytest.approx(0.1**0.5), 5.0)]


@pytest.mark.parametrize(('name', 'error'), [('nowhere', FileNotFoundError), ('empty', ValueError)])
def test_a_set_without_images_is_reported(
    tmp_path: Path, name: str, error: type[Exception]
) -> None:
    (tmp_path / 'empty').mkdir()
    with pytest.raises(error, match=name):
        read_set(tmp_path / name)


def test_a_csv_without_boxes_is_reported(tmp_path: Path) -> None:
    path = tmp_path / 'labels.csv'
    path.write_text('name,Gun\nP1,1\n')
    with pytest.raises(ValueError, match=r'labels\.csv is not a CSV file of boxes'):
        read_set(path)


def test_distance_is_the_kolmogorov_smirnov_statistic() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 50).round(1), rng.normal(0.5, 1, 80).round(1)  # with ties
    assert distance(a, b) == pytest.approx(ks_2samp(a, b).statistic)
    assert distance(a, a) == 0
    assert distance([1, 2], [3, 4]) == 1


def test_statistics_separate_background_and_colors() -> None:
    image = np.full((100, 100, 3), 228, np.uint8)
    image[20:60, 20:40] = (220, 140, 40)  # orange, half of the foreground
    image[20:40, 40:60] = (0, 0, 255)  # color of opaque matter on some scanners
    image[40:60, 40:60] = (40, 40, 50)
    found = image_statistics(image)
    assert found['background grey'] == 228
    assert found['foreground share'] == pytest.approx(0.16)
    assert found['orange share'] == 0.5
    assert found['pure blue share'] == 0.25
    assert found['opaque share'] == 0.25
    assert found['green share'] == 0
    assert found['noise of the background'] == 0


def test_an_empty_belt_has_finite_statistics() -> None:
    found = image_statistics(np.full((40, 40, 3), 255, np.uint8))
    assert found['foreground share'] == 0
    assert all(map(np.isfinite, found.values()))


def test_a_set_does_not_differ_from_itself(simulate: Callable[..., Path]) -> None:
    image_set = read_set(simulate(4, 2, negatives=3))
    assert all(row['KS'] == 0 for row in compare_boxes(image_set, image_set))
    same = compare_images(('a', 'b'), image_set.images, image_set.images)
    assert all(row['KS'] == 0 for row in same)
    assert len(measured(image_set, image_set.boxes[0].class_name, 'size')) >= 1


def test_a_linear_classifier_separates_only_different_distributions() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 150, 20)).astype(np.float32)
    alike, _ = separability(a, b)
    apart, scores = separability(a, b + 2)
    assert 0.38 < alike < 0.62  # three standard deviations of the area for 150 and 150 rows
    assert apart > 0.99
    assert scores[:150].mean() < scores[150:].mean()


def test_views_remove_information() -> None:
    image = np.full((80, 100, 3), 230, np.uint8)
    image[20:60, 30:70] = (200, 120, 40)
    image[30:40, 40:50] = (20, 60, 120)
    assert (VIEWS['background made white'](image)[0, 0] == 255).all()
    assert VIEWS['white, margins cut'](image).shape == (40, 40, 3)
    grey = VIEWS['white, margins cut, grey'](image)
    assert (grey[..., 0] == grey[..., 2]).all()
    assert set(np.unique(VIEWS['silhouette'](image))) == {0, 255}
    blurred = VIEWS['white, margins cut, blurred'](image)
    assert blurred.shape == (256, 256, 3)
