_base_ = [
    '../_base_/models/chr_r101.py',
    '../_base_/datasets/opixray.py',
    '../_base_/schedules/chr_15e.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(dataset=dict(pipeline={{_base_.chr_pipeline}}))
