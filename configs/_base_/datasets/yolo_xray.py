# your own bags, annotated in the format of YOLO (docs/own_data.md)
_base_ = './voc_xray.py'

train_dataloader = dict(dataset=dict(type='mmsxm.YoloXray'))
val_dataloader = dict(dataset=dict(type='mmsxm.YoloXray'))
test_dataloader = dict(dataset=dict(type='mmsxm.YoloXray'))
