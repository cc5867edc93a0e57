"""The images the local cluster ships: tiny real models and images that misbehave on purpose."""
