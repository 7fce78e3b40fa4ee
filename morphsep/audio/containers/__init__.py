"""Audio containers, parsed as far as samples can hide in them: RIFF, AIFF, CAF, W64, MPEG, FLAC."""
