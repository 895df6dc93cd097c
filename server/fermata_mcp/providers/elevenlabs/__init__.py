"""ElevenLabs' official music API."""
