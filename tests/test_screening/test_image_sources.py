import os
import stat
import sys
import time
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmsxm.io.worker_pool import IDLE
from mmsxm.screening.image_sources import NameFilter, find_paths, is_hidden, unseen, watch


def never() -> bool:
    return False


def test_a_folder_yields_all_files_except_hidden_ones_and_outputs(tmp_path: Path) -> None:
    for name in ('b.png', 'a/z.JPG', 'a/notes.xml', '.hidden', 'out/old.jpg', 'results.jsonl'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    ours = {str(tmp_path / 'out'), str(tmp_path / 'results.jsonl')}
    found = [os.path.relpath(path, tmp_path) for path in find_paths(tmp_path, ours)]
    assert found == ['a/notes.xml', 'a/z.JPG', 'b.png']


def test_links_to_folders_are_yielded_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / 'loop').symlink_to(tmp_path)
    assert list(find_paths(tmp_path)) == [str(tmp_path / 'loop')]


@pytest.mark.skipif(sys.platform == 'darwin', reason='its file names are always text')
def test_names_can_contain_any_bytes(tmp_path: Path) -> None:
    name = b'a\xff"\n.png'
    Path(os.fsdecode(os.fsencode(tmp_path) + b'/' + name)).touch()
    (found,) = find_paths(tmp_path)
    assert os.fsencode(found).endswith(name)


def test_relative_paths_in_a_list_start_at_its_folder(tmp_path: Path) -> None:
    (tmp_path / 'list.txt').write_bytes(b'a.png\r\n\n../b c.png\n/data/\xff.png')
    found = list(find_paths(tmp_path / 'list.txt'))
    expected = [f'{tmp_path}/a.png', f'{tmp_path.parent}/b c.png', '/data/\udcff.png']
    assert found == expected


def test_a_list_can_be_written_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / 'list.txt'
    file.write_bytes('a.png\r\nGepäck.png\r\n'.encode('utf-8-sig'))
    assert list(find_paths(file)) == [f'{tmp_path}/a.png', f'{tmp_path}/Gepäck.png']
    file.write_bytes('a.png\r\n'.encode('utf-16'))
    with pytest.raises(ValueError, match=r'list\.txt is UTF-16\. Save it as UTF-8\.'):
        list(find_paths(file))
    file.write_bytes(b'a.png\r\nGep\xe4ck.png\r\n')
    # file names of Windows are text
    monkeypatch.setattr(os, 'fsdecode', lambda name: name.decode('utf-8', 'surrogatepass'))
    with pytest.raises(ValueError, match=r'list\.txt:2 is not UTF-8'):
        list(find_paths(file))


def test_outputs_are_skipped_in_another_case_where_the_system_does_not_distinguish_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('bag.png', 'results.jsonl'):
        (tmp_path / name).touch()
    ours = {str(tmp_path / 'Results.jsonl')}
    assert len(list(find_paths(tmp_path, ours))) == 2
    monkeypatch.setattr(os.path, 'normcase', str.lower)
    assert list(find_paths(tmp_path, ours)) == [str(tmp_path / 'bag.png')]


def test_files_can_be_hidden_by_an_attribute_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry(name: str, attributes: int) -> Any:
        status = SimpleNamespace(st_file_attributes=attributes)
        return SimpleNamespace(name=name, stat=lambda follow_symlinks: status)

    hidden = entry('Thumbs.db', stat.FILE_ATTRIBUTE_HIDDEN | stat.FILE_ATTRIBUTE_SYSTEM)
    assert not is_hidden(hidden)
    monkeypatch.setattr(sys, 'platform', 'win32')
    assert is_hidden(hidden)
    assert not is_hidden(entry('bag.png', stat.FILE_ATTRIBUTE_ARCHIVE))
    assert is_hidden(entry('.bag.png', stat.FILE_ATTRIBUTE_ARCHIVE))


def test_paths_are_yielded_once_and_not_after_a_stop() -> None:
    seen = {'a'}
    stops = iter([False] * 4 + [True])
    paths = ['a', 'b', IDLE, 'b', 'c', 'd']
    assert list(unseen(paths, seen, lambda: next(stops))) == ['b', IDLE]
    assert seen == {'a', 'b'}


def test_a_watched_file_is_yielded_when_it_is_complete(tmp_path: Path) -> None:
    file = tmp_path / 'growing.png'
    file.write_bytes(b'1')
    found = watch(str(tmp_path), 0.01, never, set())
    assert next(found) is IDLE  # first scan of the file
    file.write_bytes(b'12')
    assert next(found) is IDLE  # the file has grown
    os.utime(file, (1, 1))
    assert next(found) is IDLE  # its modification time changed
    assert next(found) == str(file)


def test_a_watched_folder_yields_files_once_until_stopped(tmp_path: Path) -> None:
    (tmp_path / 'a.png').touch()
    seen: set[str] = set()
    start = time.monotonic()
    looks = watch(str(tmp_path), 0.01, lambda: time.monotonic() > start + 0.3, seen)
    assert [path for path in unseen(looks, seen, never) if path is not IDLE] == [
        str(tmp_path / 'a.png')
    ]


def test_a_watched_folder_can_disappear_and_return(tmp_path: Path) -> None:
    folder = tmp_path / 'mounted'
    found = watch(str(folder), 0.01, never, set())
    assert list(islice(found, 3)) == [IDLE] * 3
    folder.mkdir()
    (folder / 'a.png').touch()
    assert list(islice(found, 2)) == [IDLE, str(folder / 'a.png')]


def test_a_watched_link_to_itself_is_yielded_for_the_reader_to_report(tmp_path: Path) -> None:
    loop = tmp_path / 'loop.png'
    loop.symlink_to(loop)
    found = watch(str(tmp_path), 0.01, never, set())
    assert next(found) is IDLE
    assert next(found) == str(loop)


def test_a_name_filter_remembers_what_it_leaves_out(tmp_path: Path) -> None:
    for name in ('1.png', 'day/2.png', '3.jpg', 'log.txt', 'day/png', '4.png.part'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    include = NameFilter(['*.png', '?.jpg'])
    found = [os.path.relpath(path, tmp_path) for path in find_paths(tmp_path, (), include)]
    assert found == ['1.png', '3.jpg', 'day/2.png']
    assert {os.path.relpath(path, tmp_path) for path in include.left_out} == {
        'log.txt',
        'day/png',
        '4.png.part',
    }


@pytest.mark.skipif(sys.platform in ('darwin', 'win32'), reason='its file names ignore case')
def test_a_name_filter_distinguishes_case_where_the_system_does(tmp_path: Path) -> None:
    for name in ('a.png', 'B.PNG'):
        (tmp_path / name).touch()
    assert list(find_paths(tmp_path, (), NameFilter(['*.png']))) == [str(tmp_path / 'a.png')]
    assert len(list(find_paths(tmp_path, (), NameFilter(['*.[pP][nN][gG]'])))) == 2


def test_a_name_filter_does_not_lose_links_to_folders(tmp_path: Path) -> None:
    (tmp_path / 'more').symlink_to(tmp_path)  # reading it reports that it is a folder
    assert list(find_paths(tmp_path, (), NameFilter(['*.png']))) == [str(tmp_path / 'more')]


def test_a_watched_folder_is_filtered_and_each_file_counts_once(tmp_path: Path) -> None:
    for name in ('a.png', 'b.txt'):
        (tmp_path / name).touch()
    include = NameFilter(['*.png'])
    found = watch(str(tmp_path), 0.01, never, set(), (), include)
    assert [next(found) for _ in range(4)] == [IDLE, str(tmp_path / 'a.png'), IDLE, IDLE]
    assert include.left_out == {str(tmp_path / 'b.txt')}
