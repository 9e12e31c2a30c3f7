-- Configuration keys that came with the methods compared with DenseShift, quantized activations and wider networks.
ALTER TABLE runs ADD COLUMN activation TEXT;
ALTER TABLE runs ADD COLUMN width INTEGER;
ALTER TABLE runs ADD COLUMN pretrained TEXT;
