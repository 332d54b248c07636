"""OPIXray's levels of occlusion, by how much of the knife is hidden."""

__all__ = ['OCCLUSION_LEVELS']

OCCLUSION_LEVELS = (1, 2, 3)  # slight or none, partial, severe or full
