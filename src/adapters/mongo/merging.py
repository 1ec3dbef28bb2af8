"""What is kept of merges, in MongoDB."""

from collections.abc import Sequence

import attrs

from adapters.mongo.cursors import listed
from adapters.mongo.documents import equal_to
from adapters.mongo.indexes import MERGE_PLANS
from adapters.mongo.merge_documents import merge_document, merge_record_of
from adapters.mongo.scope import Scope
from clinic_domain.merging.model import MergeRecord, PlanId
from clinic_domain.merging.ports import MergeRecordRepository
from clinic_domain.values import EVERYTHING


@attrs.frozen
class MongoMergeRecordRepository(MergeRecordRepository):
    """A document per record, in the collection whose changes other services follow."""

    _scope: Scope

    async def add(self, records: Sequence[MergeRecord]) -> None:
        if records:
            await self._scope.insert(MERGE_PLANS, *map(merge_document, records))

    async def of_plan(self, plan_id: PlanId) -> tuple[MergeRecord, ...]:
        cursor = self._scope.find(MERGE_PLANS, {"planId": equal_to(plan_id)})
        return await listed(cursor.sort("_id"), EVERYTHING, merge_record_of)
