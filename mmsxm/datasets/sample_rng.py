"""Random numbers that depend on seed, epoch and sample alone.

MMEngine stores no random state in its checkpoints and seeds its workers with a constant, so that
a resumed run would draw other crops than an undisturbed one, and workers that are started anew
would draw the same ones in every epoch.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.random import mtrand

__all__ = ['sample_rng']


@contextmanager
def sample_rng(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Start the generators of Python, NumPy and torch (CPU) from three numbers in a ``with`` block.

    Afterwards they go on from where they were. (The one exception: NumPy forgets the spare number
    that it keeps after an odd count of ``np.random.normal``.) ValueError for a negative number.
    """
    sequence = np.random.SeedSequence((seed, epoch, index))
    words = sequence.generate_state(4)
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    # Exchanging NumPy's generator costs a microsecond, copying its state to and fro a hundred.
    numpy_generator = mtrand.get_bit_generator()
    try:
        random.seed(words.tobytes())
        mtrand.set_bit_generator(np.random.PCG64(sequence))
        # torch.manual_seed would also reach for every accelerator.
        torch.default_generator.manual_seed(int(words[0]) << 32 | int(words[1]))
        yield
    finally:
        random.setstate(python_state)
        mtrand.set_bit_generator(numpy_generator)
        torch.set_rng_state(torch_state)
