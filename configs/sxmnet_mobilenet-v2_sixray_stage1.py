_base_ = [
    '_base_/models/sxmnet_mobilenet-v2_stage1.py',
    '_base_/datasets/sixray.py',
    '_base_/schedules/stage1_350e.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(dataset=dict(require_boxes=True, pipeline={{_base_.stage1_pipeline}}))
