"""V-JEPA ViT-H with the pooler of its Something-Something v2 probe: the network of JEDi."""
