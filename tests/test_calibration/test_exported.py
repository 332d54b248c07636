"""An exported OpenVINO file gets other thresholds and keeps its network."""

from pathlib import Path

import numpy as np
import pytest
from networks import tiny_onnx
from parsers import CLASSES, INFO

from mmsxm.calibration.exported import store_thresholds
from mmsxm.inference.backends.openvino_backend import OpenVINOBackend
from mmsxm.inference.calibration import Calibration
from mmsxm.inference.export import write_openvino

pytest.importorskip('onnx', reason='needs the extra [openvino]')
pytest.importorskip('openvino', reason='needs the extra [openvino]')

FITTED = Calibration.default(CLASSES, threshold=0.125)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / 'network.xml'
    write_openvino(tiny_onnx(), INFO, path)
    return path


def test_thresholds_are_replaced_and_scores_stay(source: Path, tmp_path: Path) -> None:
    out = tmp_path / 'calibrated.xml'
    store_thresholds(source, FITTED, out)
    before, after = (OpenVINOBackend(str(path), threads=1) for path in (source, out))
    assert after.info.calibration.thresholds == FITTED.thresholds
    assert after.info.calibration.slope == before.info.calibration.slope
    assert after.info.digest == before.info.digest
    assert after.info.config_digest != before.info.config_digest  # results must not be mixed
    pixels = np.full((2, *INFO.preprocessing.size, 3), 9, np.uint8)
    np.testing.assert_array_equal(after(pixels).scores, before(pixels).scores)


@pytest.mark.parametrize('name', ['network.xml', 'calibrated.pth'])
def test_an_unsuitable_output_is_rejected(source: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf'{name} cannot be the output'):
        store_thresholds(source, FITTED, tmp_path / name)


def test_thresholds_of_other_classes_are_rejected(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='The calibration is for Spoon'):
        store_thresholds(source, Calibration.default(['Spoon']), tmp_path / 'calibrated.xml')


def test_a_file_from_elsewhere_is_rejected(source: Path, tmp_path: Path) -> None:
    source.write_text('<net/>')
    with pytest.raises(ValueError, match=r'network.xml is not a network that OpenVINO can read'):
        store_thresholds(source, FITTED, tmp_path / 'calibrated.xml')
