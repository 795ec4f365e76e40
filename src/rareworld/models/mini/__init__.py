"""`mini`: the world model that ships inside the package; its shape, its folder, how it is found."""
