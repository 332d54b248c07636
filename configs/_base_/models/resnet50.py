# one level, one linear layer: the plain network with the same loss and learning rates
_base_ = './resnet50_fpn.py'

model = dict(backbone=dict(out_indices=(3,)), neck=None, head=dict(in_channels=[2048]))
