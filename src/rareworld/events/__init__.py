"""Events found by geometry on any recording; see `detect.detect_events`."""
