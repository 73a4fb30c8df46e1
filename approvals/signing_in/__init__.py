"""Who somebody is: lockout, second factors, passkeys and providers, on django-axes and django-allauth."""
