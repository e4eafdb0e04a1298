"""The appliance's web: webhooks, pages, API, sign-in, and the service process around them."""
