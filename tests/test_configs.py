"""Every config builds and trains all its parameters, at the learning rates of the paper."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmpretrain.structures import DataSample

from mmsxm.apis.running import first_stage, load_config
from mmsxm.engine.checkpoint_hooks import missing_keys
from mmsxm.models import SXMNet
from mmsxm.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LEAVES = sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob('*.py')
    if '_base_' not in path.relative_to(CONFIGS).parts
)
# ablations of the rates themselves: by prefix of the parameter's name, the first that fits
OTHER_RATES = {
    'sxmnet_authors-lr_sixray_stage1.py': {
        **{f'backbone.layer{i}.': 1e-5 for i in (2, 3, 4)},
        '': 5e-5,
    },
    'sxmnet_slow-attention_sixray_stage2.py': {
        'head.fcs.': 1e-1,
        'attention_head.': 2e-4,
        '': 2e-2,
    },
}
SIZE = 64


class Leaf(NamedTuple):
    cfg: Config
    model: SXMNet

    @property
    def is_stage1(self) -> bool:
        return not self.model.with_head

    @property
    def unused(self) -> set[str]:
        """What trains in Stage II alone: attention reads the finest level of the pyramid."""
        if not self.is_stage1:
            return set()
        coarser = range(1, len(self.model.neck.smooth))
        return {f'neck.smooth.{i}.{kind}' for i in coarser for kind in ('weight', 'bias')}


def build(cfg: Config) -> SXMNet:
    cfg.model.backbone.init_cfg = None  # no download
    torch.manual_seed(0)
    return MODELS.build(dict(cfg.model, _scope_='mmpretrain'))


@pytest.fixture(scope='module', params=LEAVES)
def leaf(request: pytest.FixtureRequest) -> Leaf:
    cfg = load_config(CONFIGS / request.param)
    return Leaf(cfg, build(cfg))


def samples(num_classes: int) -> list[DataSample]:
    """Two images: an item with a box of level P4, and another without any."""
    boxed, bare = DataSample(), DataSample()
    boxed.set_gt_label([1])
    boxed.set_gt_score(torch.eye(num_classes)[1])
    heatmap = torch.zeros(1, SIZE // 4, SIZE // 4)
    heatmap[:, 4:8, 4:8] = 1
    boxed.set_field(heatmap, 'gt_heatmap')
    boxed.set_field(torch.tensor(1), 'gt_meta_level')
    bare.set_field(torch.full_like(heatmap, -1), 'gt_heatmap')
    bare.set_gt_label([2])
    bare.set_gt_score(torch.eye(num_classes)[2])
    bare.set_field(torch.tensor(-1), 'gt_meta_level')
    return [boxed, bare]


def test_a_loss_reaches_every_parameter(leaf: Leaf) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(2, 3, SIZE, SIZE)
    data_samples = samples(leaf.cfg.model.data_preprocessor.num_classes)
    losses = leaf.model.train()(inputs, data_samples, mode='loss')
    loss, _ = leaf.model.parse_losses(losses)
    loss.backward()
    idle = {
        name
        for name, parameter in leaf.model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    }
    assert idle == leaf.unused
    # what mmengine's wrapper of two processes has to be told
    assert leaf.cfg.find_unused_parameters == bool(idle)


def test_predictions(leaf: Leaf) -> None:
    with torch.no_grad():
        sample = leaf.model.eval()(torch.randn(1, 3, SIZE, SIZE), mode='predict')[0]
    assert ('pred_score' in sample) == leaf.model.with_head
    assert ('attention_map' in sample) == (leaf.model.attention_head is not None)


@pytest.mark.usefixtures('scope')
def test_learning_rates(leaf: Leaf) -> None:
    optim_wrapper = build_optim_wrapper(leaf.model, leaf.cfg.optim_wrapper)
    groups = optim_wrapper.optimizer.param_groups
    rates = {id(p): group['lr'] for group in groups for p in group['params']}
    got = {name: rates[id(p)] for name, p in leaf.model.named_parameters()}

    base = leaf.cfg.optim_wrapper.optimizer.lr
    if other := OTHER_RATES.get(Path(leaf.cfg.filename).name):
        want = {name: next(other[p] for p in other if name.startswith(p)) for name in got}
        assert got == pytest.approx(want)
        return
    if 'demo' not in leaf.cfg.filename:  # which starts from random weights at half the size
        assert base == (1e-5 if leaf.is_stage1 else 2e-2)  # Sec. 4.2
    if leaf.is_stage1:
        assert set(got.values()) == {base}
        return
    fast = {name for name, rate in got.items() if rate == pytest.approx(5 * base)}
    slow = {name for name, rate in got.items() if rate == base}
    levels = len(leaf.cfg.model.head.in_channels)
    assert fast == {f'head.fcs.{i}.{kind}' for i in range(levels) for kind in ('weight', 'bias')}
    assert slow == set(got) - fast
    assert len(groups) == 2


@pytest.mark.usefixtures('scope')
def test_pipelines(leaf: Leaf, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = str(tmp_path / 'bag.png')
    cv2.imwrite(path, rng.integers(0, 200, (150, 170, 3), dtype=np.uint8))
    for loader in (leaf.cfg.train_dataloader, leaf.cfg.test_dataloader):
        info = {
            'img_path': path,
            'gt_label': [1],
            'instances': [{'bbox': [30.0, 40.0, 80.0, 90.0], 'bbox_label': 1}],
            'sample_idx': 0,
        }
        packed = Compose(loader.dataset.pipeline)(info)
        sample = packed['data_samples']
        height, width = sample.img_shape
        assert packed['inputs'].shape == (3, height, width)
        assert sample.gt_bboxes.shape == (1, 4)
        is_train = loader is leaf.cfg.train_dataloader
        needs_heatmap = is_train and leaf.is_stage1
        assert ('gt_heatmap' in sample) == needs_heatmap
        if needs_heatmap:
            maps = leaf.model.eval()(packed['inputs'][None].float())
            assert sample.gt_heatmap.shape == maps[0].shape
        needs_level = is_train and bool(leaf.cfg.model.get('head', {}).get('loss_meta_weight'))
        assert ('gt_meta_level' in sample) == needs_level


def test_stage2_starts_from_stage1(leaf: Leaf) -> None:
    path = first_stage(leaf.cfg)
    if path is None:
        assert leaf.cfg.load_from is None
        return
    first = load_config(path)
    assert leaf.cfg.load_from == first.work_dir
    new = missing_keys(leaf.model, build(first).state_dict())
    assert new
    assert all(key.startswith(tuple(leaf.cfg.default_hooks.handover.new)) for key in new)


def test_leaves_are_short() -> None:
    long = [name for name in LEAVES if len((CONFIGS / name).read_text().splitlines()) >= 40]
    assert long == []
