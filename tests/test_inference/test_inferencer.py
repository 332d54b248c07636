"""Multi-label inference with one network of random weights."""

import copy
from pathlib import Path
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.visualization import Visualizer

from mmsxm.imaging.images import ImageError
from mmsxm.inference.backends import ModelInfo, Prediction, load_backend
from mmsxm.inference.backends.torch_backend import TorchBackend
from mmsxm.inference.calibration import Calibration
from mmsxm.inference.inferencer import XrayInferencer
from mmsxm.registry import MODELS
from mmsxm.training.config import load_config

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'demo' / 'sxmnet_stage2.py'
CLASSES = ('Gun', 'Knife', 'Pliers', 'Scissors', 'Wrench')
THRESHOLDS = {'Gun': 0.0, 'Knife': 1.0, 'Pliers': 0.0, 'Scissors': 1.0, 'Wrench': 1.0}


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights, with thresholds that two classes reach in every image."""
    cfg = load_config(CONFIG)
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    ones = dict.fromkeys(CLASSES, 1.0)
    calibration = Calibration(THRESHOLDS, ones, dict.fromkeys(CLASSES, 0.0))
    path = tmp_path_factory.mktemp('weights') / 'epoch_1.pth'
    meta = {'dataset_meta': {'classes': CLASSES}, 'calibration': calibration.to_dict()}
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, path)
    return path


@pytest.fixture(scope='module')
def inferencer(checkpoint: Path) -> XrayInferencer:
    return XrayInferencer(CONFIG, checkpoint, device='cpu')


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of different sizes."""
    root = tmp_path_factory.mktemp('bags')
    rng = np.random.default_rng(0)
    for name, size in (('a.jpg', (90, 140)), ('b.png', (128, 128)), ('c.jpg', (200, 60))):
        cv2.imwrite(str(root / name), rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    return root


def test_all_labels_that_reach_their_thresholds_are_named(
    inferencer: XrayInferencer, folder: Path
) -> None:
    (result,) = inferencer(folder / 'a.jpg')
    assert result['pred_labels'] == ['Gun', 'Pliers']
    assert result['thresholds'] == THRESHOLDS
    assert list(result['pred_scores']) == list(CLASSES)
    assert all(0 < score < 1 for score in result['pred_scores'].values())
    assert result['img_path'] == str(folder / 'a.jpg')
    assert result['attention_map'].shape == (90, 140)
    assert sum(result['level_weights']) == pytest.approx(1)
    for region in result['regions']:
        x1, y1, x2, y2 = region['bbox']
        assert 0 <= x1 < x2 <= 140
        assert 0 <= y1 < y2 <= 90


def test_the_whole_image_is_seen(inferencer: XrayInferencer) -> None:
    """With a center crop, the border of an image would not affect the result."""
    plain = np.full((128, 128, 3), 200, np.uint8)
    marked = plain.copy()
    marked[:6, :6] = 0
    one, other = inferencer([plain, marked])
    assert one['pred_scores'] != other['pred_scores']


def test_folder_glob_list_and_arrays_give_equal_results(
    inferencer: XrayInferencer, folder: Path
) -> None:
    by_folder = inferencer(folder)
    assert [Path(result['img_path']).name for result in by_folder] == ['a.jpg', 'b.png', 'c.jpg']
    by_glob = inferencer(f'{folder}/*.*', batch_size=2)
    arrays = [cv2.imread(result['img_path']) for result in by_folder]
    by_array = inferencer([arrays[0], folder / 'b.png', arrays[2]], batch_size=1)
    for results in (by_glob, by_array):
        for got, want in zip(results, by_folder, strict=True):
            assert got['pred_scores'] == pytest.approx(want['pred_scores'], abs=1e-6)
    assert by_array[0]['img_path'] is None


def test_results_are_in_input_order_for_any_batch_size(
    inferencer: XrayInferencer, folder: Path
) -> None:
    paths = [folder / name for name in ('c.jpg', 'a.jpg', 'b.png') * 4]
    for batch_size in (1, 5, 64):
        results = inferencer(paths, batch_size=batch_size)
        assert [result['img_path'] for result in results] == [str(path) for path in paths]


def test_data_samples(inferencer: XrayInferencer, folder: Path) -> None:
    (sample,) = inferencer(folder / 'a.jpg', return_datasamples=True)
    (result,) = inferencer(folder / 'a.jpg')
    assert sample.pred_label.tolist() == [0, 2]
    assert sample.pred_score.tolist() == pytest.approx(list(result['pred_scores'].values()))
    assert sample.attention_map.shape == (90, 140)
    assert sample.img_path == str(folder / 'a.jpg')


def test_data_samples_have_regions_as_instances(inferencer: XrayInferencer, folder: Path) -> None:
    (sample,) = inferencer(folder / 'a.jpg', return_datasamples=True)
    (result,) = inferencer(folder / 'a.jpg')
    instances = sample.pred_instances
    assert instances.bboxes.tolist() == [region['bbox'] for region in result['regions']]
    assert instances.scores.tolist() == pytest.approx(
        [region['score'] for region in result['regions']]
    )
    assert 'labels' not in instances
    assert 'class_maps' not in sample


class Corners:
    """Backend with one map per class, whose map of class i is 1 - i / 10 in a tile of its own."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info

    def __call__(self, images: np.ndarray) -> Prediction:
        maps = np.zeros((len(images), len(CLASSES), 10, 10), np.float32)
        for label in range(len(CLASSES)):
            maps[:, label, 2 * label : 2 * label + 2, :4] = 1 - label / 10
        scores = np.full((len(images), len(CLASSES)), 0.5, np.float32)
        return Prediction.from_outputs(scores, np.ones((len(images), 1), np.float32), maps)


def test_regions_of_class_wise_networks_have_labels(
    inferencer: XrayInferencer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inferencer.station, 'backend', Corners(inferencer.info))
    (result,) = inferencer(folder / 'c.jpg')
    (sample,) = inferencer(folder / 'c.jpg', return_datasamples=True)  # 200 x 60 pixels
    assert [region['label'] for region in result['regions']] == list(CLASSES)
    assert result['regions'][1]['bbox'] == pytest.approx([0, 40, 24, 80], abs=1e-3)
    assert sample.class_maps.shape == (5, 200, 60)
    assert (sample.attention_map >= sample.class_maps.amax(dim=0) - 1e-6).all()
    assert sample.class_maps[1, 60, 5] == pytest.approx(0.9)
    instances = sample.pred_instances
    assert instances.labels.tolist() == [0, 1, 2, 3, 4]
    assert instances.bboxes.shape == (5, 4)
    assert instances.scores.tolist() == pytest.approx([1, 0.9, 0.8, 0.7, 0.6])
    alarms = instances[torch.isin(instances.labels, sample.pred_label)]
    assert alarms.labels.tolist() == [0, 2]


def test_pictures_are_written(inferencer: XrayInferencer, folder: Path, tmp_path: Path) -> None:
    inferencer([folder / 'a.jpg', cv2.imread(str(folder / 'b.png'))], out_dir=tmp_path / 'out')
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['000001.png', 'a.png']
    assert cv2.imread(str(tmp_path / 'out' / 'a.png')).shape[1] >= 140


def test_pictures_of_files_with_equal_names_are_all_kept(
    inferencer: XrayInferencer, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / 'lane').mkdir()
    (tmp_path / 'lane' / 'a.jpg').write_bytes((folder / 'a.jpg').read_bytes())
    inferencer([folder / 'a.jpg', tmp_path / 'lane'], out_dir=tmp_path / 'out')
    names = sorted(path.name for path in (tmp_path / 'out').iterdir())
    assert names == ['a.png', 'a_000001.png']


def test_pictures_are_shown_one_after_the_other(
    inferencer: XrayInferencer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    monkeypatch.setattr(plt, 'get_backend', lambda: 'TkAgg')
    monkeypatch.setattr(
        Visualizer,
        'show',
        lambda _, picture, name, wait_time: shown.append((picture.dtype, name, wait_time)),
    )
    inferencer(folder, show=True, wait_time=0.5)
    assert shown == [(np.uint8, name, 0.5) for name in 'abc']


def test_showing_without_a_display_is_an_error(
    inferencer: XrayInferencer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, 'get_backend', lambda: 'agg')
    with pytest.raises(
        ValueError, match=r'no display to show pictures on\. Write them to files with out_dir'
    ):
        inferencer(folder / 'a.jpg', show=True)


def test_a_broken_file_is_named(inferencer: XrayInferencer, tmp_path: Path) -> None:
    (tmp_path / 'bag.jpg').write_bytes(b'')
    with pytest.raises(ImageError, match=r'bag\.jpg: the file is empty'):
        inferencer(tmp_path)


@pytest.mark.parametrize('what', ['missing.jpg', 'none/*.jpg', ''])
def test_what_is_not_there_is_named(inferencer: XrayInferencer, tmp_path: Path, what: str) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        inferencer(str(tmp_path / what))


@pytest.mark.parametrize('shape', [(5, 5), (5, 5, 4), (0, 5, 3)])
def test_an_array_that_is_not_an_image_is_rejected(
    inferencer: XrayInferencer, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r'dtype .*\. An array must be a BGR image'):
        inferencer(np.zeros(shape, np.uint8))


def test_weights_of_another_network_are_rejected(checkpoint: Path) -> None:
    other = CONFIG.with_name('resnet18.py')
    with pytest.raises(ValueError, match='does not match the network'):
        load_backend(other, checkpoint)


def save(path: Path, cfg: Config, with_config: bool = True) -> Path:
    """Write a checkpoint as training does, or only weights."""
    torch.manual_seed(0)
    state_dict = MODELS.build(cfg.model).state_dict()
    meta = {'dataset_meta': {'classes': CLASSES}}
    if with_config:
        meta['cfg'] = cfg.pretty_text
    torch.save({'state_dict': state_dict, 'meta': meta}, path)
    return path


def test_a_checkpoint_with_unused_weights_is_rejected(tmp_path: Path) -> None:
    """Otherwise attention would be dropped silently."""
    cfg = load_config(CONFIG)
    checkpoint = save(tmp_path / 'a.pth', cfg)
    fpn = copy.deepcopy(cfg)
    fpn.model.update(attention_head=None, refinement=None)
    with pytest.raises(ValueError, match=r'do not exist there, first attention_head\.'):
        load_backend(fpn, checkpoint, device='cpu')


def test_a_checkpoint_trained_with_another_refinement_is_rejected(tmp_path: Path) -> None:
    cfg = load_config(CONFIG)
    checkpoint = save(tmp_path / 'a.pth', cfg)
    product = copy.deepcopy(cfg)
    product.model.refinement.type = 'mmsxm.ProductRefinement'
    with pytest.raises(ValueError, match=r'model\.refinement\.type is NormalizedRefinement in the'):
        load_backend(product, checkpoint, device='cpu')


def test_the_same_weights_under_two_configs_have_two_config_digests(tmp_path: Path) -> None:
    cfg = load_config(CONFIG)
    checkpoint = save(tmp_path / 'a.pth', cfg, with_config=False)
    product = copy.deepcopy(cfg)
    product.model.refinement.type = 'mmsxm.ProductRefinement'
    one, other = (load_backend(each, checkpoint, device='cpu').info for each in (cfg, product))
    assert one.digest == other.digest
    assert len(one.config_digest) == len(other.config_digest) == 64
    assert one.config_digest != other.config_digest


def test_a_checkpoint_of_a_training_with_overridden_settings_loads(tmp_path: Path) -> None:
    options = {
        'model.head.loss_meta_weight': 0.1,
        'model.backbone.frozen_stages': 1,
        'train_cfg.max_epochs': 1,
    }
    checkpoint = save(tmp_path / 'a.pth', load_config(CONFIG, options=options))
    assert load_backend(CONFIG, checkpoint, device='cpu').info.classes == CLASSES


def test_a_timm_backbone_fetches_no_weights_before_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A screening station can be offline, and the checkpoint contains all weights."""
    timm = pytest.importorskip('timm', reason='needs the extra [timm]')
    asked: list[bool] = []
    create = timm.create_model

    def spy(*args: Any, pretrained: bool = False, **kwargs: Any) -> Any:
        asked.append(pretrained)
        return create(*args, pretrained=False, **kwargs)

    monkeypatch.setattr(timm, 'create_model', spy)
    cfg = load_config(CONFIG)
    backbone = dict(type='TIMMBackbone', model_name='resnet18', features_only=True)
    cfg.model.backbone = dict(backbone, pretrained=False, out_indices=(2, 3, 4))
    checkpoint = save(tmp_path / 'a.pth', cfg)
    cfg.model.backbone.pretrained = True
    asked.clear()
    assert load_backend(cfg, checkpoint, device='cpu').info.classes == CLASSES
    assert asked == [False]


def test_invalid_network_names_are_errors(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='There is no config file'):
        load_backend(tmp_path / 'none.py', checkpoint)
    with pytest.raises(FileNotFoundError, match='There is no checkpoint'):
        load_backend(CONFIG, tmp_path)
    with pytest.raises(FileNotFoundError, match='has no weights'):
        load_backend(CONFIG)
    with pytest.raises(ValueError, match='needs the backend torch, not openvino'):
        load_backend(CONFIG, checkpoint, backend='openvino')


def test_a_calibration_can_be_ignored(checkpoint: Path) -> None:
    backend = TorchBackend(CONFIG, checkpoint, device='cpu', calibrated=False)
    assert backend.info.calibration == Calibration.default(CLASSES)


def test_a_config_may_have_no_file(checkpoint: Path) -> None:
    cfg = Config(load_config(CONFIG).to_dict())
    assert load_backend(cfg, checkpoint, device='cpu').info.classes == CLASSES
