"""Speech models: the list of those we know (manifest.toml) and the builder of the one we ship (mini/)."""
