"""The autoencoder's layers, computed faster with the same result up to rounding."""
