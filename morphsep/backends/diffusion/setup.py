"""From a backend's options to its renderer: model, adapters, embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from morphsep.backends.diffusion.adapters import Network, network
from morphsep.backends.diffusion.lora.adapter import ENDS, Adapter, Lora, Role, Tone
from morphsep.backends.diffusion.model import Conditioning, Model, load
from morphsep.backends.diffusion.options import Options, adapters_of
from morphsep.backends.diffusion.render import Renderer
from morphsep.backends.diffusion.voices import Rendering
from morphsep.errors import SettingError


def rendering(options: Options) -> Rendering:
    """Model and adapters, loaded and kept for the life of the process. Renderings of one model
    share its weights.

    Raises:
        SettingError: something is missing, or does not fit.
    """
    model = load(options.weights, options.device, options.offline)
    return _rendering(options, model, tuple(adapters_of(options).items()))


@lru_cache(maxsize=4)
def _rendering(
    options: Options, model: Model, opened: tuple[tuple[Tone, Adapter], ...]
) -> Rendering:
    adapters = dict(opened)
    for each in adapters.values():
        each.check_base(model.fingerprint)
    loras = adapters if options.lora != "none" else {}
    by_factors = options.mix == "diffmorpher"
    source, target, negative = _texts(options, model, adapters)
    return Rendering(
        renderer=Renderer(
            model=model,
            conditional=_network(model, loras, "conditional", by_factors),
            unconditional=_network(model, loras, "unconditional", by_factors),
            source=source,
            target=target,
            negative=negative,
            steps=options.steps,
            guidance=(options.guidance_min, options.guidance_max),
        ),
        batch=options.batch,
        most=options.amount_steps,
        adain=options.has_adain,
    )


def _network(
    model: Model, adapters: Mapping[Tone, Adapter], role: Role, by_factors: bool
) -> Network:
    loras: dict[str, Lora] = {}
    for end, adapter in adapters.items():
        lora = adapter.lora(end, role)
        loras[lora.tone if lora.tone == "both" else end] = lora
    return network(model.unet, loras, by_factors=by_factors) if loras else Network(unet=model.unet)


def _texts(
    options: Options, model: Model, adapters: Mapping[Tone, Adapter]
) -> tuple[Conditioning, Conditioning, Conditioning]:
    """Conditioning of the source, the target, and the negative prompt."""
    if not adapters:
        prompt, negative = model.conditionings([options.prompt, options.negative_prompt])
        return prompt, prompt, negative
    source, target = (_trained(model, adapters[end], end) for end in ENDS)
    if source.attention_mask.shape != target.attention_mask.shape:
        raise SettingError(
            f"the adapters were trained from prompts of different lengths "
            f"({adapters['source'].prompt!r}, {adapters['target'].prompt!r}): their embeddings "
            "have nothing between them"
        )
    return source, target, model.conditioning(adapters["source"].negative_prompt)


def _trained(model: Model, adapter: Adapter, end: Tone) -> Conditioning:
    tensors = adapter.embedding(end)
    return Conditioning(
        prompt_embeds=tensors["prompt_embeds"].to(model.device),
        generated_prompt_embeds=tensors["generated_prompt_embeds"].to(model.device),
        attention_mask=tensors["attention_mask"].to(model.device),
    )
