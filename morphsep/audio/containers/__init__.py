"""Audio containers, parsed so that no sample is missed: RIFF, AIFF, CAF, W64, MPEG, FLAC."""
