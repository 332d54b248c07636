_base_ = [
    '../_base_/models/resnet50.py',
    '../_base_/datasets/sixray.py',
    '../_base_/schedules/stage2_150e.py',
    '../_base_/default_runtime.py',
]
