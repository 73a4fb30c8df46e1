"""The chains that come with Holdpoint, one package or module each."""
