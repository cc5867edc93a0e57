"""The Django project, and what a browser sees."""
