"""Rigid-body crashes: tyres, suspension, people and obstacles; the only door to MuJoCo."""
