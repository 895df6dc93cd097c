"""The provider that needs no key, no network and no GPU: it lengthens a track with its own material."""
