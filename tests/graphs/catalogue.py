"""Every way in which a graph can ask, by name, as a setting would register it."""

_FORMATS = (
    *("bound", "bound_narrow"),
    *("legacy_object", "legacy_list", "legacy_several", "legacy_text", "legacy_text_list"),
    *("batch_snake", "batch_camel", "batch_broken", "schema_dict", "schema_model", "free"),
    *("breakpoint_before", "breakpoint_after"),
)
_TOGETHER = ("parallel_formats", "fan_out", "in_subgraph", "in_subgraphs")
_AGENTS = ("batched", "per_call", "per_call_one_way", "per_call_edit")

# (name, module:attribute)
GRAPHS: tuple[tuple[str, str], ...] = (
    *((name, f"tests.graphs.formats:{name}") for name in _FORMATS),
    *((name, f"tests.graphs.together:{name}") for name in _TOGETHER),
    *((f"agent_{name}", f"tests.graphs.agents:{name}") for name in _AGENTS),
)
