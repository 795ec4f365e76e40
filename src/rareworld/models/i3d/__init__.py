"""I3D on Kinetics-400: the network of FVD, in two sets of published weights."""
