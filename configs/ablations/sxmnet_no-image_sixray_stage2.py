# attention without the raw image as input (Table 7)
_base_ = './sxmnet_mf-n_sixray_stage2.py'

model = dict(attention_head=dict(raw_image=False))
load_from = 'work_dirs/sxmnet_no-image_sixray_stage1'
default_hooks = dict(handover=dict(first='configs/ablations/sxmnet_no-image_sixray_stage1.py'))
