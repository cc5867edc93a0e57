"""The command `timoneiro`: Timoneiro from a shell or a pipeline, over its public REST API alone."""
