"""The whole of Timoneiro on one machine: starts, watches, restarts and stops its processes.

Runs without Django, so that it is up in an instant and survives whatever the
processes it watches do.
"""
