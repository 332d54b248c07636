# your own bags (docs/own_data.md)
_base_ = [
    '_base_/models/sxmnet_mobilenet-v2_stage2.py',
    '_base_/datasets/{{$OWN_LAYOUT:coco}}_xray.py',
    '_base_/schedules/sxmnet_stage2_30e.py',
    '_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_classes={{_base_.num_classes}}),
    head=dict(num_classes={{_base_.num_classes}}),
)
train_dataloader = dict(dataset=dict(pipeline={{_base_.stage2_pipeline}}))
load_from = 'work_dirs/sxmnet_mobilenet-v2_own_stage1'
default_hooks = dict(
    handover=dict(new=('head.',), first='configs/sxmnet_mobilenet-v2_own_stage1.py')
)
