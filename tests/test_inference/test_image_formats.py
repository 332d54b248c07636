"""One bag in four formats gives the same scores in training, inference, screening and exports."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

pytest.importorskip('pydicom', reason='needs the extra [dicos]')

from dicom_files import DICOS, write_dicom, write_dicos

from mmsxm.imaging.pixel_mapping import PixelMapping
from mmsxm.inference.backends.torch_backend import TorchBackend, load_network
from mmsxm.inference.inferencer import XrayInferencer
from mmsxm.inference.station_inferencer import StationInferencer
from mmsxm.io.worker_pool import WorkerPool
from mmsxm.registry import MODELS, TRANSFORMS
from mmsxm.screening.screen import screen
from mmsxm.simulation import simulate_bag
from mmsxm.training.config import load_config

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'demo' / 'sxmnet_stage2.py'
CLASSES = ('Gun', 'Knife', 'Pliers', 'Scissors', 'Wrench')
WINDOW = (1000, 5000)  # the upper 8 bits keep only 16 gray values of it


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, trained with a window as far as the checkpoint tells."""
    cfg = load_config(CONFIG, options={'window': WINDOW})
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('weights') / 'epoch_1.pth'
    meta = {'dataset_meta': {'classes': CLASSES}, 'cfg': cfg.pretty_text}
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': meta}, path)
    return path


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One simulated bag as DICOS, DICOM, PNG and TIFF, all with the same 16-bit values."""
    folder = tmp_path_factory.mktemp('bags')
    gray = simulate_bag(0, 0, image_size=(200, 240)).image.mean(axis=2)  # (h, w)
    values = np.rint(WINDOW[0] + gray / 255 * (WINDOW[1] - WINDOW[0])).astype(np.uint16)
    paths = [
        write_dicom(folder / 'a.dcs', values, DICOS),
        write_dicom(folder / 'b.dcm', values),
        folder / 'c.png',
        folder / 'd.tif',
    ]
    for path in paths[2:]:
        cv2.imwrite(str(path), values)
    try:
        import pydicos  # noqa: F401
    except ImportError:
        return paths
    return [*paths, write_dicos(folder / 'e.dcs', values)]


def spread(scores: np.ndarray) -> float:
    """Return the largest difference of the scores (n, C) of one bag in n files."""
    return float(np.ptp(scores, axis=0).max())


def test_formats_and_readers_give_the_same_scores(checkpoint: Path, files: list[Path]) -> None:
    inferencer = XrayInferencer(CONFIG, checkpoint, device='cpu')
    assert inferencer.info.preprocessing.mapping == PixelMapping(WINDOW)
    results = inferencer(files)
    inferred = np.array([list(result['pred_scores'].values()) for result in results])  # (n, C)
    assert spread(inferred) == 0

    backend = TorchBackend(CONFIG, checkpoint, device='cpu')
    with WorkerPool(1) as pool:
        records = list(screen([str(path) for path in files], backend, pool))
    screened = np.array([list(record['scores'].values()) for record in records])
    assert np.array_equal(screened, inferred)

    # the reader and the resizing of training, without its crops
    cfg = load_config(CONFIG, options={'window': WINDOW})
    init_default_scope('mmpretrain')
    pipeline = [t for t in cfg.train_dataloader.dataset.pipeline if 'Load' in t.type]
    resize = next(t for t in cfg.test_dataloader.dataset.pipeline if t.type == 'Resize')
    steps = [TRANSFORMS.build(t) for t in (pipeline[0], resize)]
    images = []
    for path in files:
        data = {'img_path': str(path)}
        for step in steps:
            data = step(data)
        images.append(data['img'])
    assert np.array_equal(backend(np.stack(images)).scores, inferred.astype(np.float32))

    # without the window, the network sees other pixels and gives other scores
    plain = torch.load(checkpoint, weights_only=True)
    del plain['meta']['cfg']
    bare = checkpoint.with_name('bare.pth')
    torch.save(plain, bare)
    unmapped = XrayInferencer(CONFIG, bare, device='cpu')(files[2])[0]
    assert np.abs(np.array(list(unmapped['pred_scores'].values())) - inferred[0]).max() > 1e-4


def test_an_exported_network_contains_the_window(
    checkpoint: Path, files: list[Path], tmp_path: Path
) -> None:
    pytest.importorskip('onnxruntime', reason='needs the extra [onnx]')
    pytest.importorskip('onnxscript', reason='needs the extra [onnx]')
    from mmsxm.inference.export import export

    network, info = load_network(CONFIG, checkpoint)
    export(network, info, tmp_path / 'demo.onnx')
    station = StationInferencer(tmp_path / 'demo.onnx')
    assert station.info.preprocessing == info.preprocessing
    assert station.info.preprocessing.mapping == PixelMapping(WINDOW)
    scores = np.array([list(result['pred_scores'].values()) for result in station(files)])
    assert spread(scores) == 0
    (result,) = XrayInferencer(CONFIG, checkpoint, device='cpu')(files[0])
    assert np.abs(scores[0] - list(result['pred_scores'].values())).max() < 1e-4


def test_an_unreadable_file_is_reported_and_the_others_are_screened(
    checkpoint: Path, files: list[Path], tmp_path: Path
) -> None:
    values = np.zeros((20, 30), np.uint16)
    broken = write_dicom(tmp_path / 'x.dcm', values, NumberOfFrames=7)
    backend = TorchBackend(CONFIG, checkpoint, device='cpu')
    with WorkerPool(1) as pool:
        records = list(screen([str(broken), str(files[0])], backend, pool, overlays=tmp_path / 'o'))
    assert 'contains 7 frames' in records[0]['error']
    assert 'scores' in records[1]
    picture = cv2.imread(records[1]['overlay'])
    assert len(np.unique(picture)) > 64  # drawn with the window
