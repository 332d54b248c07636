# the paper's own: SIXray's positives, ResNet-50 (CHR: ResNet-101), 350 + 150 epochs
family = 'sixray'
