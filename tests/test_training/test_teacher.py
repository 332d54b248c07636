"""Levels of a teacher, from the trained network to the dataset that uses them."""

import hashlib
import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.structures import DataSample
from sklearn.metrics import log_loss

from mmsxm.datasets.meta_label_file import read_meta_labels
from mmsxm.registry import DATASETS, MODELS
from mmsxm.training.config import load_config
from mmsxm.training.teacher import label_levels

ROOT = Path(__file__).resolve().parents[2]
NUMBER = 7

# CHR at a small size
SMALL = f"""
_base_ = '{ROOT}/configs/baselines/chr_resnet18_sixray.py'

model = dict(
    backbone=dict(stem_channels=8, base_channels=8, init_cfg=None),
    neck=dict(in_channels=[16, 32, 64]),
    head=dict(in_channels=[16, 32, 64]),
)
loader = dict(batch_size=3, num_workers=0, persistent_workers=False, pin_memory=False)
train_dataloader = loader
val_dataloader = loader
test_dataloader = loader
log_level = 'WARNING'
"""

pytestmark = pytest.mark.usefixtures('scope')


class Teacher:
    """Teacher with a config and a checkpoint of random weights."""

    def __init__(self, folder: Path) -> None:
        self.config, self.work_dir = folder / 'teacher.py', folder / 'work'
        self.config.write_text(SMALL)
        self.checkpoint = self.work_dir / 'epoch_2.pth'
        self.work_dir.mkdir()
        torch.manual_seed(0)
        model = MODELS.build(dict(self.load().model, _scope_='mmpretrain'))
        for fc in model.head.fcs:
            torch.nn.init.normal_(fc.weight)  # levels that differ
        torch.save({'meta': {'epoch': 2}, 'state_dict': model.state_dict()}, self.checkpoint)
        (self.work_dir / 'last_checkpoint').write_text(str(self.checkpoint))
        self.model = model.eval()

    def load(self, **options: object) -> Config:
        log = str(self.work_dir.with_name('log'))
        return load_config(self.config, work_dir=log, options=options)


@pytest.fixture(scope='module')
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    """Return a teacher whose dataset has seven training images and one test image, all noise."""
    root = tmp_path_factory.mktemp('sixray')
    rng = np.random.default_rng(0)
    (root / 'JPEGImage').mkdir()
    for split, number in (('train', NUMBER), ('test', 1)):
        rows = ['name,Gun,Knife,Wrench,Pliers,Scissors']
        for i in range(number):
            image = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
            cv2.imwrite(str(root / f'JPEGImage/P{split}{i}.png'), image)
            labels = [str(label) for label in rng.choice([-1, 1], 5)]
            labels[i % 5] = '1'  # only positives are used
            rows.append(','.join([f'P{split}{i}', *labels]))
        path = root / f'ImageSet/10/{split}.csv'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(rows) + '\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SIXRAY_ROOT', str(root))
        patch.setenv('SIXRAY_SET', '10')
        yield Teacher(tmp_path_factory.mktemp('teacher'))


def losses_by_hand(teacher: Teacher) -> dict[str, list[float]]:
    """Compute the losses image by image, without the crops and flips of training."""
    cfg = teacher.load()
    test_pipeline = cfg.test_dataloader.dataset.pipeline
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=test_pipeline))
    losses = {}
    for i in range(len(dataset)):
        info, packed = dataset.get_data_info(i), dataset[i]
        target = [float(label in info['gt_label']) for label in range(5)]
        batch = dict(inputs=packed['inputs'][None], data_samples=[DataSample()])
        with torch.no_grad():
            inputs = teacher.model.data_preprocessor(batch)['inputs']
            feats = teacher.model.extract_feat(inputs)
            scores = [
                fc(feat.mean(dim=(2, 3)))[0]
                for fc, feat in zip(teacher.model.head.fcs, feats, strict=True)
            ]
        losses[info['img_id']] = [
            log_loss(target, score.double().sigmoid(), labels=[0, 1]) for score in scores
        ]
    return losses


def test_each_image_gets_the_level_with_the_smallest_loss(teacher: Teacher) -> None:
    labels = label_levels(teacher.load(), str(teacher.checkpoint))
    expected = losses_by_hand(teacher)
    assert list(labels.losses) == [f'Ptrain{i}' for i in range(NUMBER)]
    for img_id, losses in labels.losses.items():
        assert losses == pytest.approx(expected[img_id], rel=1e-4)
    assert labels.levels == {img_id: int(np.argmin(losses)) for img_id, losses in expected.items()}
    assert len(set(labels.levels.values())) > 1  # otherwise the test proves nothing


def test_the_command_writes_labels_that_a_dataset_reads(
    teacher: Teacher, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / 'labels.json'
    arguments = [teacher.config, teacher.work_dir, out, '--work-dir', tmp_path / 'log']
    options = ['--cfg-options', 'experiment_name=tool']
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', ['tool', *map(str, arguments), *options])
        runpy.run_path(str(ROOT / 'tools/generate_meta_labels.py'), run_name='__main__')
    assert f'labels.json: {NUMBER} images (P3: ' in capsys.readouterr().out

    labels = read_meta_labels(out)
    head = json.loads(out.read_text())['head']
    assert head['teacher'] == 'teacher.py'
    assert head['checkpoint_sha256'] == hashlib.sha256(teacher.checkpoint.read_bytes()).hexdigest()

    cfg = load_config(
        ROOT / 'configs/ablations/sxmnet_mf-n_sixray_stage2.py',
        options={'train_dataloader.dataset.meta_labels': str(out)},
    )
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    levels = [dataset[i]['data_samples'].gt_meta_level.item() for i in range(NUMBER)]
    assert levels == list(labels.levels.values())


def test_a_network_without_per_level_losses_is_not_a_teacher(teacher: Teacher) -> None:
    cfg = teacher.load(experiment_name='average')
    cfg.model.head.type = 'mmsxm.AverageFusionHead'
    with pytest.raises(ValueError, match=r'teacher\.py is AverageFusionHead.*PerLevelHead'):
        label_levels(cfg, str(teacher.checkpoint))


def test_an_untrained_teacher_is_an_error(teacher: Teacher, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'mmsxm train .*teacher\.py'):
        label_levels(teacher.load(), str(tmp_path))
