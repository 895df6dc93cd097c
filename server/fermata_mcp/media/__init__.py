"""Files and audio: where they may be, what they are called, what they hold."""
