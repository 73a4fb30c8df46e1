"""Pages: find through the person, one call, answer."""
