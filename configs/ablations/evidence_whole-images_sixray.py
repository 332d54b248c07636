# class evidence without item crops
_base_ = '../evidence_sixray.py'

train_dataloader = dict(dataset=dict(pipeline={{_base_.class_heatmap_pipeline}}))
