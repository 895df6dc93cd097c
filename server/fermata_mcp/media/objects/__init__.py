"""Where audio lies that more than one machine may need: a folder of all, or an object store in a cloud."""
