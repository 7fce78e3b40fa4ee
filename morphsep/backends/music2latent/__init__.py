"""The backend `music2latent`: latents of an autoencoder, interpolated along the sphere."""

from morphsep.backends.music2latent.music2latent import Music2Latent

__all__ = ["Music2Latent"]
