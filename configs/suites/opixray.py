# the paper's own: OPIXray, ResNet-50 (CHR: ResNet-101), 350 + 150 epochs
family = 'opixray'
