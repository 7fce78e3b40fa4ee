"""``as-recorded``: the stem itself, an effect chain without effects."""

from __future__ import annotations

from morphsep.tones.chain.chain import EffectChain

AS_RECORDED = EffectChain(
    name="as-recorded", description="The guitar as it is in the recording, untouched."
)
