"""Colors of the scanners of public datasets.

Colors are the most frequent ones in the images of the datasets at each brightness and hue.
Everything else was tuned by eye next to them.
"""

from mmsxm.imaging.pseudo_color import PseudoColor

__all__ = ['OPIXRAY', 'PSEUDO_COLORS', 'SIXRAY_GREY', 'SIXRAY_WHITE']

SIXRAY_WHITE = PseudoColor(
    ratios=(1.28, 1.42, 1.58, 1.8, 2.2, 3.1, 4.8),
    colours=(
        '2c241d 7a4a12 b9741a e8982e fba552 f6c797 fae4ce fef4ea',
        '28261f 52400b 8a6f1b ce9a33 e0b060 e3ce9b f4e7ca fef6e6',
        '27281b 43490a 727826 9aa040 b4b660 d4d4a2 eaeacf fbfbe8',
        '232c19 314f11 58852a 7cab48 a2c678 c5d9a7 e0ebce f3fce8',
        '1c301c 1e5520 3e8d3f 5fb55e 86cd84 b2deb0 daf0d8 eefeed',
        '123527 12543a 2f8b67 52b189 81caa9 abddc7 d1f2e4 ecfff7',
        '123024 0c4450 12609a 3090cc 63aad0 b0d5e9 d2ebfa eff9ff',
    ),
    background='ffffff',
    opaque='14301e',
    opaque_below=1e-5,
    depth=0.40,
    curve=0.55,
    metal_weight=0.6,
    air=0.009,
    hardening=0.02,
    average_cm=0.32,
    edges=1.6,
    edge_cm=0.1,
)
SIXRAY_GREY = PseudoColor(
    ratios=(1.28, 1.4, 1.56, 1.8, 2.2, 2.9, 3.8, 5.0),
    colours=(
        '000000 2e1c0a 4d3722 8a5218 b5732a c89353 d2b18d dfcab7 e3d8d0',
        '000000 2e2403 4a3c15 80691c aa832d bc9b53 ccb580 d7c7a3 e2dccd',
        '000000 262805 404216 676b1c 8d8e36 a5a65b bcbc84 cecda4 dfdfcb',
        '000000 1c2e06 314916 517325 769749 90ad6a abc18c c3d2ad dae2d1',
        '000000 0a350d 16551c 378036 619d5e 7cb37a 9dc598 bdd6bb d5e3d5',
        '000000 033922 085436 1c7f58 47a37f 66b896 8fc7ad bcd8cb d5dfdb',
        '000000 02333a 074d51 118084 26a5a6 67b0af 9cbfbf bed5d5 d7e0df',
        '000000 021f52 052c66 0a5a98 1680bc 4a9cc4 8ab0c6 c2d3dc d7e0e5',
    ),
    background='e2e2e0',
    opaque='0000ff',
    opaque_below=8e-6,
    depth=0.5,
    curve=0.6,
    metal_weight=0.6,
    air=0.01,
    hardening=0.003,
    average_cm=0.35,
    edges=2.5,
    edge_cm=0.18,
)
OPIXRAY = PseudoColor(
    ratios=(1.28, 1.42, 1.53, 1.68, 1.9, 2.2, 2.7, 3.6),
    colours=(
        '100700 411f00 894a11 d07723 ea9540 efb67c f5d6b5 fbead6',
        '0b0800 4b3c11 856d30 bc8c42 d8a860 e2bd8a efdcbc fdf0de',
        '090900 292b0a 5a5c2a 8c8e44 b0b25c d2d3a0 e9e8d6 fdfbec',
        '060b00 1e2e0a 4d6034 789551 a6c67b bfdb9c d9ecc2 f5ffe8',
        '001000 0f2e11 3e6640 619c66 8ece8e ade1ac cdf3cd ebffeb',
        '00110a 072f1f 2f6854 51a082 81cbad a1e0c6 c5f6e1 e7fff6',
        '001011 052e31 29686c 4e9c9f 7dc5ca a2dade c5f4f8 e6ffff',
        '00082a 092463 1c3e8c 2f56a8 5e88da 8eb4ff b3c9fb e4ecff',
    ),
    background='ffffff',
    opaque='040408',
    opaque_below=1e-6,
    depth=0.46,
    curve=0.78,
    metal_weight=0.2,
    air=0.018,
    hardening=0.003,
    average_cm=0.3,
    edges=4.0,
    edge_cm=0.07,
)

PSEUDO_COLORS = {
    'sixray_white': SIXRAY_WHITE,
    'sixray_grey': SIXRAY_GREY,
    'opixray': OPIXRAY,
}
