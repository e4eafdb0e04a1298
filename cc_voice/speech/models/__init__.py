"""Speech models: fetched, verified, kept, chosen."""
