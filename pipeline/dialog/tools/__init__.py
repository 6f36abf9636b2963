"""Tools: what an agent's model may ask business systems.

``declared`` (the agent's file) -> ``toolbox`` (opened for all calls) -> ``Tool.run`` -> text for the model.
"""
