# CHR [5]: ResNet-101, each level refined by the coarser ones and trained separately
_base_ = './resnet50_fpn.py'

model = dict(
    # a separate variable, because a table trains these next to networks with ResNet-50
    backbone=dict(
        depth=101, init_cfg=dict(checkpoint='{{$PRETRAINED_RESNET101:torchvision://resnet101}}')
    ),
    neck=dict(_delete_=True, type='mmsxm.HierarchicalRefinement', in_channels=[512, 1024, 2048]),
    head=dict(type='mmsxm.PerLevelHead', in_channels=[512, 1024, 2048]),
)
