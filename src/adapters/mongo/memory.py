"""What is kept in memory of patients."""

import attrs
from pymongo.asynchronous.database import AsyncDatabase

from adapters.mongo.documents import Document
from adapters.mongo.patient_changes import Changes
from adapters.mongo.patient_records import Records
from adapters.mongo.patient_rolls import Rolls


@attrs.frozen(eq=False)
class Memory:
    """What this process knows of a database's patients, and what changes it."""

    rolls: Rolls
    records: Records
    changes: Changes

    @classmethod
    def of(cls, database: AsyncDatabase[Document]) -> "Memory":
        changes = Changes(database)
        return cls(Rolls(database, changes), Records(database, changes), changes)
