import numpy as np
import numpy.typing as npt
import pytest

from mmsxm.simulation.outlines import rotation
from mmsxm.simulation.physics import MATERIALS
from mmsxm.simulation.shapes import Part, Pose, bar, box, draw, ellipse, extent

Array = npt.NDArray[np.float64]

FOLDS = np.array([[0.5, 1.5, 1], [1, 1, 2]], np.float32)
L_SHAPE = np.array([(-4, -2), (3, -2), (3, -0.5), (-2.5, -0.5), (-2.5, 2), (-4, 2)], float)
SLAB = Part('steel', 0.5, [box(-4, -1, 4, 1)])
PARTS = {
    'slab': SLAB,
    'raised ring': Part(
        'steel', 0.4, [ellipse(0, 0, 2, sides=48)], [ellipse(0, 0, 1.5, sides=48)], lift=1.0
    ),
    'thin bar': Part('steel', 0.2, [box(-8, -0.15, 8, 0.15)]),
    'blade': Part('steel', 0.4, [box(0, 0, 10, 2)], wedge=np.array([(0, 0), (0, 2)])),
    'cylinder': Part('steel', 2.0, [box(-4, -1, 4, 1)], axis=np.array([(-4, 0), (4, 0)])),
    'cushion': Part('steel', 1.5, [box(-4, -2, 4, 2)], rounded=True),
    'folds': Part('cloth', 2.0, [box(-4, -3, 4, 3)], relief=FOLDS),
}


def _mass(parts: list[Part], pose: Pose, pixels_per_cm: float) -> float:
    """Return the drawn volume in cm3."""
    return float(draw(parts, pose, pixels_per_cm).thickness.sum(dtype=float)) / pixels_per_cm**2


def test_transmissions_of_overlapping_objects_multiply() -> None:
    steel = draw([Part('steel', 0.2, [box(0, 0, 4, 2)])], Pose(2, 2), 10)
    water = draw([Part('water', 5.0, [ellipse(0, 0, 2)])], Pose(5, 3), 10)
    canvases = np.zeros((3, 2, 60, 80), np.float32)
    steel.add_to(canvases[0])
    water.add_to(canvases[1])
    steel.add_to(canvases[2])
    water.add_to(canvases[2])
    alone, other, both = np.exp(-canvases)
    assert ((alone < 1) & (other < 1)).any()
    np.testing.assert_allclose(both, alone * other, rtol=1e-5)


def test_a_slab_has_its_thickness_and_its_attenuation_at_the_energies() -> None:
    for energies in ((60.0, 100.0), (50.0, 80.0)):
        patch = draw([Part('copper', 0.3, [box(0, 0, 4, 2)])], Pose(1, 1), 10, energies)
        h, w = patch.thickness.shape
        assert patch.thickness[h // 2, w // 2] == pytest.approx(0.3)
        assert patch.attenuation[:, h // 2, w // 2] == pytest.approx(
            np.multiply(MATERIALS['copper'].mu(energies), 0.3)
        )


@pytest.mark.parametrize('tilt', [0.0, 0.3, 1.2])
def test_doubling_the_thickness_squares_the_transmission(tilt: float) -> None:
    # a plate so large that its sides are not visible in the middle
    once, twice = (
        draw([Part('steel', t, [box(-9, -9, 9, 9)])], Pose(0, 0, 0.4, tilt), 8) for t in (0.2, 0.4)
    )
    middles = [np.exp(-p.attenuation[:, -p.y, -p.x]) for p in (once, twice)]
    assert middles[1] == pytest.approx(middles[0] ** 2, rel=1e-4)
    assert -np.log(middles[0][0]) == pytest.approx(
        MATERIALS['steel'].mu()[0] * 0.2 / np.cos(tilt), rel=1e-4
    )


@pytest.mark.parametrize('degrees', [1, 20, 50, 75, 85])
def test_a_box_on_edge_is_a_trapezoid(degrees: float) -> None:
    """Across the tilt axis, the profile of a box of 3 x 0.8 cm is the sum of two intervals."""
    tilt, width, thick, scale = np.radians(degrees), 3.0, 0.8, 20
    patch = draw(
        [Part('steel', thick, [box(-5, -width / 2, 5, width / 2)])], Pose(tilt=tilt), scale
    )
    rows = patch.thickness[:, -patch.x]
    y = (np.arange(len(rows)) + 0.5 + patch.y) / scale
    flat, upright = width * np.cos(tilt), thick * np.sin(tilt)
    highest = min(thick / np.cos(tilt), width / np.sin(tilt))
    slope = (flat + upright) / 2 - np.abs(y)
    expected = np.clip(slope / min(flat, upright), 0, 1) * highest
    # half a pixel at the ends, where the path length drops steeply
    steepness = highest / (min(flat, upright) * scale)
    np.testing.assert_allclose(rows, expected, atol=min(0.75 * steepness, highest) + 1e-3)
    assert rows.sum() / scale == pytest.approx(width * thick, rel=0.01)
    assert patch.box()[3] - patch.box()[1] == pytest.approx((flat + upright) * scale, abs=2.5)


def test_a_knife_on_edge_is_a_dark_line() -> None:
    blade = [Part('steel', 0.2, [box(-10, -1.5, 10, 1.5)])]
    flat, edge = (draw(blade, Pose(tilt=tilt), 10) for tilt in (0.0, np.radians(88)))
    assert flat.thickness.max() == pytest.approx(0.2)
    x0, y0, x1, y1 = edge.box()
    assert x1 - x0 == pytest.approx(200, abs=2)
    assert y1 - y0 == pytest.approx(2 + 1, abs=2)  # its thickness, and 3 cm * cos(88 degrees)
    assert edge.thickness.sum(0)[100] / 10 == pytest.approx(0.2 * 3, rel=0.02)
    assert edge.thickness.max() > 1.5  # of the 3 cm along the rays


def test_a_cylinder_looks_the_same_when_rolled_and_shorter_when_raised() -> None:
    flat = draw([PARTS['cylinder']], Pose(), 10)
    chord = flat.thickness[:, -flat.x]
    y = (np.arange(len(chord)) + 0.5 + flat.y) / 10
    np.testing.assert_allclose(chord, 2 * np.sqrt(np.maximum(1 - y**2, 0)), atol=0.02)
    for tilt in (0.3, 0.8, 1.3):
        rolled = draw([PARTS['cylinder']], Pose(tilt=tilt), 10)
        column = rolled.thickness[:, -rolled.x]
        at = (np.arange(len(column)) + 0.5 + rolled.y) / 10
        expected = 2 * np.sqrt(np.maximum(1 - at**2, 0))
        assert np.abs(column - expected).mean() < 0.07
        assert column.sum() / 10 == pytest.approx(np.pi, rel=0.02)
        raised = draw([PARTS['cylinder']], Pose(tilt=tilt, tilt_axis=np.pi / 2), 10)
        x0, y0, x1, y1 = raised.box()
        assert x1 - x0 == pytest.approx(10 * (8 * np.cos(tilt) + 2 * np.sin(tilt)), abs=3)
        assert y1 - y0 == pytest.approx(20, abs=2)
        if tilt < 1:
            assert raised.thickness[-raised.y, -raised.x] == pytest.approx(
                2 / np.cos(tilt), rel=0.03
            )


def test_a_hollow_makes_a_tube() -> None:
    axis = np.array([(-3, 0), (3, 0)])
    outer = Part('steel', 2.0, [box(-3, -1, 3, 1)], axis=axis)
    bore = Part('steel', -1.4, [box(-3, -0.7, 3, 0.7)], axis=axis)
    patch = draw([outer, bore], Pose(), 40)
    column = patch.thickness[:, -patch.x]
    y = (np.arange(len(column)) + 0.5 + patch.y) / 40
    chords = [2 * np.sqrt(np.maximum(r**2 - y**2, 0)) for r in (1.0, 0.7)]
    assert np.abs(column - (chords[0] - chords[1])).mean() < 0.01
    tilted = draw([outer, bore], Pose(tilt=0.7, tilt_axis=0.5), 40)
    assert tilted.thickness.min() >= 0
    assert tilted.thickness.sum() == pytest.approx(patch.thickness.sum(), rel=0.02)


@pytest.mark.parametrize(
    'pose',
    [
        Pose(1, -2, 0.5),
        Pose(0.3, 0.7, 0.5, tilt=0.4, tilt_axis=0.9),
        Pose(0, 0, -1.2, tilt=0.6, tilt_axis=2.5, flip=True),
        Pose(0, 0, 2.0, tilt=-0.8, tilt_axis=0.2),
        Pose(0, 0, 0.1, tilt=1.3, tilt_axis=1.1, flip=True),
    ],
)
def test_shadow_matches_a_point_cloud_rotated_in_space(pose: Pose) -> None:
    """Rotate points that fill the solid evenly in space, and count them in each pixel."""
    scale = 8
    parts = [
        Part('steel', 0.8, [L_SHAPE], [ellipse(-3.2, -1.2, 0.5, sides=40)], lift=0.9),
        Part('steel', 1.2, [box(0, 0, 2, 1.5)], lift=-0.6),
    ]
    step = 0.05
    points = []
    for part in parts:
        x, y, z = np.meshgrid(
            np.arange(-4.5, 3.5, step),
            np.arange(-2.5, 2.5, step),
            (np.arange(round(part.thickness / step)) + 0.5) * step - part.thickness / 2 + part.lift,
            indexing='ij',
        )
        inside = _inside(part.outlines[0], x, y)
        for hole in part.holes:
            inside &= ~_inside(hole, x, y)
        points.append(np.stack([x[inside], y[inside], z[inside]], 1))
    cloud = np.concatenate(points)
    if pose.flip:
        cloud = cloud * (1, -1, -1)
    cloud[:, :2] = cloud[:, :2] @ rotation(-pose.tilt_axis).T
    cloud[:, 1:] = cloud[:, 1:] @ rotation(pose.tilt).T
    cloud[:, :2] = cloud[:, :2] @ rotation(pose.angle + pose.tilt_axis).T + (pose.x, pose.y)

    patch = draw(parts, pose, scale)
    h, w = patch.thickness.shape
    counted, _, _ = np.histogram2d(
        cloud[:, 1] * scale - patch.y, cloud[:, 0] * scale - patch.x, (h, w), ((0, h), (0, w))
    )
    expected = counted * step**3 * scale**2
    assert patch.thickness.sum() == pytest.approx(expected.sum(), rel=0.02)
    # Counts are noisy at the borders, so compare maps that are blurred over three pixels.
    error = np.abs(_blurred(patch.thickness) - _blurred(expected))
    assert error.mean() < 0.02 * expected.max()
    assert error.max() < 0.25 * expected.max()


def _inside(outline: Array, x: Array, y: Array) -> npt.NDArray[np.bool_]:
    crossings = np.zeros(x.shape, int)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, 0), strict=True):
        if y0 != y1:
            between = (y0 <= y) != (y1 <= y)
            crossings += between & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return crossings % 2 == 1


def _blurred(image: npt.NDArray) -> Array:
    padded = np.pad(np.asarray(image, float), 1)
    h, w = image.shape
    return np.mean([padded[i : i + h, j : j + w] for i in range(3) for j in range(3)], 0)


@pytest.mark.parametrize('name', PARTS)
def test_volume_is_the_same_in_any_pose(name: str) -> None:
    rng = np.random.default_rng(0)
    parts = [PARTS[name]]
    usual = _mass(parts, Pose(), 20)
    for tilt in (0.02, 0.2, 0.6, 1.1, 1.4, 1.53):
        x, y, angle, axis = rng.uniform(-5, 5, 4)
        pose = Pose(x, y, angle, tilt, axis)
        assert _mass(parts, pose, 20) == pytest.approx(usual, rel=0.03)
        assert _mass(parts, pose._replace(flip=True), 12) == pytest.approx(usual, rel=0.04)


@pytest.mark.parametrize('name', PARTS)
def test_extent_contains_the_object_in_any_pose(name: str) -> None:
    rng = np.random.default_rng(1)
    for tilt in (0.0, 0.1, 0.7, 1.2, 1.5):
        angle, axis = rng.uniform(0, 6, 2)
        pose = Pose(3, -4, angle, tilt, axis, flip=tilt > 0.5)
        bounds = np.multiply(extent([PARTS[name]], pose), 15)
        found = np.array(draw([PARTS[name]], pose, 15).box())
        # Interpolation spreads by a pixel, and a box ends at whole pixels.
        assert (found[:2] > bounds[:2] - 2.1).all()
        assert (found[2:] < bounds[2:] + 2.1).all()
        if name in ('slab', 'raised ring', 'thin bar'):  # other parts are thinner in places
            # Not the corners of a rotated solid, but its sides touch the bounds.
            assert np.abs(found - bounds).max() < 3.5


def test_tilt_is_limited_so_that_paths_stay_finite() -> None:
    last, beyond = (draw([SLAB], Pose(tilt=np.radians(a)), 10) for a in (88, 90))
    np.testing.assert_array_equal(last.thickness, beyond.thickness)


def test_flat_and_thin_objects_are_sharp() -> None:
    for tilt in (0.0, 0.3):
        plate = draw([Part('steel', 0.1, [box(-3, -2, 3, 2)])], Pose(4, 4, tilt=tilt), 10)
        partial = (plate.thickness > 1e-6) & (plate.thickness < plate.thickness.max() * 0.999)
        assert partial.any(1).sum() <= 2  # only the rows along its upper and lower side


@pytest.mark.parametrize('tilt', [0.0, 0.6, 1.3])
def test_box_is_tight_and_ignores_dust(tilt: float) -> None:
    part = Part('steel', 0.5, [bar([(0, 0), (5, 3)], 0.5)])
    pose = Pose(5, 4, angle=0.4, tilt=tilt, tilt_axis=0.9)
    patch = draw([part], pose, 12)
    canvas = np.zeros((2, 200, 200), np.float32)
    patch.add_to(canvas)
    rows, columns = np.nonzero(canvas[0] > MATERIALS['steel'].mu()[0] * 0.01)  # 0.1 mm
    assert patch.box() == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    # The extent of a slab is that of its silhouette. The box ends in the same or the next pixel.
    x0, y0, x1, y1 = np.multiply(extent([part], pose), 12)
    silhouette = np.floor(x0), np.floor(y0), np.ceil(x1), np.ceil(y1)
    assert np.abs(np.subtract(patch.box(), silhouette)).max() <= 1


def test_thin_objects_have_a_box() -> None:
    patch = draw([Part('cloth', 0.005, [box(0, 0, 4, 2)])], Pose(1, 1), 10)
    assert patch.box() == (10, 10, 50, 30)


def test_relief_rotates_with_its_object() -> None:
    part = Part('cloth', 1.0, [box(-3, -1, 3, 1)], relief=np.array([[0.2, 1.0]], np.float32))
    light: list[float] = []
    heavy: list[float] = []
    for angle in (0.0, np.pi / 2, np.pi):
        patch = draw([part], Pose(angle=angle), 10)
        for ends, x in ((light, -2.5), (heavy, 2.5)):
            column, row = (rotation(angle) @ (x, 0) * 10 - (patch.x, patch.y)).astype(int)
            ends.append(float(patch.thickness[row, column]))
    assert light == pytest.approx([light[0]] * 3, abs=0.01)
    assert heavy == pytest.approx([heavy[0]] * 3, abs=0.01)
    assert light[0] < 0.3 < 0.9 < heavy[0]


def test_patches_are_cropped_at_the_image() -> None:
    patch = draw([Part('steel', 0.2, [box(-2, -2, 2, 2)])], Pose(0, 0), 10)
    canvas = np.zeros((2, 15, 40), np.float32)
    patch.add_to(canvas)
    assert canvas[0, :15, :18].min() > 0
    far = draw([Part('steel', 0.2, [box(-2, -2, 2, 2)])], Pose(90, 90), 10)
    before = canvas.copy()
    far.add_to(canvas)
    np.testing.assert_array_equal(canvas, before)
