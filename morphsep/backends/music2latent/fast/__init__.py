"""The autoencoder's layers, computed faster with the same result to rounding."""
