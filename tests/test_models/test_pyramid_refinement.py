import torch
import torch.nn.functional as F

from mmsxm.models import NormalizedRefinement, ProductRefinement
from mmsxm.models.pyramid_refinement import normalize_map


def pyramid() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    return tuple(torch.randn(2, 4, size, size) for size in (8, 4, 2))


def test_the_product_by_hand() -> None:
    feat = torch.tensor([[[[1.0, 2.0]], [[-3.0, 4.0]]]])  # two channels of 1 x 2
    attention_map = torch.tensor([[[[0.0, 0.5, 1.0, 0.5]]]])  # pooled to 0.25 and 0.75
    (refined,) = ProductRefinement()((feat,), attention_map)
    assert refined.tolist() == [[[[0.25, 1.5]], [[-0.75, 3.0]]]]


def test_every_level_is_multiplied() -> None:
    feats = pyramid()
    refined = ProductRefinement()(feats, torch.full((2, 1, 16, 16), 0.5))
    for feat, got in zip(feats, refined, strict=True):
        torch.testing.assert_close(got, feat / 2)


def test_a_normalized_map_has_mean_1() -> None:
    attention_map = torch.rand(2, 1, 16, 16)
    mean = normalize_map(attention_map).mean(dim=(1, 2, 3))
    # less than 1 by eps over the mean: 0.001 / 0.5
    torch.testing.assert_close(mean, torch.ones(2), atol=0.003, rtol=0)


def test_lifting_or_lowering_a_normalized_map_gains_nothing() -> None:
    feats, attention_map = pyramid(), torch.rand(2, 1, 16, 16)
    whole = NormalizedRefinement()(feats, attention_map)
    half = NormalizedRefinement()(feats, attention_map / 2)
    for one, other in zip(whole, half, strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0.003)  # eps / mean, 0.001 / 0.25


def test_an_even_map_leaves_the_pyramid_as_it_is() -> None:
    feats = pyramid()
    refined = NormalizedRefinement()(feats, torch.full((2, 1, 16, 16), 0.5))
    for feat, got in zip(feats, refined, strict=True):
        torch.testing.assert_close(got, feat, atol=0, rtol=0.003)


def test_an_empty_map_is_not_blown_up() -> None:
    refined = NormalizedRefinement()(pyramid(), torch.full((2, 1, 16, 16), 1e-6))
    for feat, got in zip(pyramid(), refined, strict=True):
        assert got.abs().max() < 0.01 * feat.abs().max()


def test_a_spot_on_an_empty_map_is_no_overflow_in_float16() -> None:
    """A map of one cell is raised by hundreds: to 190 at the finest level, beyond float16's 65504.

    The product is float32, and pooled before it is converted back.
    """
    attention_map = torch.zeros(1, 1, 56, 56).half()
    attention_map[..., 3, 3] = 1
    feats = [torch.full((1, 4, size, size), 1000.0).half() for size in (28, 14, 7)]
    refined = NormalizedRefinement()(feats, attention_map)
    assert refined[0].max() > torch.finfo(torch.float16).max
    for level in refined:
        assert level.dtype == torch.float32
        for size in (7, 1):  # what meta-selection and classifier see
            assert F.adaptive_avg_pool2d(level, size).half().isfinite().all()


def test_normalisation_is_float32_under_autocast() -> None:
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert normalize_map(torch.rand(1, 1, 4, 4).bfloat16()).dtype == torch.float32
