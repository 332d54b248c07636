# Meta Fusion by CHR's labels (MF-N), the paper's own network (Tables 2 to 7)
_base_ = '../sxmnet_sixray_stage2.py'

train_dataloader = dict(
    dataset=dict(
        pipeline={{_base_.train_pipeline}},
        meta_labels='{{$META_LABELS:work_dirs/chr_sixray/meta_labels.json}}',
    )
)
