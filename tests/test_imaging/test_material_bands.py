import numpy as np
import pytest

from mmsxm.imaging.material_bands import BANDS, show_band
from mmsxm.simulation.physics import linear_attenuation
from mmsxm.simulation.scanner import picture
from mmsxm.simulation.scanner_profiles import SCANNERS

# thicknesses in cm, from barely visible to almost opaque
PLATES = {
    'water': ('organic', (1, 5, 15)),
    'plastic': ('organic', (1, 5, 15)),
    'paper': ('organic', (1, 3, 10)),
    'glass': ('mixed', (0.3, 1, 2)),
    'aluminium': ('mixed', (0.3, 1, 3)),
    'steel': ('metal', (0.05, 0.2, 0.3)),
    'copper': ('metal', (0.03, 0.1, 0.2)),
}


@pytest.mark.parametrize('scanner', [each for pair in SCANNERS.values() for each in pair])
@pytest.mark.parametrize('material', PLATES)
def test_a_plate_keeps_its_color_only_in_its_own_band(scanner: object, material: str) -> None:
    own, thicknesses = PLATES[material]
    mu = np.array(linear_attenuation(material, scanner.energies), np.float32)
    for thickness in thicknesses:
        attenuation = np.full((2, 40, 40), thickness, np.float32) * mu[:, None, None]
        plate = picture(attenuation, scanner, 12, np.random.default_rng(0))[..., ::-1]  # BGR
        for band in BANDS:
            kept = (show_band(plate, band) == plate).all(axis=-1).mean()
            assert kept > 0.98 if band == own else kept < 0.02, (thickness, band, kept)


def test_pixels_too_dark_for_a_hue_stay_in_every_band() -> None:
    image = np.full((4, 4, 3), (20, 40, 30), np.uint8)
    for band in BANDS:
        np.testing.assert_array_equal(show_band(image, band), image)


def test_pixels_outside_the_band_become_pale_gray() -> None:
    blue = np.full((2, 2, 3), (200, 120, 20), np.uint8)
    shown = show_band(blue, 'organic')
    assert (shown == shown[..., :1]).all()
    assert 200 < shown.min() < 255  # lighter, but not invisible


def test_an_unknown_band_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"'gold' is not a color band\. Use one of organic, mixed"):
        show_band(np.zeros((1, 1, 3), np.uint8), 'gold')
