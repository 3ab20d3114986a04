"""What the package holds besides code, with the scripts that made it."""
