"""Figures of the paper, from run records and from networks with random weights."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import save_checkpoint
from mmpretrain import get_model
from small_training import TINY_SUITE

from mmsxm.reproduction.attention_gallery import draw_attention
from mmsxm.reproduction.level_figure import draw_box_levels, draw_levels
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.run_record import write_epochs, write_result
from mmsxm.reproduction.settings_digest import digest
from mmsxm.reproduction.training_curves import draw_attention_losses, draw_curves

MF_I, MF_N = 'sxmnet_sixray_stage2.py', 'ablations/sxmnet_mf-n_sixray_stage2.py'
GATED = 'ablations/sxmnet_gated_sixray_stage2.py'
HEADS = (
    'ablations/sxmnet_28_sixray_stage1.py',
    'sxmnet_sixray_stage1.py',
    'ablations/sxmnet_112_sixray_stage1.py',
)


@pytest.fixture
def tiny(simulate: Callable[..., Path], tmp_path: Path) -> Callable[..., Reproduction]:
    """Suite of a few small bags, without trained networks."""

    def make(more: str = '') -> Reproduction:
        suite = tmp_path / 'tiny.py'
        suite.write_text(TINY_SUITE.format(root=str(simulate(16, 8)), more=more))
        return Reproduction(suite, tmp_path / 'runs', tmp_path / 'records')

    return make


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def is_picture(path: Path) -> bool:
    """Return whether a file is an image that is not of a single color."""
    image = cv2.imread(str(path))
    return image is not None and image.std() > 1


def finish(reproduction: Reproduction, run: Run, **result: Any) -> None:
    """Write a result with the settings of a run."""
    settings = digest(reproduction.config(run))
    write_result(reproduction.new_record(run), {'digest': settings, **result})


def record(
    reproduction: Reproduction, run: Run, taught: dict[str, int] | None, levels: list[int]
) -> None:
    """Write the record of a run whose network trusts these levels in its test images."""
    finish(reproduction, run, taught_levels=taught)
    lines = ['name,score/Gun,label/Gun,level/P3,level/P4,level/P5']
    for number, level in enumerate(levels):
        weights = [0.2, 0.2, 0.2]
        weights[level] = 0.6
        lines.append(f'{number},0.5,1,' + ','.join(map(str, weights)))
    (reproduction.new_record(run) / 'scores.csv').write_text('\n'.join(lines) + '\n')


def test_levels_that_are_taught_and_trusted_are_counted(
    tiny: Callable[..., Reproduction], tmp_path: Path
) -> None:
    reproduction = tiny()
    for seed in (0, 1):
        record(reproduction, Run(MF_I, seed), {'P3': 4, 'P4': 11, 'P5': 1, 'none': 3}, [0, 1, 1, 1])
    record(reproduction, Run(MF_N, 0), {'P3': 16, 'P4': 0, 'P5': 0, 'none': 0}, [0, 0, 0, 2])
    record(reproduction, Run(GATED, 1), None, [2, 2, 2, 2])
    png, table = draw_levels(reproduction, [0, 1], tmp_path / 'a')
    assert is_picture(png)
    rows = {
        (row['panel'], row['fusion'], row['seed'], row['level']): (row['images'], row['share'])
        for row in read(table)
    }
    assert len(rows) == 3 * (3 + 4)  # labels of three runs, weights of four
    assert rows['training label', 'MF-I', '1', 'P4'] == ('11', '68.75')  # of 16 with a label
    assert rows['training label', 'MF-N', '0', 'P3'] == ('16', '100.00')
    assert rows['largest weight at test', 'MF-I', '0', 'P4'] == ('3', '75.00')
    assert rows['largest weight at test', 'MF-N', '0', 'P5'] == ('1', '25.00')
    assert rows['largest weight at test', 'gated fusion', '1', 'P3'] == ('0', '0.00')
    again = draw_levels(reproduction, [0, 1], tmp_path / 'b')[1]
    assert again.read_bytes() == table.read_bytes()


def test_the_error_for_a_record_without_level_weights_tells_how_to_get_them(
    tiny: Callable[..., Reproduction], tmp_path: Path
) -> None:
    reproduction = tiny()
    with pytest.raises(FileNotFoundError, match=r'mmsxm reproduce --table 4 --suite tiny'):
        draw_levels(reproduction, [0], tmp_path)
    record(reproduction, Run(MF_I, 0), None, [])
    scores = reproduction.new_record(Run(MF_I, 0)) / 'scores.csv'
    scores.write_text('name,score/Gun,label/Gun\na,0.5,1\n')
    with pytest.raises(ValueError, match=f'has no level weights.* delete {scores.parent} and'):
        draw_levels(reproduction, [0], tmp_path)
    reproduction.records.pack()
    with pytest.raises(ValueError, match=r"delete it \(zip -d .*records.zip '.*/seed0/\*'\) and"):
        draw_levels(reproduction, [0], tmp_path)


def test_records_with_other_settings_are_not_drawn(
    tiny: Callable[..., Reproduction], tmp_path: Path
) -> None:
    record(tiny(), Run(MF_I, 0), None, [0])
    with pytest.raises(ValueError, match=r'seed0 has other settings than .*tiny\.py'):
        draw_levels(tiny('batch_size = 3'), [0], tmp_path)


def test_levels_are_computed_from_a_csv_of_boxes(tmp_path: Path) -> None:
    boxes = tmp_path / 'boxes.csv'
    lines = [
        'xml,name,height,width,ymin,xmin,ymax,xmax',
        'a.xml,Gun,100,100,1,1,51,51',  # a quarter of the image, but the next is smaller
        'a.xml,Gun,100,100,1,1,11,11',
        'b.xml,Gun,100,200,11,11,31,61',  # 5% of the image
        'c.xml,Gun,100,100,1,1,51,51',
        'd.xml,Gun,100,100,51,-98,101,3',  # only 2 pixels are in the image
    ]
    boxes.write_text('\n'.join(lines) + '\n')
    png, table = draw_box_levels(boxes, tmp_path)
    assert is_picture(png)
    assert [(row['level'], row['images']) for row in read(table)] == [
        ('P3', '2'),
        ('P4', '1'),
        ('P5', '1'),
    ]
    boxes.write_text('\n'.join([*lines, 'e.xml,Gun,100,100,1,1,x,51']))
    with pytest.raises(ValueError, match=r'boxes\.csv:7 is not a box'):
        draw_box_levels(boxes, tmp_path)


def test_losses_of_each_map_come_from_records_or_logs(
    tiny: Callable[..., Reproduction], tmp_path: Path
) -> None:
    reproduction = tiny()
    strides = (8, 4, 2)
    for number, config in enumerate(HEADS[:2], start=1):
        run = Run(config, 0)
        finish(reproduction, run)
        losses = {f'loss_heatmap_s{stride}': 10.0 * number for stride in strides[:number]}
        write_epochs(reproduction.new_record(run), [{'epoch': 1, **losses}, {'epoch': 2, **losses}])
    run = Run(HEADS[2], 1)  # records had no epochs in early versions
    finish(reproduction, run)
    logs = reproduction.folder(run) / '2026' / 'vis_data' / 'scalars.json'
    logs.parent.mkdir(parents=True)
    line = {f'loss_heatmap_s{stride}': 5.0 for stride in strides}
    logs.write_text(json.dumps({'loss': 15.0, 'epoch': 1, 'step': 2, **line}))
    png, table = draw_attention_losses(reproduction, [0, 1], tmp_path)
    assert is_picture(png)
    rows = [tuple(row.values()) for row in read(table)]
    assert len(rows) == 2 * 1 + 2 * 2 + 3
    assert rows[0] == ('A', '8', '0', '1', '10')
    assert ('B', '4', '0', '2', '20') in rows
    assert ('C', '2', '1', '1', '5') in rows


def test_curves_of_several_runs_are_in_one_figure(tmp_path: Path) -> None:
    write_epochs(tmp_path / 'one' / 'seed0', [{'epoch': 1, 'loss': 80.0}, {'epoch': 2, 'loss': 9}])
    write_epochs(tmp_path / 'two', [{'epoch': 1, 'loss': 0.5, 'xray/mAP': 70.125}])
    png, table = draw_curves([tmp_path / 'one' / 'seed0', tmp_path / 'two'], tmp_path)
    assert is_picture(png)
    assert read(table) == [
        {'run': 'one/seed0', 'epoch': '1', 'loss': '80', 'xray/mAP': ''},
        {'run': 'one/seed0', 'epoch': '2', 'loss': '9', 'xray/mAP': ''},
        {'run': 'two', 'epoch': '1', 'loss': '0.5', 'xray/mAP': '70.125'},
    ]


@pytest.mark.parametrize('simulated', [True, False])
def test_only_simulated_bags_are_written_to_the_output_folder(
    tiny: Callable[..., Reproduction], tmp_path: Path, simulated: bool
) -> None:
    reproduction = tiny('simulate = dict()' if simulated else '')
    run = Run(MF_N, 3)
    finish(reproduction, run)
    with pytest.raises(FileNotFoundError, match=r'There is no checkpoint at .* delete the record'):
        draw_attention(reproduction, [0, 3], tmp_path / 'out')
    torch.manual_seed(0)
    for needed in (reproduction.needs(run)[0], run):
        folder = reproduction.folder(needed)
        model = get_model(reproduction.config(needed))
        for parameter in model.attention_head.parameters():  # without this, maps are flat
            torch.nn.init.normal_(parameter, std=0.1)
        save_checkpoint({'state_dict': model.state_dict()}, str(folder / 'epoch_1.pth'))
        (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
    png, table = draw_attention(reproduction, [0, 3], tmp_path / 'out')
    assert png.parent == (tmp_path / 'out' if simulated else reproduction.work_dir)
    assert is_picture(png)
    rows = read(table)
    assert len(rows) == 6
    for row in rows:
        assert np.sum([float(row[level]) for level in ('P3', 'P4', 'P5')]) == pytest.approx(
            1, abs=2e-4
        )
        assert row['labels'] != 'nothing'
        assert row['map mean, Stage I'] != row['map mean, Stage II']  # two networks
