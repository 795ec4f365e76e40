"""Pixels out of annotations: channels as colours, boxes, sheets, plans, reports."""
