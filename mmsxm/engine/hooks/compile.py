"""Compile the parts of a network in place.

mmengine's ``compile=True`` compiles the whole training step, optimizer included, and fails with
today's torch. A part that is compiled in place keeps its parameters and their names, so that
checkpoints are those of any other run.
"""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsxm.engine.checkpoints import unwrap_model
from mmsxm.registry import HOOKS

# a fusion head is a pooling and a small product for each level: nothing to win
PARTS = ('backbone', 'neck', 'attention_head', 'refinement')


@HOOKS.register_module()
class CompileHook(Hook):
    """Compile parts of the model before it is trained or tested, at their first call.

    It is no part of the default runtime: add it by ``--cfg-options
    default_hooks.compile.type=mmsxm.CompileHook``. Results differ from those of a run without it
    by rounding.

    Args:
        parts: Names of the model's parts; one that a model leaves out, as Stage I the
            refinement, is passed over.
        backend: As of ``torch.compile``.
    """

    def __init__(self, parts: Sequence[str] = PARTS, backend: str = 'inductor') -> None:
        unknown = sorted(set(parts) - set(PARTS))
        if unknown:
            raise ValueError(
                f'CompileHook compiles parts of {", ".join(PARTS)}, but parts names '
                f'{", ".join(unknown)}.'
            )
        self.parts = tuple(parts)
        self.backend = backend

    def before_run(self, runner: Runner) -> None:
        """Compile; the modules stay where they are."""
        model = unwrap_model(runner.model)
        for name in self.parts:
            part = getattr(model, name, None)
            if part is not None:
                part.compile(backend=self.backend)
