"""Why clinics cannot be merged."""

from clinic_domain.errors import BadRequest


class MergedIntoItself(BadRequest):
    """Source and target are one clinic."""

    message = "bad request: a clinic cannot be merged into itself"


class MergePrevented(BadRequest):
    """There are reasons in the plan against its execution; `args` are the reasons."""

    message = "bad request: the merge plan does not allow execution"
