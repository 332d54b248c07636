"""The demo, with few bags: what it prints and leaves behind."""

import json
from pathlib import Path

import cv2
from forked_tools import run_tool as run


def test_the_demo_trains_tests_and_draws_verdicts(tmp_path: Path) -> None:
    done = run('demo.py', '--train', 24, '--test', 16, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / 'work_dirs/demo'
    numbers = json.loads((out / 'metrics.json').read_text())
    assert 0 < numbers['chance_mAP'] < 100
    assert 0 < numbers['mAP'] <= 100
    assert {'detection_rate', 'false_alarm_rate', 'pointing', 'class_pointing'} <= set(numbers)
    assert 'Tested on 16 simulated bags with items and 4 harmless ones' in done.stdout
    assert f'{numbers["mAP"]:.1f}' in done.stdout
    assert list((out / 'evidence').glob('epoch_*.pth'))
    sheet = cv2.imread(str(out / 'verdicts.png'))
    assert sheet.shape[0] > 3 * 336  # twelve bags in rows of four
    assert sheet.shape[1] > 4 * 336


def test_a_folder_with_other_data_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / 'data/demo'
    other.mkdir(parents=True)
    (other / 'notes.txt').write_text('mine')
    done = run('demo.py', '--train', 24, '--test', 16, cwd=tmp_path)
    assert done.returncode != 0
    assert 'DEMO_ROOT' in done.stderr
    assert [path.name for path in other.iterdir()] == ['notes.txt']
