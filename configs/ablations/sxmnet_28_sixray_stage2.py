# maps of 28 x 28 for 224 (Table 6): no Upsample Module
_base_ = './sxmnet_mf-n_sixray_stage2.py'

model = dict(attention_head=dict(stride=8))
load_from = 'work_dirs/sxmnet_28_sixray_stage1'
default_hooks = dict(handover=dict(first='configs/ablations/sxmnet_28_sixray_stage1.py'))
