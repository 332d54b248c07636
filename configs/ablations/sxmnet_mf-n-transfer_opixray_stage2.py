# MF-N of the paper on OPIXray (Tables 2 and 4): labels of a CHR that learned its features on SIXray
_base_ = './sxmnet_mf-n_opixray_stage2.py'

train_dataloader = dict(
    dataset=dict(meta_labels='{{$META_LABELS:work_dirs/chr_transfer_opixray/meta_labels.json}}')
)
teacher = 'baselines/chr_transfer_opixray.py'  # mmsxm reproduce trains it for the labels
