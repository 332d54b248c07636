# settings of the paper: SIXray's positives, ResNet-50 (CHR: ResNet-101), 350 + 150 epochs
family = 'sixray'
