# the image joins before each upsampling, as written in the paper; the default is the authors' code
_base_ = './sxmnet_mf-n_sixray_stage2.py'

model = dict(attention_head=dict(concat='before'))
load_from = 'work_dirs/sxmnet_concat-before_sixray_stage1'
default_hooks = dict(handover=dict(first='configs/ablations/sxmnet_concat-before_sixray_stage1.py'))
