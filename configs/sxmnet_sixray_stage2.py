_base_ = [
    '_base_/models/sxmnet_r50_stage2.py',
    '_base_/datasets/sixray.py',
    '_base_/schedules/sxmnet_stage2_150e.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(dataset=dict(pipeline={{_base_.stage2_pipeline}}))
load_from = 'work_dirs/sxmnet_sixray_stage1'
default_hooks = dict(handover=dict(new=('head.',), first='configs/sxmnet_sixray_stage1.py'))
