"""What there is to draw, apart from who draws it: meshes, materials, poses, light."""
