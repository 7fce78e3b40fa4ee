"""A tiny AudioLDM2 with random weights, saved to disk as the hub lays it out.

Shapes are the real ones (64 mel bands, 100 frames a second, latents ``[8, T/4, 16]``, 16 kHz), the
channels are few. `language_model` is a ``GPT2Model``, as on the hub; everything is built offline.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCALING_FACTOR = 0.4110932946205139
T5_WIDTH, GPT2_WIDTH = 32, 24
"""Last dimensions of `prompt_embeds` and `generated_prompt_embeds` (1024 and 768 on the hub)."""
MAX_NEW_TOKENS = 8
MAX_PROMPT_TOKENS = 77


def write_tiny_audioldm2(folder: Path, seed: int = 0) -> Path:
    """Writes the pipeline below `folder` and returns `folder`. Same seed, same bytes."""
    import torch
    from diffusers import AudioLDM2Pipeline

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = AudioLDM2Pipeline(**_networks(), **_text_networks(), **_tokenizers())
        _make_audible(pipeline.vocoder)
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _networks() -> dict[str, Any]:
    from diffusers import AudioLDM2UNet2DConditionModel, AutoencoderKL, DDIMScheduler
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    vae = AutoencoderKL(
        in_channels=1, out_channels=1, latent_channels=8, block_out_channels=(4, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1, norm_num_groups=4, sample_size=1024, scaling_factor=SCALING_FACTOR,
    )  # fmt: skip
    unet = AudioLDM2UNet2DConditionModel(
        sample_size=128, in_channels=8, out_channels=8, block_out_channels=(8, 8, 16, 16),
        # the real one has attention on three levels; here on one, for speed
        down_block_types=(*("DownBlock2D",) * 3, "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", *("UpBlock2D",) * 3),
        layers_per_block=1, norm_num_groups=4, attention_head_dim=2,
        cross_attention_dim=([None, GPT2_WIDTH, T5_WIDTH],) * 4,
    )  # fmt: skip
    scheduler = DDIMScheduler(
        num_train_timesteps=1000, beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type="epsilon",
    )  # fmt: skip
    vocoder = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=64, sampling_rate=16_000, upsample_initial_channel=64,
            upsample_rates=[5, 4, 2, 2, 2], upsample_kernel_sizes=[16, 16, 8, 4, 4],
            resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3, 5]], normalize_before=False,
        )
    )  # fmt: skip
    return {"vae": vae, "unet": unet, "scheduler": scheduler, "vocoder": vocoder}


def _make_audible(vocoder: Any) -> None:
    """Its own initialisation (deviation 0.01) gives -160 dBFS."""
    from torch import nn

    for layer in vocoder.modules():
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            nn.init.xavier_normal_(layer.weight, gain=1.1)


def _text_networks() -> dict[str, Any]:
    from diffusers import AudioLDM2ProjectionModel
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapModel,
        ClapTextConfig,
        GPT2Config,
        GPT2Model,
        T5Config,
        T5EncoderModel,
    )

    text = ClapTextConfig(
        vocab_size=300, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, projection_dim=16, max_position_embeddings=MAX_PROMPT_TOKENS + 3,
    )  # fmt: skip
    audio = ClapAudioConfig(
        spec_size=64, window_size=4, num_mel_bins=64, depths=[1, 1],
        num_attention_heads=[2, 2], num_hidden_layers=2, hidden_size=32, projection_dim=16,
        patch_embeds_hidden_size=16, patch_size=2, patch_stride=2, patch_embed_input_channels=4,
    )  # fmt: skip
    t5 = T5Config(
        vocab_size=300, d_model=T5_WIDTH, d_ff=32, d_kv=8, num_heads=2, num_layers=1,
    )  # fmt: skip
    gpt2 = GPT2Config(
        n_embd=GPT2_WIDTH, n_head=2, n_layer=1, vocab_size=8, n_positions=128,
        bos_token_id=0, eos_token_id=0, max_new_tokens=MAX_NEW_TOKENS,
    )  # fmt: skip
    projection = AudioLDM2ProjectionModel(
        text_encoder_dim=16, text_encoder_1_dim=T5_WIDTH, langauge_model_dim=GPT2_WIDTH
    )
    return {
        "text_encoder": ClapModel(
            ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=16)
        ),
        "text_encoder_2": T5EncoderModel(t5),
        "language_model": GPT2Model(gpt2),
        "projection_model": projection,
    }


def _tokenizers() -> dict[str, Any]:
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import ClapFeatureExtractor, RobertaTokenizer, T5Tokenizer

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    letters = {token: i for i, token in enumerate([*special, *sorted(ByteLevel.alphabet())])}
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(33, 127)]
    return {
        "tokenizer": RobertaTokenizer(
            vocab=letters, merges=[], model_max_length=MAX_PROMPT_TOKENS
        ),
        "tokenizer_2": T5Tokenizer(
            vocab=pieces, extra_ids=0, model_max_length=MAX_PROMPT_TOKENS
        ),
        "feature_extractor": ClapFeatureExtractor(
            feature_size=64, sampling_rate=16_000, hop_length=160, max_length_s=10,
            frequency_max=8_000,
        ),
    }  # fmt: skip
