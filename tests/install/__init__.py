"""How the product is installed: the image, Compose, and Kubernetes."""
