"""The only door to SUMO: networks, demand, the running simulation and its signals."""
