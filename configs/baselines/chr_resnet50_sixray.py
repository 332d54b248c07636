_base_ = './chr_sixray.py'

model = dict(
    backbone=dict(depth=50, init_cfg=dict(checkpoint='{{$PRETRAINED:torchvision://resnet50}}'))
)
