"""The migration of a legacy account: an order to a worker, and what the worker says of it."""

from datetime import datetime
from enum import StrEnum

import attrs

from clinic_domain.values import ClinicId, RecordId, UserId


class MigrationStatus(StrEnum):
    """How far the worker is; any status may follow any other (MIG-12)."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"


@attrs.frozen
class Migration:
    """
    The patients of a legacy account move into a clinic.

    The status is plain text: other programs may have stored another one, or none.
    """

    id: RecordId
    clinic_id: ClinicId
    user_id: UserId
    created_time: datetime
    updated_time: datetime
    status: str = MigrationStatus.PENDING
