# Meta Fusion supervised by labels of CHR (MF-N), the network of the paper (Tables 2 to 7)
_base_ = '../sxmnet_sixray_stage2.py'

train_dataloader = dict(
    dataset=dict(
        pipeline={{_base_.train_pipeline}},
        meta_labels='{{$META_LABELS:work_dirs/chr_sixray/meta_labels.json}}',
    )
)
teacher = 'baselines/chr_sixray.py'  # mmsxm reproduce trains it for the labels
