"""Banks survive a round trip, and every other file is rejected without side effects."""

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmsxm.datasets.threat_bank_file import Threat, ThreatBank

CLASSES = ('Gun', 'Knife')
Arrays = dict[str, np.ndarray]


def threats() -> list[Threat]:
    rng = np.random.default_rng(0)
    return [
        Threat(rng.integers(0, 256, (5 + i, 9, 3), dtype=np.uint8), i % 2, 1 + i / 4, f'P{i}')
        for i in range(3)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / 'bank.npz'
    ThreatBank(threats(), {'classes': list(CLASSES), 'left_out': {'faint': 3}}).save(path)
    return path


def test_a_bank_survives_a_round_trip(path: Path) -> None:
    bank = ThreatBank.load(path)
    assert len(bank) == 3
    assert bank.classes == CLASSES
    assert bank.header['left_out'] == {'faint': 3}
    assert bank.labels.tolist() == [0, 1, 0]
    for index, threat in enumerate(threats()):
        got = bank[index]
        np.testing.assert_array_equal(got.patch, threat.patch)
        assert got[1:] == threat[1:]


def test_equal_banks_are_written_as_equal_bytes(path: Path, tmp_path: Path) -> None:
    again = tmp_path / 'again.npz'
    ThreatBank.load(path).save(again)
    assert again.read_bytes() == path.read_bytes()


def test_the_error_of_a_missing_file_names_it() -> None:
    with pytest.raises(
        FileNotFoundError, match=r"'nowhere\.npz' does not exist.*mmsxm threat-bank"
    ):
        ThreatBank.load('nowhere.npz')


def test_other_classes_are_rejected(path: Path) -> None:
    bank = ThreatBank.load(path)
    bank.check_classes(['Gun', 'Knife'])
    for other in (('Knife', 'Gun'), ('Gun',), ('Gun', 'Knife', 'Pliers')):
        with pytest.raises(ValueError, match='has the classes Gun, Knife, but the dataset has'):
            bank.check_classes(other)


class Trap:
    """Object that creates the flag file when it is unpickled."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple:
        return Path.touch, (self.flag,)


def test_a_file_cannot_run_code(path: Path, tmp_path: Path) -> None:
    flag = tmp_path / 'flag'
    trap = np.array([Trap(flag)], dtype=object)
    with np.load(path) as file:
        arrays = dict(file)
    for name in arrays:
        np.savez(path, allow_pickle=True, **{**arrays, name: trap})
        with pytest.raises(ValueError, match='not a threat bank'):
            ThreatBank.load(path)
    path.write_bytes(pickle.dumps(Trap(flag)))
    with pytest.raises(ValueError, match='not a threat bank'):
        ThreatBank.load(path)
    assert not flag.exists()


def with_header(**changes: object) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        header = {**json.loads(str(arrays['header'])), **changes}
        arrays['header'] = np.array(json.dumps(header))

    return change


def setting(name: str, value: np.ndarray) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({name: value})


@pytest.mark.parametrize(
    'spoil',
    [
        lambda arrays: arrays.pop('labels'),
        setting('header', np.array('{')),
        setting('header', np.array('[]')),
        with_header(format=2),
        with_header(classes='Gun'),
        with_header(classes=[1, 2]),
        with_header(classes=['Gun']),
        setting('labels', np.array([0, 1, 2])),
        setting('labels', np.array([0, 1, -1])),
        setting('labels', np.array([0, 1])),
        setting('labels', np.zeros((3, 1), dtype=np.int64)),
        setting('labels', np.array([0.0, 1.0, 0.0])),
        setting('scales', np.array([1, np.nan, 1], dtype=np.float32)),
        setting('scales', np.array([1, 0, 1], dtype=np.float32)),
        setting('scales', np.array([1, 1e9, 1], dtype=np.float32)),
        setting('ends', np.array([1, 2, 10**9])),
        setting('ends', np.array([2, 1, 3])),
        setting('data', np.zeros(0, dtype=np.uint8)),
    ],
)
def test_a_malformed_file_is_rejected(spoil: Callable[[Arrays], object], path: Path) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    spoil(arrays)
    np.savez(path, **arrays)
    with pytest.raises(
        ValueError, match=r'bank\.npz is not a threat bank .* Build it again with mmsxm threat-bank'
    ):
        ThreatBank.load(path)


def npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(3))
    return stream.getvalue()


@pytest.mark.parametrize('content', [b'', b'no zip', npy(), None])
def test_a_file_of_another_format_is_rejected(content: bytes | None, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    with pytest.raises(ValueError, match='is not a threat bank'):
        ThreatBank.load(path)


def test_a_damaged_patch_is_rejected(path: Path) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    arrays['data'] = np.zeros_like(arrays['data'])
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r'Item 1 of .*bank\.npz is damaged'):
        ThreatBank.load(path)[1]


def test_an_empty_bank_is_rejected() -> None:
    with pytest.raises(ValueError, match='no items'):
        ThreatBank([], {'classes': ['Gun']})
