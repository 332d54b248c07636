# Swin-Tiny, ours; not trained yet, with the learning rates of ResNet-50. Weights that fit after
# mmsxm convert-weights: mmpretrain's swin-tiny_16xb64_in1k. Those of torchvision, timm and the
# Swin authors are rejected because they merge patches in another order.
_base_ = './sxmnet_sixray_stage1.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        arch='tiny',
        out_indices=(1, 2, 3),  # strides 8, 16 and 32
        pad_small_map=True,  # inputs of any size
        drop_path_rate=0.0,  # a resumed training run would draw other random numbers
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:weights/swin-tiny.pth}}'),
    ),
    neck=dict(in_channels=[192, 384, 768]),
)
