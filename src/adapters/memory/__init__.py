"""Storage in the memory of one process: for tests, for embedding, as the model of others."""

from adapters.memory.storage import MemoryStorage

__all__ = ["MemoryStorage"]
