# maps of 112 x 112 for 224 (Table 6): two Upsample Modules
_base_ = './sxmnet_mf-n_sixray_stage2.py'

model = dict(attention_head=dict(stride=2))
load_from = 'work_dirs/sxmnet_112_sixray_stage1'
default_hooks = dict(handover=dict(first='configs/ablations/sxmnet_112_sixray_stage1.py'))
