"""Labels read from geometry at pixel centres: channels per pixel, records per object."""
