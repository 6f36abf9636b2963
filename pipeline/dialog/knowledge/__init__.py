"""Knowledge: what an agent may look up. Documents become one immutable file, and a call's questions passages of it.

``documents`` (and a reader for each kind) -> ``passages`` -> ``build`` -> ``database`` -> ``search`` -> ``citing``.
"""
