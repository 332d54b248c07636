"""Files in 8-bit integers keep their scores within bounds and contain no thresholds.

NNCF takes seconds, so a network is quantized only once.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.inference.backends import ModelInfo
from mmsxm.inference.backends.exported import INT8, METADATA, PRECISION, read_description
from mmsxm.inference.backends.openvino_backend import OpenVINOBackend
from mmsxm.inference.calibration import Calibration
from mmsxm.inference.int8_export import export_int8
from mmsxm.inference.quantization import ScoreChange, fold_constants, score_change, split_images
from mmsxm.models import ScreeningNetwork
from mmsxm.registry import MODELS

ov = pytest.importorskip('openvino', reason='needs the extra [int8]')
pytest.importorskip('onnxscript', reason='needs the extra [int8]')
pytest.importorskip('nncf', reason='needs the extra [int8]')

CLASSES = ('Gun', 'Knife')
SIZE = (64, 72)
BRIGHT = 255
INFO = ModelInfo(
    name='small',
    classes=CLASSES,
    preprocessing=Preprocessing(size=SIZE),
    calibration=Calibration(
        thresholds={'Gun': 0.25, 'Knife': 0.75},
        slope=dict.fromkeys(CLASSES, 2.0),
        offset=dict.fromkeys(CLASSES, -1.0),
        origin={'list': 'val.csv'},
    ),
    digest='0' * 64,
    config_digest='1' * 64,
)


def images(number: int) -> np.ndarray:
    """Return dark images, all but the first one."""
    random = np.random.default_rng(0)
    dark = random.integers(0, 40, (number, *SIZE, 3), dtype=np.uint8)
    dark[0, 16:48, 16:48] = BRIGHT
    return dark


@pytest.fixture(scope='module')
def network() -> ScreeningNetwork:
    """Return an SXMNet whose backbone has depthwise convolutions, with random weights."""
    from mmengine.registry import init_default_scope

    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmsxm.SXMNet',
            backbone=dict(type='MobileNetV2', widen_factor=0.25, out_indices=(2, 4, 7)),
            neck=dict(type='mmsxm.FPN', in_channels=[8, 24, 1280], out_channels=16),
            attention_head=dict(
                type='mmsxm.BottomUpAttentionHead', in_channels=16, loss_weight=0.0
            ),
            refinement=dict(type='mmsxm.NormalizedRefinement'),
            head=dict(type='mmsxm.MetaFusionHead', num_classes=2, in_channels=[16, 16, 16]),
            data_preprocessor=dict(mean=[110.0] * 3, std=[50.0] * 3, to_rgb=True),
        )
    )
    model.init_weights()
    return ScreeningNetwork(model, [2.0] * 2, [-1.0] * 2).requires_grad_(False)


@pytest.fixture(scope='module')
def mapped() -> list[str]:
    """Return the files that were mapped into memory when the export moved them."""
    return []


@pytest.fixture(scope='module')
def exported(
    network: ScreeningNetwork, tmp_path_factory: pytest.TempPathFactory, mapped: list[str]
) -> tuple[Path, ScoreChange]:
    path = tmp_path_factory.mktemp('int8') / 'small.xml'
    replace_file, maps = os.replace, Path('/proc/self/maps')

    def replace_and_look(source: Path, target: Path) -> None:
        if maps.exists() and str(source) in maps.read_text():
            mapped.append(source.name)
        replace_file(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, 'replace', replace_and_look)
        return path, export_int8(network, INFO, path, images(40))


@pytest.mark.skipif(not Path('/proc/self/maps').exists(), reason='looks for files in /proc')
def test_no_network_uses_the_files_when_they_are_moved(
    exported: tuple[Path, ScoreChange], mapped: list[str]
) -> None:
    assert mapped == []  # Windows could not move them
    network = OpenVINOBackend(str(exported[0]))
    assert str(exported[0].with_suffix('.bin')) in Path('/proc/self/maps').read_text()
    assert network.info.name == 'small'


def operations(path: Path) -> dict[str, list]:
    by_type: dict[str, list] = {}
    for operation in ov.Core().read_model(path).get_ordered_ops():
        by_type.setdefault(operation.get_type_name(), []).append(operation)
    return by_type


def test_convolutions_have_8_bit_weights_also_depthwise_ones(
    exported: tuple[Path, ScoreChange],
) -> None:
    found = operations(exported[0])
    depthwise = found['GroupConvolution']
    assert depthwise
    for convolution in depthwise + found['Convolution']:
        scaled = convolution.input_value(1).get_node()
        assert scaled.get_type_name() == 'Multiply'
        stored = scaled.input_value(0).get_node().input_value(0)
        assert stored.get_element_type() == ov.Type.i8
        channels = stored.get_shape()[0]
        assert np.prod(scaled.input_value(1).get_shape()) == channels  # one scale per channel


def test_the_range_of_an_activation_covers_all_images(exported: tuple[Path, ScoreChange]) -> None:
    first = operations(exported[0])['FakeQuantize'][0]  # of the normalized pixels
    high = first.input_value(2).get_node().get_data().max()
    assert high == pytest.approx((BRIGHT - 110) / 50, rel=0.02)


def test_the_change_of_scores_is_reported(exported: tuple[Path, ScoreChange]) -> None:
    change = exported[1]
    assert change.images == 10
    assert 0 < change.mean <= change.percentile_99 <= change.largest <= 1


def test_the_file_contains_its_precision_and_scaling_but_no_thresholds(
    exported: tuple[Path, ScoreChange],
) -> None:
    path = exported[0]
    model = ov.Core().read_model(path)
    assert model.get_rt_info(PRECISION).value == INT8
    info = read_description(model.get_rt_info(METADATA).value, str(path))
    assert info.calibration == replace(
        INFO.calibration, thresholds=dict.fromkeys(CLASSES, 0.5), origin={}
    )
    assert info.digest == INFO.digest
    assert info.config_digest != INFO.config_digest
    backend = OpenVINOBackend(str(path), threads=1)
    assert backend.model.get_property('INFERENCE_PRECISION_HINT') == ov.Type.f32
    assert backend(images(3)).scores.shape == (3, 2)


def test_a_file_whose_scores_change_too_much_is_not_written(
    network: ScreeningNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'small.xml'
    path.write_text('an earlier file')
    monkeypatch.setattr('mmsxm.inference.int8_export.quantize', lambda model, _: model)
    monkeypatch.setattr('mmsxm.inference.int8_export.LARGEST_MEAN_CHANGE', -1.0)
    with pytest.raises(ValueError, match=r'small.xml was not written: 8-bit integers change'):
        export_int8(network, INFO, path, images(40))
    assert [file.name for file in tmp_path.iterdir()] == ['small.xml']
    assert path.read_text() == 'an earlier file'


def test_too_few_images_and_other_formats_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'at least 40 readable images, not 39'):
        export_int8(None, INFO, tmp_path / 'n.xml', images(39))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r'n.onnx cannot run in int8'):
        export_int8(None, INFO, tmp_path / 'n.onnx', images(40))  # type: ignore[arg-type]


def test_constants_are_folded() -> None:
    from openvino import opset13 as ops

    images = ops.parameter([1, 4], np.float32, name='images')
    weights = ops.reshape(ops.constant(np.ones((2, 8), np.float32)), ops.constant([4, 4]), False)
    model = ov.Model([ops.matmul(images, weights, False, False)], [images], 'reshaped')
    fold_constants(model)
    kinds = {operation.get_type_name() for operation in model.get_ordered_ops()}
    assert kinds == {'Parameter', 'Constant', 'MatMul', 'Result'}


def test_score_changes_are_absolute() -> None:
    actual, expected = np.array([[0.5, 0.2], [0.1, 0.3]]), np.array([[0.4, 0.5], [0.1, 0.3]])
    change = score_change(actual, expected)
    assert change.images == 2
    assert change.mean == pytest.approx(0.1)
    assert change.largest == pytest.approx(0.3)


def test_checked_images_set_no_ranges() -> None:
    every = np.arange(10)[:, None, None, None]
    ranges, checked = split_images(every)
    assert checked.ravel().tolist() == [3, 7]
    assert sorted([*ranges.ravel(), *checked.ravel()]) == list(range(10))
