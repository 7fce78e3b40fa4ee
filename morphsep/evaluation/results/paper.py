"""The published table that ours stands beside."""

from __future__ import annotations

CITATION = '"Guitar Tone Morphing by Diffusion-based Model" (arXiv 2510.07908v2), Table I'

ROWS = (
    ("AudioLDM, without LoRA", "0.32 ± 0.100", "3.17"),
    ("AudioLDM, one-sided LoRA", "0.45 ± 0.140", "1.07"),
    ("AudioLDM, two-sided LoRA", "0.22 ± 0.132", "3.03"),
    ("AudioLDM2, without LoRA", "0.25 ± 0.120", "3.30"),
    ("AudioLDM2, one-sided LoRA", "0.34 ± 0.110", "2.70"),
    ("AudioLDM2, two-sided LoRA", "0.33 ± 0.122", "3.23"),
    ("MusicLDM, without LoRA", "0.85 ± 0.116", "1.97"),
    ("MusicLDM, one-sided LoRA", "0.19 ± 0.120", "3.70"),
    ("MusicLDM, two-sided LoRA", "0.08 ± 0.114", "1.20"),
    ("Music2Latent", "0.13 ± 0.060", "4.3"),
)
"""(model, CDPAM mean ± standard deviation, mean opinion score of 20 listeners), all transitions
together."""

READINGS = (
    "The paper does not say between which sounds its CDPAM is; here the first column is between "
    "neighbours, as in SoundMorpher, and depends on the number of steps."
)

DIFFERENCE = (
    "What differs: the paper's 100 pairs are a private recording at 44.1 kHz, mostly evaluated at "
    "16 kHz, through effects that it does not name, and it does not say how many amounts lie "
    "between the ends; ours are cut from the recordings named above and rendered by built-in "
    "tones at 44.1 kHz. Nobody has listened to ours."
)
