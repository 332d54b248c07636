"""Scores of all images in a CSV file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmsxm.evaluation import ScoreTable, read_scores


def sample(name: str, scores: list[float], targets: list[float]) -> dict:
    return {
        'img_path': f'somewhere/{name}.jpg',
        'pred_score': torch.tensor(scores),
        'gt_score': torch.tensor(targets),
    }


def test_scores_are_read_back_exactly_and_sorted_by_name(tmp_path: Path) -> None:
    metric = ScoreTable(out=str(tmp_path / 'new' / 'scores.csv'))
    metric.dataset_meta = {'classes': ('Gun', 'Knife')}
    third = torch.rand(2, generator=torch.Generator().manual_seed(0))
    metric.process(None, [sample('b', [0.9, 0.1], [1, -1]), sample('c', third.tolist(), [0, 0])])
    metric.process(None, [sample('a', [0.25, 1.0], [0, 1])])
    assert metric.evaluate(3) == {}
    found = read_scores(tmp_path / 'new' / 'scores.csv')
    assert found.names == ('a', 'b', 'c')
    assert found.classes == ('Gun', 'Knife')
    assert found.targets.tolist() == [[0, 1], [1, -1], [0, 0]]
    # nine digits distinguish any two float32 numbers, so ties stay ties and no new ones appear
    expected = np.array([[0.25, 1.0], [0.9, 0.1], third.tolist()], dtype=np.float32)
    assert np.array_equal(found.scores.astype(np.float32), expected)
    assert found.level_weights.shape == (3, 0)


def test_images_with_the_same_file_name_are_distinguished_by_id(tmp_path: Path) -> None:
    metric = ScoreTable(out=str(tmp_path / 'scores.csv'))
    metric.dataset_meta = {'classes': ('Gun',)}
    same = sample('0001', [0.5], [1])
    metric.process(None, [same | {'img_id': 'hard/0001'}, same | {'img_id': 'easy/0001'}])
    metric.evaluate(2)
    assert read_scores(tmp_path / 'scores.csv').names == ('easy/0001', 'hard/0001')


@pytest.mark.parametrize('levels', [1, 3, 4, 6])
def test_level_weights_keep_their_order(tmp_path: Path, levels: int) -> None:
    metric = ScoreTable(out=str(tmp_path / 'scores.csv'))
    metric.dataset_meta = {'classes': ('Gun',)}
    weights = torch.rand(2, levels, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    metric.process(None, [sample('b', [0.9], [1]) | {'level_weights': weights[1]}])
    metric.process(None, [sample('a', [0.1], [0]) | {'level_weights': weights[0]}])
    metric.evaluate(2)
    header = (tmp_path / 'scores.csv').read_text().splitlines()[0]
    known = ['level/P2', 'level/P3', 'level/P4', 'level/P5']
    numbered = [f'level/L{number}' for number in range(1, levels + 1)]
    assert header.split(',')[3:] == (known[4 - levels :] if levels <= 4 else numbered)
    found = read_scores(tmp_path / 'scores.csv')
    assert np.array_equal(found.level_weights.astype(np.float32), weights.numpy())
    assert found.scores[:, 0] == pytest.approx([0.1, 0.9])
    assert found.targets.tolist() == [[0], [1]]


@pytest.mark.parametrize(
    'text',
    [
        '',
        'name,Gun\na,1\n',
        'name,score/Gun,label/Knife\na,0.5,1\n',
        'name,score/Gun,label/Gun\na,half,1\n',
        'name,score/Gun,label/Gun\na,0.5\n',
        'name,score/Gun,label/Gun,level/P3\na,0.5,1,1\n',
    ],
)
def test_a_file_that_is_not_a_score_table_is_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'other.csv'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'other\.csv is not a score table'):
        read_scores(path)
