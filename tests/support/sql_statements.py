"""Statements of the SQL storage whose cost must not grow with what they are not about."""

from typing import Final

from adapters.sql import clinicians, clinics, patient_statements
from adapters.sql.patient_statements import PatientConditions, in_clinics, page_of
from adapters.sql.statements import Statement
from clinic_domain.patients.model import PatientQuery
from clinic_domain.values import ClinicId, SiteId, TagId

CHEAP: Final[dict[str, Statement]] = {
    "clinic": clinics._FIND,
    "clinic view": clinics._FIND_VIEW,
    "clinician": clinicians._FIND,
    "clinicians of a clinic": clinicians._newest_first(("which_clinic",)),
    "clinicians of a user": clinicians._newest_first(("which_user",)),
    "all clinicians": clinicians._newest_first(()),
    "patient": patient_statements.FIND,
    "patients with an MRN": patient_statements.WITH_MRN,
    "some patients": patient_statements.SOME,
    "tally": patient_statements.TALLY,
    "first patients": page_of(PatientConditions.of(PatientQuery(ClinicId("")))),
    "delete patient": patient_statements.DELETE,
    "copy patient": patient_statements.MOVE,
    "holders of a tag": patient_statements.REMOVE_TAG[False][0],
    "holders of a site": patient_statements.REMOVE_SITE[0],
    "patients of several clinics": in_clinics(()),
}

TOUCHES_SOME: Final[dict[str, tuple[Statement, ...]]] = {
    "tag removed": patient_statements.REMOVE_TAG[False],
    "tag removed from some": patient_statements.REMOVE_TAG[True],
    "tag added to some": patient_statements.ADD_TAG[True],
    "site renamed": patient_statements.RENAME_SITE,
    "site removed": patient_statements.REMOVE_SITE,
    "site moved": patient_statements.MOVE_SITE,
    "tag converted": patient_statements.TAG_TO_SITE,
    "list by tags": (page_of(PatientConditions.of(PatientQuery(ClinicId(""), tags=(TagId(""),)))),),
    "list by site": (
        page_of(PatientConditions.of(PatientQuery(ClinicId(""), sites=(SiteId(""),)))),
    ),
}
