# self-attention (Table 5): no Stage I; attention learns only from the classification loss
_base_ = './sxmnet_fast-attention_sixray_stage2.py'

imagenet = dict(
    _delete_=True, type='Pretrained', checkpoint='{{$PRETRAINED:torchvision://resnet50}}'
)
model = dict(backbone=dict(init_cfg=imagenet))
load_from = None
default_hooks = dict(handover=dict(new=(), first=None))
