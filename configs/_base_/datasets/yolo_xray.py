# your own bags, annotated in the format of YOLO (docs/own_data.md)
_base_ = './coco_xray.py'

data = dict(
    type='mmsxm.YoloXray',
    data_root={{_base_.data_root}},
    metainfo=dict(classes={{_base_.classes}}),
)
test_data = dict(test_mode=True, pipeline={{_base_.test_pipeline}}, **data)

train_dataloader = dict(
    dataset=dict(_delete_=True, split='train', pipeline={{_base_.train_pipeline}}, **data)
)
val_dataloader = dict(dataset=dict(_delete_=True, split='val', **test_data))
test_dataloader = dict(dataset=dict(_delete_=True, split='test', **test_data))
