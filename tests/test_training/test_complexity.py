"""Multiply-accumulates and parameters."""

import json
from pathlib import Path

import pytest
from forked_tools import run_tool

from mmsxm.training.complexity import count
from mmsxm.training.config import load_config

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures('scope')


def test_resnet50_costs_match_the_literature() -> None:
    gmacs, params_m = count(load_config(ROOT / 'configs/baselines/resnet50_sixray.py'))
    assert gmacs == pytest.approx(4.09, abs=0.01)  # torchvision's table: 4.09 at 224
    # torchvision's 25.557 without its classifier of 1000 classes, and with one of 5
    assert params_m == pytest.approx(25.557 - 2.049 + 2049e-6 * 5, abs=0.002)


def test_sxmnet_costs_at_most_1_4_times_resnet50() -> None:
    plain = count(load_config(ROOT / 'configs/baselines/resnet50_sixray.py'))
    sxmnet = count(load_config(ROOT / 'configs/sxmnet_sixray_stage2.py'))
    assert sxmnet.gmacs <= 1.4 * plain.gmacs


@pytest.mark.parametrize('backbone', ['', 'mobilenet-v2_'])
def test_class_evidence_costs_no_more_than_sxmnet(backbone: str) -> None:
    configs = f'evidence_{backbone}sixray.py', f'sxmnet_{backbone}sixray_stage2.py'
    evidence, sxmnet = (count(load_config(ROOT / 'configs' / name)) for name in configs)
    assert evidence.gmacs <= sxmnet.gmacs
    assert evidence.params_m <= sxmnet.params_m


def test_chr_costs_are_the_sum_of_its_parts() -> None:
    gmacs, params_m = count(load_config(ROOT / 'configs/baselines/chr_sixray.py'))
    # torchvision's ResNet-101: 7.80 and 44.549, without its classifier of 1000 classes; the neck's
    # 1x1 convolutions as published, at 7 x 7, 14 x 14 and 28 x 28
    of_levels = 2048**2, 1024**2 + 3072 * 1024, 512**2 + 1536 * 512
    neck = sum(size * weights for size, weights in zip((49, 196, 784), of_levels, strict=True))
    assert gmacs == pytest.approx(7.80 + neck / 1e9, abs=0.01)
    biases, linears = 2048 + 2 * 1024 + 2 * 512, 5 * (2048 + 1024 + 512 + 3)
    assert params_m == pytest.approx(
        44.549 - 2.049 + (sum(of_levels) + biases + linears) / 1e6, abs=0.002
    )


def test_the_command_prints_a_line_per_config() -> None:
    configs = ['configs/demo/sxmnet_stage1.py', 'configs/demo/sxmnet_stage2.py']
    done = run_tool('complexity.py', *configs, '--json', '--size', 64, 96)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]
    assert [row['config'] for row in rows] == configs
    assert rows[0]['gmacs'] < rows[1]['gmacs']
    assert rows[0].keys() == {'config', 'gmacs', 'params_m'}


def test_the_command_counts_at_the_input_size_of_the_config(tmp_path: Path) -> None:
    path = tmp_path / 'small.py'
    path.write_text(f"_base_ = '{ROOT}/configs/demo/evidence.py'\ninput_size = 64\n")
    done = run_tool('complexity.py', path, '--json')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)['gmacs'] == pytest.approx(
        count(load_config(path), (64, 64))[0], abs=1e-3
    )
