import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[1] / 'tools'
LAUNCHERS = ('dist_train', 'dist_test', 'slurm_train', 'slurm_test')

pytestmark = pytest.mark.skipif(shutil.which('bash') is None, reason='the launchers need bash')


def launch(name: str, *args: str, path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a launcher with stand-ins for python and srun that print one argument per line."""
    for program in ('python', 'srun'):
        stand_in = path / program
        stand_in.write_text(
            '#!/usr/bin/env bash\nprintf "%s\\n" "$(basename "$0")" "$OMP_NUM_THREADS" "$@"\n'
        )
        stand_in.chmod(0o755)
    clean = {'PATH': f'{path}{os.pathsep}{os.environ["PATH"]}', 'OMP_NUM_THREADS': ''}
    return subprocess.run(
        ['bash', str(TOOLS / f'{name}.sh'), *args],
        env=clean | env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize('name', LAUNCHERS)
def test_missing_arguments_print_the_usage(name: str, tmp_path: Path) -> None:
    done = launch(name, 'config.py', path=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith('Usage: ')
    assert 'CONFIG' in done.stderr
    assert done.stdout == ''


@pytest.mark.parametrize('gpus', ['0', '-1', 'two'])
def test_an_invalid_number_of_processes_prints_the_usage(gpus: str, tmp_path: Path) -> None:
    done = launch('dist_train', 'config.py', gpus, path=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith('Usage: ')


@pytest.mark.parametrize(
    ('name', 'args', 'script_args'),
    [
        ('dist_train', ['c.py', '2'], ['c.py', '--launcher', 'pytorch']),
        ('dist_test', ['c.py', 'w.pth', '2'], ['c.py', 'w.pth', '--launcher', 'pytorch']),
        (
            'slurm_train',
            ['part', 'job', 'c.py', 'out dir'],
            ['c.py', '--work-dir', 'out dir', '--launcher', 'slurm'],
        ),
        (
            'slurm_test',
            ['part', 'job', 'c.py', 'w.pth'],
            ['c.py', 'w.pth', '--launcher', 'slurm'],
        ),
    ],
)
def test_options_reach_the_script(
    name: str, args: list[str], script_args: list[str], tmp_path: Path
) -> None:
    options = ['--cfg-options', 'a.b=a value']
    done = launch(name, *args, *options, path=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    script = str(TOOLS / f'{name.split("_")[1]}.py')
    assert lines[lines.index(script) + 1 :] == script_args + options


def test_several_machines_are_set_by_environment_variables(tmp_path: Path) -> None:
    done = launch(
        'dist_train',
        'c.py',
        '4',
        path=tmp_path,
        NNODES='3',
        NODE_RANK='1',
        MASTER_ADDR='10.0.0.7',
        PORT='29511',
    )
    options = {line for line in done.stdout.splitlines() if line.startswith('--n')}
    assert options >= {'--nnodes=3', '--node-rank=1', '--nproc-per-node=4'}
    assert '--master-addr=10.0.0.7' in done.stdout
    assert '--master-port=29511' in done.stdout


def test_processes_share_the_cores(tmp_path: Path) -> None:
    threads = launch('dist_train', 'c.py', '100000', path=tmp_path).stdout.splitlines()[1]
    assert threads == '1'
    chosen = launch('dist_train', 'c.py', '2', path=tmp_path, OMP_NUM_THREADS='3')
    assert chosen.stdout.splitlines()[1] == '3'


def test_slurm_requests_no_more_gpus_than_needed(tmp_path: Path) -> None:
    done = launch(
        'slurm_train',
        *('part', 'job', 'c.py', 'out'),
        path=tmp_path,
        GPUS='2',
        SRUN_ARGS='--quotatype=spot --time=1:00',
    )
    lines = done.stdout.splitlines()
    assert lines[0] == 'srun'
    assert {'--ntasks=2', '--ntasks-per-node=2', '--gres=gpu:2'} <= set(lines)
    assert {'--quotatype=spot', '--time=1:00'} <= set(lines)
