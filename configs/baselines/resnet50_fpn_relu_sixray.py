# the pyramid with a ReLU on each level, ours: a baseline for networks that have it too
_base_ = './resnet50_fpn_sixray.py'

model = dict(neck=dict(relu=True))
