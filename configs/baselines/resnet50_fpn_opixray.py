_base_ = [
    '../_base_/models/resnet50_fpn.py',
    '../_base_/datasets/opixray.py',
    '../_base_/schedules/stage2_150e.py',
    '../_base_/default_runtime.py',
]
