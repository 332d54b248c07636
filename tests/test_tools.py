"""Commands that convert files."""

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from forked_tools import run_tool as run

from mmsxm.cli import compare_sets
from mmsxm.cli import reproduce as cli_reproduce

ROOT = Path(__file__).resolve().parents[1]


def test_a_published_checkpoint_contains_only_weights_and_is_named_by_its_digest(
    tmp_path: Path,
) -> None:
    weights = {'head.weight': torch.arange(3.0)}
    meta = {'epoch': 7, 'cfg': 'model = dict()', 'dataset_meta': {'classes': ['Gun']}, 'time': '1'}
    meta['calibration'] = {'thresholds': {'Gun': 0.3}}
    checkpoint = {'state_dict': weights, 'optimizer': {'state': {0: torch.ones(9)}}, 'meta': meta}
    torch.save(checkpoint, tmp_path / 'epoch_7.pth')
    done = run('publish_model.py', tmp_path / 'epoch_7.pth', tmp_path / 'out' / 'sxmnet.pth')
    assert done.returncode == 0, done.stderr
    (published,) = (tmp_path / 'out').iterdir()
    digest = hashlib.sha256(published.read_bytes()).hexdigest()[:8]
    assert published.name == f'sxmnet-{digest}.pth'
    assert done.stdout.strip().endswith(str(published))
    kept = torch.load(published, weights_only=True)
    assert kept.keys() == {'state_dict', 'meta'}
    assert torch.equal(kept['state_dict']['head.weight'], weights['head.weight'])
    assert kept['meta'] == {key: value for key, value in meta.items() if key != 'time'}


def test_the_latest_checkpoint_of_a_work_dir_is_published(tmp_path: Path) -> None:
    for epoch in (1, 2):
        content = {'state_dict': {'weight': torch.ones(epoch)}, 'meta': {'epoch': epoch}}
        torch.save(content, tmp_path / f'epoch_{epoch}.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_2.pth'))
    done = run('publish_model.py', tmp_path, tmp_path / 'out' / 'net.pth')
    assert done.returncode == 0, done.stderr
    (published,) = (tmp_path / 'out').iterdir()
    assert torch.load(published)['meta'] == {'epoch': 2}


@pytest.mark.parametrize(
    ('source', 'message'),
    [('', 'is a folder without a checkpoint'), ('none.pth', 'There is no checkpoint at')],
)
def test_a_missing_checkpoint_to_publish_is_one_message(
    source: str, message: str, tmp_path: Path
) -> None:
    done = run('publish_model.py', tmp_path / source, tmp_path / 'out.pth')
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith('mmsxm publish: ')
    assert message in done.stderr
    assert 'Traceback' not in done.stderr


def test_converted_weights_match_the_backbone(tmp_path: Path) -> None:
    from mmpretrain.models import MobileNetV2

    ours = MobileNetV2().state_dict()
    # another maker's names, in the same order, and a classifier behind
    theirs = {
        f'features.{i}.{key.rsplit(".", 1)[1]}': torch.full_like(value, i)
        for i, (key, value) in enumerate(ours.items())
        if not key.endswith('num_batches_tracked')
    }
    torch.save(theirs | {'classifier.weight': torch.ones(2, 2)}, tmp_path / 'theirs.pth')
    config = 'configs/sxmnet_mobilenet-v2_sixray_stage1.py'
    done = run('convert_weights.py', config, tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert done.returncode == 0, done.stderr
    converted = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    MobileNetV2().load_state_dict(converted, strict=False)
    assert [v.mean().item() for v in converted.values()] == [
        pytest.approx(value.mean().item()) for value in theirs.values()
    ]


def test_classifier_weights_are_converted_without_norms_of_intermediate_outputs(
    tmp_path: Path,
) -> None:
    from mmpretrain.models import ConvNeXt

    arch = dict(depths=[1, 1, 1, 1], channels=[8, 16, 24, 32])
    config = tmp_path / 'tiny.py'
    config.write_text(
        f"_base_ = '{ROOT}/configs/sxmnet_convnext-tiny_sixray_stage1.py'\n"
        f'model = dict(backbone=dict(arch={dict(arch, _delete_=True)}))\n'
    )
    classifier = ConvNeXt(arch).state_dict()
    # as the network's authors store it
    torch.save({'model': {**classifier, 'head.weight': torch.ones(2, 2)}}, tmp_path / 'theirs.pth')
    done = run('convert_weights.py', config, tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert done.returncode == 0, done.stderr
    left = 'norm1.bias, norm1.weight, norm2.bias, norm2.weight'
    assert done.stdout.splitlines()[-1].endswith(f'initial values: {left}')
    converted = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    assert converted.keys() == classifier.keys()


def test_weights_of_another_network_are_rejected(tmp_path: Path) -> None:
    torch.save({'conv.weight': torch.ones(2, 2)}, tmp_path / 'theirs.pth')
    config = 'configs/sxmnet_mobilenet-v2_sixray_stage1.py'
    done = run('convert_weights.py', config, tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert done.returncode != 0
    assert 'The file contains 1 tensors, but the backbone has' in done.stderr
    assert not (tmp_path / 'ours.pth').exists()


def test_two_sets_are_compared_in_tables_and_pictures(
    simulate: Callable[..., Path], tmp_path: Path
) -> None:
    a = simulate(4, 2, negatives=3)
    b = tmp_path / 'other'
    shutil.copytree(a, b)
    done = run('compare_sets.py', a, b, '--out', tmp_path / 'out', '--images', 6)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / 'out').iterdir()}
    assert written == {'boxes.csv', 'boxes.png', 'images.csv', 'images.png'}
    rows = (tmp_path / 'out' / 'boxes.csv').read_text().splitlines()
    assert all(row.endswith(',0.0') for row in rows[1:])  # of equal sets

    done = run('compare_sets.py', a, tmp_path / 'nowhere', '--out', tmp_path / 'out')
    assert done.returncode != 0
    assert 'nowhere does not exist. Name a folder of images or a CSV file of boxes' in done.stderr


def test_flips_are_not_drawn(tmp_path: Path) -> None:
    done = run(
        'test.py', 'configs/demo/sxmnet_stage2.py', tmp_path, '--tta', '--show-dir', tmp_path
    )
    assert done.returncode == 2
    assert (
        '--tta tests several views of each image, which cannot be drawn: remove --tta'
        in done.stderr
    )


def test_a_probe_without_its_library_fails_before_images_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compare_sets, 'find_spec', lambda name: None)
    with pytest.raises(ValueError, match=r"--probe needs .*'mmsxm\[probe\]'"):
        compare_sets.main(['a', 'b', '--probe', 'config.py'])


def test_cross_scanner_trains_and_tests_in_one_command(tmp_path: Path) -> None:
    config = tmp_path / 'short.py'
    config.write_text(
        f"_base_ = '{ROOT}/configs/demo/resnet18.py'\n"
        'train_cfg = dict(max_epochs=1, val_interval=1)\n'
        'train_dataloader = dict(batch_size=4, num_workers=0)\n'
        'val_dataloader = test_dataloader = dict(num_workers=0)\n'
    )
    own = tmp_path / 'mine.py'
    own.write_text("scanner = dict(base='sixray_grey', photons=500)\n")
    folders = ('--data', tmp_path / 'data', '--work-dir', tmp_path / 'runs')
    counts = ('--train', 8, '--test', 5, '--workers', 0)
    done = run('cross_scanner.py', config, '--scanners', 'opixray', own, *counts, *folders)
    assert done.returncode == 0, done.stderr
    header, *rows = (tmp_path / 'runs' / 'mAP.csv').read_text().splitlines()
    assert header == 'trained on,opixray,mine'
    assert [row.split(',')[0] for row in rows] == ['opixray', 'mine']
    assert all(0 <= float(value) <= 100 for row in rows for value in row.split(',')[1:])

    done = run('cross_scanner.py', config, '--scanners', 'opixray', *counts, *folders, '--seed', 1)
    assert done.returncode != 0
    assert 'contains networks trained with other settings' in done.stderr
    done = run('cross_scanner.py', config, '--scanners', 'hand-luggage', *counts, *folders)
    assert done.returncode != 0
    assert 'mmsxm cross-scanner: ' in done.stderr
    assert 'hand-luggage' in done.stderr


@pytest.fixture
def reproduce(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    """Return a function that runs tools/reproduce.py and returns its output lines."""

    def call(*args: str) -> list[str]:
        folders = ('--work-dir', str(tmp_path / 'runs'), '--out', str(tmp_path / 'out'))
        cli_reproduce.main([*args, *folders])
        assert not (tmp_path / 'runs').exists()
        return capsys.readouterr().out.splitlines()

    return call


def unpack_record(run: str, out: Path) -> None:
    """Return a function that copies a record of the simulated bags into a results folder."""
    with zipfile.ZipFile(ROOT / 'results/sim-sixray/runs.zip') as packed:
        members = [name for name in packed.namelist() if name.startswith(f'{run}/')]
        assert members
        packed.extractall(out / 'runs', members)


def test_a_table_is_written_as_soon_as_one_of_its_networks_is_finished(
    reproduce: Callable[..., list[str]], tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    unpack_record('resnet50_fpn_sixray_full/seed0', out)
    *_, last = reproduce('--table', '3,7', '--suite', 'sim-sixray', '--tables-only')
    assert last == 'Skipped table 7: none of its networks is finished'
    assert not list(out.glob('table7*'))
    table = (out / 'table3.md').read_text()
    assert '| FPN | ResNet-18 | as Stage I and II | ' in table
    assert '| FPN | ResNet-18 | as Stage II | ' not in table
    assert '; FPN (as Stage II); ' in table.split('Not trained: ')[1]


def test_a_record_of_any_row_with_other_settings_stops_before_training(
    reproduce: Callable[..., list[str]], tmp_path: Path
) -> None:
    unpack_record('resnet50_fpn_sixray_full/seed0', tmp_path / 'out')
    suite = tmp_path / 'changed.py'
    suite.write_text(f"_base_ = '{ROOT / 'configs/suites/sim-sixray.py'}'\nbatch_size = 3\n")
    with pytest.raises(ValueError, match='has other settings than'):
        reproduce('--table', '3', '--suite', str(suite), '--rows', 'resnet50')
    assert not (tmp_path / 'runs').exists()


def test_a_dry_run_prints_a_line_per_network(
    reproduce: Callable[..., list[str]], tmp_path: Path
) -> None:
    unpack_record('chr_sixray/seed0', tmp_path / 'out')
    row = ('--rows', 'no_image')
    lines = reproduce('--table', '7', '--suite', 'sim-sixray', *row, '--dry-run')
    assert lines == [
        '3 networks, 3 of them to be trained',
        '  sxmnet_no-image_sixray_stage1/seed0: ablations/sxmnet_no-image_sixray_stage1.py',
        '  chr_sixray/seed0: baselines/chr_sixray.py (has a record, but its weights are needed)',
        '  sxmnet_no-image_sixray_stage2/seed0: ablations/sxmnet_no-image_sixray_stage2.py',
    ]


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (
            ('--table', '7', '--suite', 'sim-sixray', '--rows', 'noimage,image'),
            r'Unknown row noimage in table 7\. Choose --rows from no_image, image\.$',
        ),
        (
            ('--table', '7,4', '--suite', 'opixray'),
            r'Table 7 has no row for opixray, .*\. Choose from 2, 4, 8\.$',
        ),
    ],
)
def test_an_unknown_row_or_table_is_an_error(
    reproduce: Callable[..., list[str]], args: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=f'^{message}'):
        reproduce(*args, '--dry-run')


def test_all_selects_the_tables_of_the_dataset(reproduce: Callable[..., list[str]]) -> None:
    _, *lines = reproduce('--table', 'all', '--suite', 'opixray', '--tables-only')
    assert [line.split(': ')[0] for line in lines] == [f'Skipped table {i}' for i in (2, 4, 8)]
