"""The schemas of the kinds we serve, and the OpenAPI documents made from them."""
