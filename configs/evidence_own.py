# your own bags (docs/own_data.md); images without boxes train by their labels
_base_ = [
    '_base_/models/evidence_r50.py',
    '_base_/datasets/{{$OWN_LAYOUT:coco}}_xray.py',
    '_base_/schedules/evidence_30e.py',
    '_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_classes={{_base_.num_classes}}),
    head=dict(num_classes={{_base_.num_classes}}),
)
train_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_pipeline}}))
val_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_test_pipeline}}))
test_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_test_pipeline}}))
