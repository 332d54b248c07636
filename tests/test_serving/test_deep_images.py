"""One 16-bit bag in three formats over HTTP, with a network that was trained with a window."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from fake_service import serving
from mmengine.registry import init_default_scope

pytest.importorskip('pydicom', reason='needs the extra [dicos]')

from dicom_files import write_dicom

from mmsxm.inference.backends.torch_backend import TorchBackend
from mmsxm.inference.inferencer import XrayInferencer
from mmsxm.registry import MODELS
from mmsxm.serving.service import ScreeningService
from mmsxm.simulation import simulate_bag
from mmsxm.training.config import load_config

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'demo' / 'sxmnet_stage2.py'
CLASSES = ('Gun', 'Knife', 'Pliers', 'Scissors', 'Wrench')
WINDOW = (1000, 5000)  # the upper 8 bits keep only 16 gray values of it


def save_network(path: Path, **settings: object) -> Path:
    """Save random weights, trained with these settings as far as the checkpoint tells."""
    cfg = load_config(CONFIG, options=settings)
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    meta = {'dataset_meta': {'classes': CLASSES}, 'cfg': cfg.pretty_text}
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': meta}, path)
    return path


def write_bag(folder: Path) -> list[Path]:
    """Write one simulated bag with equal 16-bit values in three formats."""
    gray = simulate_bag(0, 0, image_size=(200, 240)).image.mean(axis=2)  # (h, w)
    values = np.rint(WINDOW[0] + gray / 255 * (WINDOW[1] - WINDOW[0])).astype(np.uint16)
    paths = [write_dicom(folder / 'a.dcm', values), folder / 'b.png', folder / 'c.tif']
    for path in paths[1:]:
        cv2.imwrite(str(path), values)
    return paths


def test_the_service_gives_the_scores_of_the_inferencer_for_each_format(tmp_path: Path) -> None:
    checkpoint = save_network(tmp_path / 'epoch_1.pth', window=WINDOW)
    paths = write_bag(tmp_path)
    expected = [
        result['pred_scores'] for result in XrayInferencer(CONFIG, checkpoint, device='cpu')(paths)
    ]
    service = ScreeningService(TorchBackend(CONFIG, checkpoint, device='cpu'))
    with serving(service) as client:
        files = [('images', (path.name, path.read_bytes())) for path in paths]
        answer = client.post('/v1/screen', files=files)
        alone = client.post('/v1/screen', content=paths[0].read_bytes())
    assert answer.status_code == alone.status_code == 200
    records = answer.json()['records']
    assert [record['path'] for record in records] == ['a.dcm', 'b.png', 'c.tif']
    found = np.array([[record['scores'][name] for name in CLASSES] for record in records])  # (3, C)
    assert np.ptp(found, axis=0).max() < 1e-6  # in batches of different sizes
    assert found == pytest.approx(
        np.array([list(scores.values()) for scores in expected]), abs=1e-5
    )
    assert list(alone.json()['records'][0]['scores'].values()) == pytest.approx(found[0], abs=1e-5)

    # without the window, the network sees other pixels and gives other scores
    plain = save_network(tmp_path / 'plain.pth')
    (unmapped,) = XrayInferencer(CONFIG, plain, device='cpu')(paths[1])
    assert np.abs(np.array(list(unmapped['pred_scores'].values())) - found[0]).max() > 1e-4
