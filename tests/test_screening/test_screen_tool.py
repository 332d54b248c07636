"""tools/screen.py as a process with a fake network: damaged files, killed processes, signals."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

TESTS = Path(__file__).resolve().parents[1]
DARK, LIGHT = 20, 250


def write_image(path: Path, grey: int = LIGHT) -> None:
    cv2.imwrite(str(path), np.full((40, 60, 3), grey, dtype=np.uint8))


@pytest.fixture
def bags(tmp_path: Path) -> Path:
    """A folder of nine light images and a dark one."""
    folder = tmp_path / 'bags'
    folder.mkdir()
    for number in range(10):
        write_image(folder / f'{number}.png', DARK if number == 4 else LIGHT)
    return folder


def start(
    source: Path,
    out: Path,
    *args: object,
    before: Callable[[], None] | None = None,
    **env: object,
) -> subprocess.Popen:
    command = [TESTS / 'fake_screen.py', source, '--model', 'd1', '--out', out, '--workers', 2]
    return subprocess.Popen(
        [sys.executable, *map(str, (*command, *args))],
        env=os.environ | {name: str(value) for name, value in env.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def screen(source: Path, out: Path, *args: object, **env: object) -> tuple[int, str, str]:
    """Run to the end; return the exit code, stdout and stderr."""
    process = start(source, out, *args, **env)
    output, errors = process.communicate(timeout=400)
    return process.returncode, output, errors


def read(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines()]


def names(out: Path) -> list[str]:
    return [Path(record['path']).name for record in read(out)]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, 'it did not come about in a minute'
        time.sleep(0.02)


def lines(out: Path) -> int:
    return out.read_bytes().count(b'\n') if out.exists() else 0


def test_a_folder_is_screened_to_lines_a_summary_and_a_table(bags: Path, tmp_path: Path) -> None:
    out = tmp_path / 'results.jsonl'
    code, output, errors = screen(bags, out, '--csv', tmp_path / 'r.csv', '--batch-size', 4)
    assert (code, errors) == (1, '')
    assert names(out) == [f'{number}.png' for number in range(10)]
    assert [record['labels'] for record in read(out)][3:6] == [[], ['Gun'], []]
    assert all(Path(record['path']).is_absolute() for record in read(out))
    counts = dict(line.split('│') for line in output.replace(' ', '').splitlines() if '│' in line)
    assert {key: counts[key] for key in ('images', 'alarms', 'Gun', 'Knife', 'errors')} == {
        'images': '10', 'alarms': '1', 'Gun': '1', 'Knife': '0', 'errors': '0',
    }  # fmt: skip
    assert float(counts['imagespersecond']) > 0
    assert (tmp_path / 'r.csv').read_text().count('\n') == 11


def test_the_summary_counts_files_of_earlier_runs(bags: Path, tmp_path: Path) -> None:
    out = tmp_path / 'results.jsonl'
    _, output, _ = screen(bags, out)
    assert 'Already in' not in output
    (bags / 'new.png').write_bytes((bags / '3.png').read_bytes())
    _, output, _ = screen(bags, out)
    assert f'Already in {out}: 10 of these files.' in output
    assert names(out)[10:] == ['new.png']


def test_the_exit_code_is_0_only_if_all_files_are_clear(bags: Path, tmp_path: Path) -> None:
    code, _, _ = screen(bags / '3.png', tmp_path / 'clear.jsonl')
    assert code == 0
    (bags / 'broken.png').touch()
    (tmp_path / 'list.txt').write_text('bags/3.png\nbags/broken.png\n')
    code, _, _ = screen(tmp_path / 'list.txt', tmp_path / 'broken.jsonl')
    assert code == 2  # an unreadable file is not cleared
    code, _, _ = screen(bags, tmp_path / 'alarm.jsonl')
    assert code == 1  # an alarm counts, even with unreadable files
    (tmp_path / 'none').mkdir()
    code, _, errors = screen(tmp_path / 'none', tmp_path / 'none.jsonl')
    assert code == 2
    assert 'nothing to screen' in errors


def test_files_that_include_does_not_match_are_counted(bags: Path, tmp_path: Path) -> None:
    (bags / 'scanner.log').write_text('ready')
    (bags / 'OTHER.jpg').touch()
    out = tmp_path / 'results.jsonl'
    args = ('--include', '[0-2].png', '--include', '4.*')
    code, output, errors = screen(bags, out, *args)
    assert (code, errors) == (1, '')
    assert names(out) == ['0.png', '1.png', '2.png', '4.png']
    counts = dict(line.split('│') for line in output.replace(' ', '').splitlines() if '│' in line)
    assert counts['leftoutby--include'] == '8'
    assert counts['errors'] == '0'


@pytest.mark.parametrize(
    ('args', 'sentence'),
    [
        (['--watch', 1], '--watch needs a folder'),
        (['--include', '*.png'], '--include needs a folder'),
        (['--batch-size', 0], 'invalid --batch-size 0: use a number above 0'),
        (['--model', 'd2', '--checkpoint', 'no number'], 'could not convert'),
    ],
)
def test_invalid_arguments_are_failures(
    bags: Path, tmp_path: Path, args: list[object], sentence: str
) -> None:
    code, output, errors = screen(bags / '3.png', tmp_path / 'r.jsonl', *args)
    assert (code, output) == (2, '')
    assert sentence in errors.splitlines()[-1]


def test_damaged_files_are_recorded_and_never_stop_screening(bags: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'mixed'
    folder.mkdir()
    dark = np.full((40, 60), DARK, dtype=np.uint8)
    Image.fromarray(dark).save(folder / 'grey.png')
    cv2.imwrite(str(folder / '16-bit.png'), np.full((40, 60, 3), DARK * 257, dtype=np.uint16))
    Image.fromarray(np.stack([dark] * 3, axis=-1)).convert('CMYK').save(folder / 'cmyk.jpg')
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / 'truncated.jpg'), noise)
    whole = (folder / 'truncated.jpg').read_bytes()
    (folder / 'truncated.jpg').write_bytes(whole[: len(whole) // 2])
    (folder / 'empty.png').touch()
    (folder / 'text.jpg').write_text('no image at all\n' * 100)
    (folder / 'notes.xml').write_text('<annotation/>')
    Image.new('L', (20_000, 20_000)).save(folder / 'huge.png')
    os.mkfifo(folder / 'pipe.png')
    (folder / 'nowhere.png').symlink_to(tmp_path / 'gone.png')
    (folder / 'loop').symlink_to(folder)
    write_image(folder / 'last.png')

    code, _, errors = screen(folder, tmp_path / 'r.jsonl')
    assert (code, errors) == (1, '')
    by_name = {Path(record['path']).name: record for record in read(tmp_path / 'r.jsonl')}
    assert by_name.keys() == {path.name for path in folder.iterdir()}
    for name in ('grey.png', '16-bit.png', 'cmyk.jpg'):
        assert by_name[name]['labels'] == ['Gun'], name
    assert by_name['last.png']['labels'] == []
    failed = {name: record['error'] for name, record in by_name.items() if 'error' in record}
    assert failed.keys() == by_name.keys() - {'grey.png', '16-bit.png', 'cmyk.jpg', 'last.png'}
    assert all(failed.values())
    assert '20000' in failed['huge.png'].replace(',', '')
    assert 'regular' in failed['pipe.png']


@pytest.mark.skipif(os.getuid() == 0, reason='root may read everything')
def test_a_file_without_permission_is_recorded(bags: Path, tmp_path: Path) -> None:
    (bags / '2.png').chmod(0)
    screen(bags, tmp_path / 'r.jsonl')
    assert 'error' in read(tmp_path / 'r.jsonl')[2]
    assert lines(tmp_path / 'r.jsonl') == 10


def test_max_pixels_is_an_option(bags: Path, tmp_path: Path) -> None:
    code, _, _ = screen(bags / '3.png', tmp_path / 'r.jsonl', '--max-pixels', 40 * 60 - 1)
    assert code == 2
    assert '2399' in read(tmp_path / 'r.jsonl')[0]['error'].replace(',', '')


def test_a_killed_run_resumes_without_losing_or_repeating_files(tmp_path: Path) -> None:
    folder, out = tmp_path / 'bags', tmp_path / 'r.jsonl'
    folder.mkdir()
    for number in range(60):
        write_image(folder / f'{number:02}.png')
    for wanted in (8, 28):
        process = start(folder, out, '--batch-size', 4, FAKE_SECONDS=0.05)
        wait_for(lambda: lines(out) >= wanted)  # noqa: B023, called at once
        process.kill()
        process.communicate()
        assert lines(out) < 60
    with open(out, 'ab') as file:
        file.write(b'{"path": "/half a l')
    code, _, errors = screen(folder, out)
    assert (code, errors) == (0, '')
    assert sorted(names(out)) == [f'{number:02}.png' for number in range(60)]
    code, output, _ = screen(folder, out)  # nothing is left to screen
    assert code == 0
    assert lines(out) == 60
    assert '60' in output


def test_worker_processes_exit_when_the_tool_is_killed(bags: Path, tmp_path: Path) -> None:
    if not Path('/proc').is_dir():
        pytest.skip('needs /proc to list processes')

    def family() -> list[str]:
        found = []
        for each in Path('/proc').glob('[0-9]*/environ'):
            try:
                if f'MMSXM_FAMILY={tmp_path}'.encode() in each.read_bytes():
                    found.append(each.parent.name)
            except OSError:
                continue
        return found

    out = tmp_path / 'r.jsonl'
    process = start(bags, out, '--watch', 0.1, MMSXM_FAMILY=tmp_path)
    wait_for(lambda: lines(out) == 10)
    assert len(family()) > 1
    process.kill()
    process.communicate()
    wait_for(lambda: not family())


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_pending_work(tmp_path: Path, number: signal.Signals) -> None:
    folder, out = tmp_path / 'bags', tmp_path / 'r.jsonl'
    folder.mkdir()
    for each in range(60):
        write_image(folder / f'{each:02}.png')
    process = start(folder, out, '--batch-size', 4, '--csv', tmp_path / 'r.csv', FAKE_SECONDS=0.1)
    wait_for(lambda: lines(out) >= 4)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2  # the remaining files are not cleared
    assert 4 <= lines(out) < 60
    assert 'Run the same command to resume.' in errors
    assert 'images per second' in output
    assert (tmp_path / 'r.csv').read_text().count('\n') == lines(out) + 1
    assert screen(folder, out)[0] == 0
    assert sorted(names(out)) == [f'{each:02}.png' for each in range(60)]


def test_a_file_that_kills_its_reader_is_recorded_and_the_rest_is_screened(
    bags: Path, tmp_path: Path
) -> None:
    write_image(bags / '1 deadly.png')
    write_image(bags / '5 shy.png', DARK)  # kills a worker only once, so it is not the cause
    code, _, errors = screen(bags, tmp_path / 'r.jsonl', '--batch-size', 4)
    assert (code, errors) == (1, '')
    by_name = {Path(record['path']).name: record for record in read(tmp_path / 'r.jsonl')}
    assert [name for name, record in by_name.items() if 'error' in record] == ['1 deadly.png']
    assert 'crashed the worker process twice' in by_name['1 deadly.png']['error']
    assert by_name['5 shy.png']['labels'] == ['Gun']
    assert lines(tmp_path / 'r.jsonl') == 12


def test_new_files_in_a_watched_folder_are_screened(bags: Path, tmp_path: Path) -> None:
    out = bags / 'r.jsonl'  # also in the folder, but not an image
    process = start(bags, out, '--watch', 0.2, '--overlays', bags / 'overlays')
    wait_for(lambda: lines(out) == 10)
    whole = (bags / '4.png').read_bytes()
    with open(bags / 'new.png', 'wb') as file:
        for byte in whole:  # takes longer than two scans
            file.write(bytes([byte]))
            file.flush()
            time.sleep(0.6 / len(whole))
    wait_for(lambda: lines(out) == 11)
    assert read(out)[-1]['path'] == str(bags / 'new.png')
    assert read(out)[-1]['labels'] == ['Gun']
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, '')
    assert lines(out) == 11
    assert len(list((bags / 'overlays').iterdir())) == 11


def test_overlays_have_unique_names(tmp_path: Path) -> None:
    folder, out = tmp_path / 'bags', tmp_path / 'r.jsonl'
    for each in ('one', 'two'):
        (folder / each).mkdir(parents=True)
        write_image(folder / each / f'{"long" * 60}.png', DARK)
    code, _, errors = screen(folder, out, '--overlays', tmp_path / 'overlays')
    assert (code, errors) == (1, '')
    pictures = [cv2.imread(record['overlay']) for record in read(out)]
    assert len({record['overlay'] for record in read(out)}) == 2
    # enlarged to 336 pixels, with two lines of text below; attention is everywhere, so all is red
    assert [picture.shape for picture in pictures] == [(224 + 40, 336, 3)] * 2
    blue, _, red = pictures[0][20, 20].astype(int)
    assert red - blue > 100


@pytest.fixture
def folder_of_a_dead_cluster() -> Iterator[Path]:
    """Ray's folder for temporary files; it names a cluster that no longer answers."""
    with tempfile.TemporaryDirectory() as folder:  # short: the path of a socket has a limit
        (Path(folder) / 'ray').mkdir()
        (Path(folder) / 'ray' / 'ray_current_cluster').write_text('127.0.0.1:1')
        yield Path(folder)


def test_ray_with_two_workers_matches_one_process(
    bags: Path, tmp_path: Path, folder_of_a_dead_cluster: Path
) -> None:
    pytest.importorskip('ray', reason='Ray Data is not installed')
    (bags / 'empty.png').touch()
    (bags / 'text.jpg').write_text('no image')
    write_image(bags / 'new\n"line.png', DARK)
    records_by_engine = {}
    for engine in ('pool', 'ray'):
        out, overlays = tmp_path / f'{engine}.jsonl', tmp_path / engine
        for _ in range(5):
            code, _, errors = screen(
                *(bags, out, '--engine', engine, '--batch-size', 3, '--overlays', overlays),
                RAY_TMPDIR=folder_of_a_dead_cluster,
            )
            if 'Ray did not start within' not in errors:  # on a busy machine
                break
        assert code == 1, errors
        records = {record.pop('path'): record for record in read(out)}
        for record in records.values():
            del record['time']
            if overlay := record.pop('overlay', None):
                assert Path(overlay).parent == overlays
                assert Path(overlay).is_file()
        records_by_engine[engine] = records
        assert lines(out) == 13
    assert records_by_engine['ray'] == records_by_engine['pool']


def test_the_tool_matches_the_inferencer(bags: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip('torch', reason='the inferencer needs PyTorch')
    from mmengine.registry import init_default_scope

    from mmsxm.apis import XrayInferencer
    from mmsxm.io.files import sha256
    from mmsxm.registry import MODELS
    from mmsxm.training.config import load_config

    config = TESTS.parent / 'configs' / 'demo' / 'sxmnet_stage2.py'
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    classes = ('Gun', 'Knife', 'Pliers', 'Scissors', 'Wrench')
    network = MODELS.build(load_config(config).model)
    weights = {'state_dict': network.state_dict(), 'meta': {'dataset_meta': {'classes': classes}}}
    torch.save(weights, tmp_path / 'weights.pth')
    command = [
        'tools/screen.py',
        bags,
        '--model',
        config,
        '--checkpoint',
        tmp_path / 'weights.pth',
    ]
    done = subprocess.run(
        [sys.executable, *map(str, [*command, '--device', 'cpu', '--out', tmp_path / 'r.jsonl'])],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    results = XrayInferencer(config, tmp_path / 'weights.pth', device='cpu')(str(bags))
    records = read(tmp_path / 'r.jsonl')
    assert [record['path'] for record in records] == [one['img_path'] for one in results]
    assert [record['labels'] for record in records] == [one['pred_labels'] for one in results]
    for record, one in zip(records, results, strict=True):
        assert record['scores'] == pytest.approx(one['pred_scores'], abs=1e-5)
    assert {record['model'] for record in records} == {sha256(tmp_path / 'weights.pth')}


def test_results_of_another_network_or_thresholds_are_rejected(bags: Path, tmp_path: Path) -> None:
    out = tmp_path / 'r.jsonl'
    screen(bags / '3.png', out)
    for args in (['--model', 'd2'], ['--checkpoint', 0.4]):
        code, output, errors = screen(bags, out, *args)
        assert (code, output) == (2, '')
        assert errors.startswith('mmsxm screen: ')
        assert len(errors.splitlines()) == 1
        assert 'Use another --out' in errors
    assert lines(out) == 1


def test_a_failed_write_is_a_failure_that_can_be_resumed(bags: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip('resource', reason='Windows has no limits to set')
    out = tmp_path / 'r.jsonl'
    screen(bags / '3.png', out)
    room = out.stat().st_size * 5 // 2  # the limit cuts the third line
    process = start(
        bags, out, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert 'too large' in errors
    assert out.stat().st_size == room
    assert screen(bags, out)[0] == 1
    assert sorted(names(out)) == [f'{number}.png' for number in range(10)]


def test_results_must_be_a_regular_file(bags: Path) -> None:
    code, _, errors = screen(bags, Path(os.devnull))
    assert code == 2
    assert 'not a regular file' in errors
