"""Storage in MongoDB: the documents, collections and indexes of the reference service."""

from adapters.mongo.connection import UnusableUrl, connection_string
from adapters.mongo.indexes import IncompatibleIndex
from adapters.mongo.storage import MongoStorage, UnfinishedMerge, UnusableServer
from adapters.mongo.transactions import ServerError

__all__ = [
    "IncompatibleIndex",
    "MongoStorage",
    "ServerError",
    "UnfinishedMerge",
    "UnusableServer",
    "UnusableUrl",
    "connection_string",
]
