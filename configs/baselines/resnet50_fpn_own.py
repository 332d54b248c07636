# your own bags (docs/own_data.md), labels only: no boxes are needed
_base_ = [
    '../_base_/models/resnet50_fpn.py',
    '../_base_/datasets/{{$OWN_LAYOUT:coco}}_xray.py',
    '../_base_/schedules/stage2_150e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_classes={{_base_.num_classes}}),
    head=dict(num_classes={{_base_.num_classes}}),
)
