_base_ = [
    '_base_/models/sxmnet_r50_stage1.py',
    '_base_/datasets/sixray_stage1.py',
    '_base_/schedules/stage1_30e.py',
    '_base_/default_runtime.py',
]
