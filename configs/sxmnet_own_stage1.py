# your own bags (docs/own_data.md)
_base_ = [
    '_base_/models/sxmnet_r50_stage1.py',
    '_base_/datasets/{{$OWN_LAYOUT:coco}}_xray.py',
    '_base_/schedules/stage1_30e.py',
    '_base_/default_runtime.py',
]

model = dict(data_preprocessor=dict(num_classes={{_base_.num_classes}}))
train_dataloader = dict(dataset=dict(require_boxes=True, pipeline={{_base_.stage1_pipeline}}))
