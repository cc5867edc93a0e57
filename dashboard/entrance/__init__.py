"""The way in: what of django-allauth is ours. Passwords, second factors, passkeys, a provider."""
