# OPIXray, with white margins cropped before all other transforms (Sec. 4.1)
_base_ = './sixray.py'

data_root = '{{$OPIXRAY_ROOT:data/opixray}}'

load = [*_base_.load, dict(type='mmsxm.CropBackground')]
load_items = [*_base_.load_items, dict(type='mmsxm.CropBackground')]
pack = [
    dict(
        type='PackInputs',
        algorithm_keys=('gt_bboxes', 'gt_heatmap', 'gt_meta_level', 'occlusion_level'),
    )
]
pack_items = [
    dict(
        type='PackInputs',
        algorithm_keys=('gt_bboxes', 'gt_bboxes_labels', 'gt_heatmap', 'occlusion_level'),
    )
]

train_pipeline = load + _base_.train_steps + pack
stage1_pipeline = load + _base_.stage1_steps + pack
stage2_pipeline = load + _base_.stage2_steps + pack
chr_pipeline = load + _base_.chr_steps + pack
chr_mf_i_pipeline = load + _base_.chr_mf_i_steps + pack
test_pipeline = load + _base_.test_steps + pack
evidence_pipeline = load_items + _base_.evidence_steps + pack_items
evidence_test_pipeline = load_items + _base_.test_steps + pack_items

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmsxm.OPIXray',
        data_root=data_root,
        split='train',
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmsxm.OPIXray',
        data_root=data_root,
        split='test',
        test_mode=True,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
