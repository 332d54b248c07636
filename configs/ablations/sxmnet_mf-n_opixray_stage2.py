# Meta Fusion supervised by labels of CHR (MF-N), which is trained on OPIXray itself
_base_ = '../sxmnet_opixray_stage2.py'

train_dataloader = dict(
    dataset=dict(
        pipeline={{_base_.train_pipeline}},
        meta_labels='{{$META_LABELS:work_dirs/chr_opixray/meta_labels.json}}',
    )
)
teacher = 'baselines/chr_opixray.py'  # mmsxm reproduce trains it for the labels
