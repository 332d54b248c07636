# attention without Meta Fusion (Table 3): average of the predictions of the refined levels
_base_ = '../sxmnet_sixray_stage2.py'

model = dict(
    head=dict(
        _delete_=True,
        type='mmsxm.AverageFusionHead',
        num_classes=5,
        in_channels=[256, 256, 256],
    )
)
train_dataloader = dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
