from pathlib import Path

from mmsxm.screening.overlays import overlay_path


def test_a_long_name_is_shortened_by_whole_characters(tmp_path: Path) -> None:
    name = overlay_path(tmp_path, f'/bags/x{"ä" * 120}.png').name
    assert len(name.encode()) <= 255  # not of a part of a character
    assert name.startswith(f'x{"ä" * 99}-')


def test_pictures_of_files_with_the_same_name_differ(tmp_path: Path) -> None:
    paths = [overlay_path(tmp_path, f'/{folder}/bag.png') for folder in ('one', 'two')]
    assert paths[0] != paths[1]
    assert {path.parent for path in paths} == {tmp_path}
