import json
import subprocess
import sys
from pathlib import Path

from mmsxm.datasets import OPIXray


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = Path(__file__).parents[2] / 'tools' / 'simulate.py'
    return subprocess.run([sys.executable, str(tool), *arguments], capture_output=True, text=True)


def test_simulate_records_all_settings(tmp_path: Path) -> None:
    folder = str(tmp_path / 'set')
    (tmp_path / 'own.py').write_text("scanner = dict(base='sixray_grey', photons=999)")
    command = [
        'sixray',
        folder,
        *['--train', '2', '--test', '1', '--size', '64', '64', '--scanner', f'{tmp_path}/own.py'],
        *['--crowding', 'sparse', '--things', '1', '2', '--overlap', '0.9', '--lists', '1'],
    ]
    done = _run(*command)
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith(f'{folder}: simulated 6 images in')
    assert last.endswith('images/s')  # of all cores together
    record = json.loads((tmp_path / 'set' / 'simulation.json').read_text())
    assert record['image_size'] == [64, 64]
    assert [scanner['photons'] for scanner in record['scanners']] == [999]
    assert (record['crowding']['things'], record['crowding']['overlap']) == ([1, 2], 0.9)
    assert record['crowding']['zoom'] == 0.6
    refused = _run(*command, '--seed', '1')
    assert refused.returncode == 1
    assert 'name another folder' in refused.stderr
    assert 'Traceback' not in refused.stderr


def test_simulate_writes_opixray_sets_and_reports_errors(tmp_path: Path) -> None:
    counts = ['--train', '1', '--test', '1']
    done = _run('opixray', str(tmp_path / 'set'), *counts, '--size', '64', '64')
    assert done.returncode == 0, done.stderr
    assert len(OPIXray(str(tmp_path / 'set'), split='test')) == 1
    for arguments in (
        ['sixray', *counts, '--negatives', '2', '--lists', '10'],
        ['sixray', *counts, '--overlap', '7'],
        ['opixray', *counts, '--scanner', f'{tmp_path}/none.py'],
        ['opixray', *counts, '--scanner', 'none'],
        ['opixray', *counts, '--scanner', f'{tmp_path}/set/simulation.json'],
        ['opixray', *counts, '--seed', '-1'],
    ):
        refused = _run(arguments[0], str(tmp_path / 'other'), *arguments[1:])
        assert refused.returncode in (1, 2)
        assert 'Traceback' not in refused.stderr
        assert refused.stderr.strip()
    assert not (tmp_path / 'other').exists()
