"""Networks of the paper and its baselines."""

from mmsxm.models.attention_head import BottomUpAttentionHead, UpsampleModule
from mmsxm.models.class_attention import ClassAttentionHead, ClassAttentionPooling
from mmsxm.models.class_evidence import ClassEvidenceHead, GlobalEvidenceHead
from mmsxm.models.fpn import FPN
from mmsxm.models.fusion_heads import AverageFusionHead, MetaFusionHead, PerLevelHead
from mmsxm.models.hierarchical_refinement import HierarchicalRefinement
from mmsxm.models.losses import MultiLabelBCELoss
from mmsxm.models.meta_selection import MetaSelection
from mmsxm.models.pyramid_refinement import NormalizedRefinement, ProductRefinement
from mmsxm.models.screening_network import ScreeningNetwork
from mmsxm.models.sxmnet import SXMNet
from mmsxm.models.tta import MultiLabelTTA

__all__ = [
    'FPN',
    'AverageFusionHead',
    'BottomUpAttentionHead',
    'ClassAttentionHead',
    'ClassAttentionPooling',
    'ClassEvidenceHead',
    'GlobalEvidenceHead',
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
