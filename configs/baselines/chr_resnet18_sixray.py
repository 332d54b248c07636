_base_ = './chr_sixray.py'

model = dict(
    backbone=dict(depth=18, init_cfg=dict(checkpoint='{{$PRETRAINED:torchvision://resnet18}}')),
    neck=dict(in_channels=[128, 256, 512]),
    head=dict(in_channels=[128, 256, 512]),
)
