"""Which adapter stands behind which port: the one place that knows them all."""

from adapters.container.container import Container

__all__ = ["Container"]
