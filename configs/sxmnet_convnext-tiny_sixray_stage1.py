# ConvNeXt-Tiny, ours; not trained yet, with the learning rates of ResNet-50. Weights that fit after
# mmsxm convert-weights: mmpretrain's convnext-tiny_32xb128_in1k, or those of ConvNeXt's authors.
# torchvision's are rejected because their layers have another order.
_base_ = './sxmnet_sixray_stage1.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='ConvNeXt',
        arch='tiny',
        out_indices=(1, 2, 3),  # strides 8, 16 and 32
        gap_before_final_norm=False,  # maps, not vectors
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:weights/convnext-tiny.pth}}'),
    ),
    neck=dict(in_channels=[192, 384, 768]),
)
