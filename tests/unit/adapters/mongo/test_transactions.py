"""What the driver raises, as the core calls it."""

import pytest
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure, PyMongoError

from adapters.mongo.transactions import ServerError, told
from clinic_domain.errors import StorageBusy, Unavailable

NO_ROOM = {"writeErrors": [{"index": 0, "code": 388, "errmsg": "too large", "op": {}}]}
REFUSED = {"writeErrors": [{"index": 0, "code": 121, "errmsg": "Secret", "op": {}}]}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AutoReconnect("gone"), Unavailable),
        (OperationFailure("too large", 388), StorageBusy),
        (BulkWriteError(NO_ROOM), StorageBusy),
        (BulkWriteError(REFUSED), ServerError),
        (OperationFailure("Secret", 121), ServerError),
    ],
)
def test_why_the_server_did_nothing(error: PyMongoError, expected: type[Exception]) -> None:
    """A transaction for which its cache has no room fits another time, or in a larger one."""
    with pytest.raises(Exception, match=r"^(?!.*Secret)") as raised, told():
        raise error

    assert type(raised.value) is expected
