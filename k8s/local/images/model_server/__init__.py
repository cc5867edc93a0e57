"""The program inside every shipped image: serves one model over HTTP, standard library only.

The kubelet copies this folder beside an image's ``coefficients.json`` and runs ``python3 -m model_server``.
It must stay importable without the rest of the project.
"""
