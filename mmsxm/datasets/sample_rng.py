"""Random numbers that depend only on seed, epoch and sample.

MMEngine does not store the random state in its checkpoints and seeds its workers with a constant. A
resumed run would therefore draw different crops from an uninterrupted run, and restarted workers
would draw the same crops in every epoch.
"""

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from numpy.random import mtrand

__all__ = ['SharedEpoch', 'sample_rng']


@contextmanager
def sample_rng(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Seed the generators of Python, NumPy and torch (CPU) with three numbers in a ``with`` block.

    Afterwards, the generators continue from their previous states. There is one exception: NumPy
    loses the spare number that it keeps after an odd number of ``np.random.normal`` calls.

    Raises:
        ValueError: A number is negative.
    """
    sequence = np.random.SeedSequence((seed, epoch, index))
    words = sequence.generate_state(4)
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    # Swapping NumPy's generator takes 1 microsecond. Copying its state back and forth takes 100.
    numpy_generator = mtrand.get_bit_generator()
    try:
        random.seed(words.tobytes())
        mtrand.set_bit_generator(np.random.PCG64(sequence))
        # torch.manual_seed would also seed every accelerator.
        torch.default_generator.manual_seed(int(words[0]) << 32 | int(words[1]))
        yield
    finally:
        random.setstate(python_state)
        mtrand.set_bit_generator(numpy_generator)
        torch.set_rng_state(torch_state)


class SharedEpoch:
    """Seed and epoch of a dataset, in memory that running workers share.

    Both are 0 at first.
    """

    def __init__(self) -> None:
        self.numbers = torch.zeros(2, dtype=torch.int64).share_memory_()

    def set(self, seed: int, epoch: int) -> None:
        """Set the seed and the epoch, also in running workers.

        Raises:
            ValueError: A number is negative.
        """
        if seed < 0 or epoch < 0:
            raise ValueError(f'seed={seed} and epoch={epoch} must not be negative.')
        # The tensor is no longer shared in a deep copy of the dataset.
        self.numbers.share_memory_()
        self.numbers.copy_(torch.tensor([seed, epoch]))

    def rng(self, index: int) -> AbstractContextManager[None]:
        """Seed the generators for one sample, see :func:`sample_rng`."""
        seed, epoch = self.numbers.tolist()
        return sample_rng(seed, epoch, index)
