"""Measurements of what the product promises; `./dev bench` runs them and prints what it measured."""
