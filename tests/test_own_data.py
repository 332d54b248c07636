"""From a user's files to a trained network, by the configs of docs/own_data.md."""

import csv
import shutil
from pathlib import Path

import pytest

from mmsxm.datasets import CocoXray, CsvXray, VocXray, YoloXray
from mmsxm.evaluation import read_scores
from mmsxm.registry import DATASETS
from mmsxm.training.config import load_config
from mmsxm.training.test import build_test
from mmsxm.training.train import finished_epochs, train, train_stages

ROOT = Path(__file__).resolve().parents[1]
TYPES = {'coco': CocoXray, 'voc': VocXray, 'csv': CsvXray, 'yolo': YoloXray}
SMALL = {
    # with 8 channels at 224 pixels the backward pass of torch 2.13 on CPUs crashes
    'model.backbone': dict(depth=18, stem_channels=16, base_channels=16, init_cfg=None),
    'model.neck': dict(in_channels=[32, 64, 128], out_channels=16),
    'model.attention_head': dict(in_channels=16),
    **{
        f'{loader}_dataloader': dict(num_workers=0, persistent_workers=False, pin_memory=False)
        for loader in ('train', 'val', 'test')
    },
    'train_dataloader.batch_size': 4,
    'train_dataloader.dataset.indices': 8,
    'val_dataloader.dataset.indices': 4,
    'train_cfg': dict(max_epochs=1, val_interval=1),
    'log_level': 'WARNING',
}


@pytest.mark.usefixtures('scope')
@pytest.mark.parametrize('config', ['sxmnet_own_stage2.py', 'evidence_own.py'])
@pytest.mark.parametrize('layout', TYPES)
def test_the_layout_is_chosen_by_a_variable(
    layout: str, config: str, own_data: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('OWN_LAYOUT', layout)
    monkeypatch.setenv('OWN_ROOT', str(own_data[layout]))
    monkeypatch.setenv('OWN_CLASSES', 'Knife, Gun')
    cfg = load_config(ROOT / 'configs' / config)
    assert cfg.model.head.num_classes == cfg.model.data_preprocessor.num_classes == 2
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        dataset = DATASETS.build(loader.dataset)
        assert type(dataset) is TYPES[layout]
        assert dataset.metainfo['classes'] == ['Knife', 'Gun']
        found = {
            (dataset.metainfo['classes'][item['bbox_label']])
            for info in map(dataset.get_data_info, range(len(dataset)))
            for item in info['instances']
        }
        assert found == {'Knife', 'Gun'}
    # the test is of harmless bags too
    assert any(not dataset.get_data_info(i)['gt_label'] for i in range(len(dataset)))


@pytest.mark.parametrize('boxes', [3, 0])
def test_class_evidence_trains_with_few_boxes_and_without(
    boxes: int, own_data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / 'csv'
    shutil.copytree(own_data['csv'], root, symlinks=True)
    with open(root / 'train.csv') as file:
        header, *rows = csv.reader(file)
    rows = [row if i < boxes else [*row[:2], '', '', '', ''] for i, row in enumerate(rows)]
    with open(root / 'train.csv', 'w', newline='') as file:
        csv.writer(file).writerows([header, *rows])
    monkeypatch.setenv('OWN_ROOT', str(root))
    monkeypatch.setenv('OWN_LAYOUT', 'csv')
    options = {key: value for key, value in SMALL.items() if 'attention_head' not in key}
    cfg = load_config(
        ROOT / 'configs/evidence_own.py',
        work_dir=str(tmp_path / 'run'),
        options={
            **options,
            'model.head.in_channels': [16] * 3,
            'input_size': 96,
            'experiment_name': f'evidence-{boxes}-boxes',
        },
    )
    train(cfg)
    metrics = build_test(cfg, str(tmp_path / 'run/epoch_1.pth')).test()
    assert 0 < metrics['xray/mAP'] <= 100
    assert 0 <= metrics['xray/class_pointing'] <= 100


def test_both_stages_train(
    own_data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('OWN_ROOT', str(own_data['coco']))
    stage1, stage2 = (
        load_config(
            ROOT / f'configs/sxmnet_own_stage{stage}.py',
            work_dir=str(tmp_path / f'stage{stage}'),
            options={**SMALL, 'experiment_name': f'own{stage}', **more},
        )
        for stage, more in (
            (1, {}),
            (2, {'model.head.in_channels': [16] * 3, 'load_from': str(tmp_path / 'stage1')}),
        )
    )
    table = tmp_path / 'scores.csv'
    stage2.test_evaluator = [
        dict(type='mmsxm.MeanAveragePrecision'),
        dict(type='mmsxm.ScoreTable', out=str(table)),
    ]
    pictures = tmp_path / 'pictures'
    stage2.default_hooks.pictures = dict(type='mmsxm.PredictionPictureHook', out_dir=str(pictures))
    train_stages(stage2, stage1)
    assert finished_epochs(stage1.work_dir) == finished_epochs(stage2.work_dir) == 1
    metrics = build_test(stage2, str(tmp_path / 'stage2/epoch_1.pth')).test()
    assert 0 < metrics['xray/mAP'] <= 100
    names = read_scores(table).names
    assert len(names) == 7 + 2  # its share of the harmless bags
    assert sorted(path.stem for path in pictures.iterdir()) == sorted(names)
    # the same classes in another order would be scored as one another
    stage2.test_dataloader.dataset.metainfo = dict(
        classes=stage2.test_dataloader.dataset.metainfo.classes[::-1]
    )
    stage2.experiment_name = 'reversed'
    with pytest.raises(
        ValueError, match=r'The dataset has the classes .* but the network was trained for '
    ):
        build_test(stage2, str(tmp_path / 'stage2/epoch_1.pth')).test()
