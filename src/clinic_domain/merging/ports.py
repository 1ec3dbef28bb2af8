"""What merging needs from outside."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from clinic_domain.merging.model import MergeRecord, PlanId
from clinic_domain.merging.report import Report


class MergeRecordRepository(Protocol):
    """What is kept of executed merges; it only grows."""

    @abstractmethod
    async def add(self, records: Sequence[MergeRecord]) -> None:
        """Store records, whose ids ascend in their order."""

    @abstractmethod
    async def of_plan(self, plan_id: PlanId) -> tuple[MergeRecord, ...]:
        """Return the records of one execution, by id: in the order in which they were written."""


@runtime_checkable
class Workbooks(Protocol):
    """Makes spreadsheets."""

    @abstractmethod
    async def written(self, report: Report) -> bytes:
        """Return a report as an Office Open XML workbook; whatever a text holds stays text."""
