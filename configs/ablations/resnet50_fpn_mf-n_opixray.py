# pyramid with Meta Fusion supervised by labels of CHR (MF-N, Table 8)
_base_ = './resnet50_fpn_mf-i_opixray.py'

train_dataloader = dict(
    dataset=dict(
        pipeline={{_base_.train_pipeline}},
        meta_labels='{{$META_LABELS:work_dirs/chr_opixray/meta_labels.json}}',
    )
)
teacher = 'baselines/chr_opixray.py'  # mmsxm reproduce trains it for the labels
