"""Networks of the paper and its baselines."""

from .attention_head import BottomUpAttentionHead, UpsampleModule
from .fpn import FPN
from .fusion_heads import AverageFusionHead, MetaFusionHead, PerLevelHead
from .hierarchical_refinement import HierarchicalRefinement
from .losses import MultiLabelBCELoss
from .meta_selection import MetaSelection
from .pyramid_refinement import NormalizedRefinement, ProductRefinement
from .screening_network import ScreeningNetwork
from .sxmnet import SXMNet
from .tta import MultiLabelTTA

__all__ = [
    'FPN',
    'AverageFusionHead',
    'BottomUpAttentionHead',
    'HierarchicalRefinement',
    'MetaFusionHead',
    'MetaSelection',
    'MultiLabelBCELoss',
    'MultiLabelTTA',
    'NormalizedRefinement',
    'PerLevelHead',
    'ProductRefinement',
    'SXMNet',
    'ScreeningNetwork',
    'UpsampleModule',
]
