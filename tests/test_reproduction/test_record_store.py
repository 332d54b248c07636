"""Store of run records: folders of new ones, one zip file for the others."""

import multiprocessing
import shutil
import zipfile
from pathlib import Path

import pytest

from mmsxm.evaluation import read_scores
from mmsxm.reproduction.record_store import RecordStore
from mmsxm.reproduction.run_record import read_epochs, read_result, write_epochs, write_result
from mmsxm.reproduction.training_curves import draw_curves

A, B = 'chr/seed0', 'sxmnet/seed1'


def write_record(records: RecordStore, run: str, value: float = 0.5) -> dict[str, bytes]:
    """Write a single record and return its files by their names in the zip file."""
    folder = records.single(run)
    write_epochs(folder, [{'epoch': 1, 'loss': value}])
    (folder / 'scores.csv').write_text(f'name,score/Gun,label/Gun\nP1,{value},1\n')
    write_result(folder, {'metrics': {'xray/mAP': value}})
    return {f'{run}/{path.name}': path.read_bytes() for path in folder.iterdir()}


def content(archive: Path) -> dict[str, bytes]:
    """Read a zip file with the standard library."""
    with zipfile.ZipFile(archive) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob('*') if path.is_file()]


@pytest.fixture
def records(tmp_path: Path) -> RecordStore:
    return RecordStore(tmp_path / 'runs')


def test_packing_keeps_the_bytes_of_a_record(records: RecordStore) -> None:
    expected = write_record(records, A) | write_record(records, B, 0.25)
    records.pack()
    assert records.archive.name == 'runs.zip'
    assert content(records.archive) == expected
    assert not files(records.folder)
    assert records.runs() == [A, B]
    assert read_result(records.find(B)) == {'metrics': {'xray/mAP': 0.25}}
    assert read_epochs(records.find(B)) == [{'epoch': 1, 'loss': 0.25}]
    assert read_scores(records.find(B) / 'scores.csv').scores == [[0.25]]


def test_a_run_without_a_record_is_neither_single_nor_packed(records: RecordStore) -> None:
    write_record(records, A)
    records.pack()
    assert records.find(B) == records.single(B)
    assert read_result(records.find(B)) is None


def test_the_same_records_give_the_same_bytes(records: RecordStore, tmp_path: Path) -> None:
    write_record(records, A)
    write_record(records, B)
    records.pack()
    other_store = RecordStore(tmp_path / 'others')
    for run in (B, A, A):  # in another order, packed one by one, and one of them twice
        write_record(other_store, run)
        other_store.pack()
    assert other_store.archive.read_bytes() == records.archive.read_bytes()


def test_a_finished_single_record_replaces_the_packed_one_with_all_its_files(
    records: RecordStore,
) -> None:
    kept = write_record(records, A)
    write_record(records, B, 0.25)
    records.pack()
    write_result(records.single(B), {'metrics': {'xray/mAP': 0.75}})  # this record has no scores
    assert records.find(B) == records.single(B)
    assert records.runs() == [A, B]
    records.pack()
    assert read_result(records.find(B)) == {'metrics': {'xray/mAP': 0.75}}
    assert content(records.archive).keys() == kept.keys() | {f'{B}/result.json'}


def test_a_record_that_is_being_written_does_not_count(records: RecordStore) -> None:
    write_record(records, A)
    expected = write_record(records, B)
    records.pack()
    write_record(records, B, 0.25)
    (records.single(B) / 'result.json').unlink()
    assert (records.find(B) / 'scores.csv').read_bytes() == expected[f'{B}/scores.csv']
    write_record(records, A, 0.125)
    (records.single(A) / 'scores.csv.1234.part').write_text('half')
    records.pack()
    packed = content(records.archive)
    assert {name: packed[name] for name in expected} == expected
    assert len(packed) == 2 * 3
    assert read_scores(records.find(A) / 'scores.csv').scores == [[0.125]]
    assert len(files(records.folder)) == 2  # files of B, which is not finished


class Killed(BaseException):
    pass


@pytest.mark.parametrize('step', ['write', 'replace', 'delete result', 'delete folder'])
def test_interrupted_packing_loses_nothing(
    records: RecordStore, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Killed

    expected = write_record(records, A)
    records.pack()
    expected |= write_record(records, B, 0.25)
    with monkeypatch.context() as patch:
        match step:
            case 'write':
                patch.setattr(zipfile.ZipFile, 'writestr', die)
            case 'replace':
                patch.setattr('mmsxm.io.files.os.replace', die)
            case 'delete result':
                patch.setattr(Path, 'unlink', die)
            case 'delete folder':
                patch.setattr(shutil, 'rmtree', die)
        with pytest.raises(Killed):
            records.pack()
    reopened = RecordStore(records.folder)
    assert reopened.runs() == [A, B]
    for run in (A, B):
        for name in ('result.json', 'epochs.csv', 'scores.csv'):
            assert (reopened.find(run) / name).read_bytes() == expected[f'{run}/{name}']
    reopened.pack()
    assert content(reopened.archive) == expected


def pack_one(folder: Path, run: str, start: 'multiprocessing.synchronize.Event') -> None:
    records = RecordStore(folder)
    write_record(records, run)
    start.wait()
    records.pack()


def test_processes_that_pack_at_the_same_time_take_turns(records: RecordStore) -> None:
    write_record(records, A)
    records.pack()
    context = multiprocessing.get_context('fork')
    start = context.Event()
    runs = [f'network{number}/seed0' for number in range(4)]
    processes = [
        context.Process(target=pack_one, args=(records.folder, run, start)) for run in runs
    ]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert records.runs() == [A, *runs]
    assert len(content(records.archive)) == 3 * 5


def test_a_damaged_zip_file_is_reported_and_single_records_are_kept(records: RecordStore) -> None:
    expected = write_record(records, A)
    records.pack()
    whole = records.archive.read_bytes()
    write_record(records, B)
    records.archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r'runs\.zip is not a zip file or is damaged'):
        records.pack()
    data = bytearray(whole)
    data[len(f'{A}/epochs.csv') + 30 + 5] ^= 0xFF  # in the first member
    records.archive.write_bytes(data)
    with pytest.raises(ValueError, match=r'runs\.zip/chr/seed0/epochs\.csv cannot be unpacked'):
        records.pack()
    with pytest.raises(ValueError, match=r'chr/seed0/epochs\.csv cannot be unpacked'):
        read_epochs(records.find(A))
    with zipfile.ZipFile(records.archive, 'w', zipfile.ZIP_BZIP2) as other:
        other.writestr(f'{A}/result.json', '{}')
    message = r'runs\.zip: chr/seed0/result\.json uses another compression'
    with pytest.raises(ValueError, match=message):
        records.pack()
    records.archive.write_bytes(whole)
    records.pack()
    assert content(records.archive).items() > expected.items()


def test_curves_can_be_drawn_from_packed_records(records: RecordStore, tmp_path: Path) -> None:
    write_record(records, A)
    write_record(records, B)
    folders = [records.single(A), records.single(B)]
    single = draw_curves(folders, tmp_path / 'single')[1].read_bytes()
    records.pack()
    assert draw_curves(folders, tmp_path / 'packed')[1].read_bytes() == single
    with pytest.raises(FileNotFoundError, match=r'seed7 has no epochs\.csv'):
        draw_curves([records.single('chr/seed7')], tmp_path)
