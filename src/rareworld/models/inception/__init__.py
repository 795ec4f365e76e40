"""The Inception-v3 of FID and KID: TensorFlow's of 2015-12-05, 2048 pooled features."""
