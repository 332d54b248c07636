# class evidence, in one stage
_base_ = [
    '_base_/models/evidence_r50.py',
    '_base_/datasets/opixray.py',
    '_base_/schedules/evidence_30e.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_pipeline}}))
val_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_test_pipeline}}))
test_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_test_pipeline}}))
