"""Forms and answers as Xealth shows them (8.8.5, 8.8.7)."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from clinic_domain.clinics.model import Clinic
from clinic_domain.ehr.model import Applicant, FormKind, FormProblem, PreorderForm, ProgramStatus
from clinic_domain.patients.model import DataSource, DataSourceState, Provider

Json = dict[str, Any]

_PROMPT: Final = "Please confirm a few details to complete set up."
_SUPPORT: Final = "If you continue experiencing difficulties, please contact support@tidepool.org."
_DESCRIPTION: Final[Mapping[FormKind, str]] = {
    FormKind.PATIENT: _PROMPT,
    FormKind.GUARDIAN: (
        f"{_PROMPT} A parent or guardian is required to claim this patient's accounts because "
        "the patient is under 13 years of age."
    ),
}
_EMAIL: Final[Mapping[FormKind, Json]] = {
    FormKind.PATIENT: {
        "type": "string",
        "format": "email",
        "title": "Patient's Email",
        "description": (
            "Email allows your patient to claim their account and upload their data from home."
        ),
    },
    FormKind.GUARDIAN: {
        "type": "string",
        "format": "email",
        "title": "Parent/Guardian Email",
        "description": (
            "Email allows your patient\N{RIGHT SINGLE QUOTATION MARK}s parent/guardian to claim "
            "their account and upload their data from home."
        ),
    },
}
_NAMES: Final[Mapping[FormKind, Json]] = {
    FormKind.PATIENT: {},
    FormKind.GUARDIAN: {
        "firstName": {"type": "string", "title": "Parent/Guardian First Name"},
        "lastName": {"type": "string", "title": "Parent/Guardian Last Name"},
    },
}
_CONNECT: Final = {"connectAbbott": "FreeStyle Libre", "connectDexcom": "Dexcom"}
_CANCEL: Final = "\N{LEFT DOUBLE QUOTATION MARK}Cancel\N{RIGHT DOUBLE QUOTATION MARK}"
_APOSTROPHE: Final = "\N{RIGHT SINGLE QUOTATION MARK}"
_SOMETHING_WENT_WRONG: Final = (
    "Something went wrong when we tried to create a new patient account in Tidepool. Please click "
    f"{_CANCEL} and try again. {_SUPPORT}"
)
_ADDRESS_IN_USE: Final = (
    "The email address you chose is already in use with another account in Tidepool. You could "
    f"click {_CANCEL} and try to create the patient with a different email address."
)
_PERHAPS_THE_SAME: Final = (
    "If you think the patient already exists in Tidepool and would like to enroll that account for "
    "monitoring in Xealth, you could go to Tidepool and look for the account with the email you "
    "are trying to create. If it is the same patient, make sure the MRN and date of birth "
    "associated with the account in Tidepool match those values in this "
    f"patient{_APOSTROPHE}s record in Xealth. If you change them in Tidepool to match and return "
    f"to the patient{_APOSTROPHE}s record in Xealth, you can enter another order and it will "
    "enroll their existing Tidepool account for monitoring."
)
_PERHAPS_ELSEWHERE: Final = (
    f"If you can{_APOSTROPHE}t find the patient in your Tidepool clinic account, you can invite "
    "the patient to share their data using your clinic share code. Once they do so and you accept "
    "the invite, then you can enroll the patient for monitoring in Xealth."
)
_ANOTHER_BIRTHDAY: Final = (
    "The patient's Medical Record Number (MRN) you're trying to add to Tidepool is already in use, "
    "but there's a mismatch with the patient's date of birth between Tidepool and the Electronic "
    "Health Record (EHR). To proceed with enrolling this patient in Xealth for monitoring, please "
    "do one of the following:"
)
_CHANGE_HERE: Final = (
    "1. Access Tidepool, locate the patient using the same MRN, and update their date of birth to "
    "align with what's recorded in the EHR."
)
_CHANGE_THERE: Final = (
    "2. Alternatively, modify the patient's date of birth in the EHR to match the existing data in "
    "Tidepool."
)
_PARAGRAPHS: Final[Mapping[FormProblem, tuple[str, ...]]] = {
    FormProblem.SOMETHING_WENT_WRONG: (_SOMETHING_WENT_WRONG,),
    FormProblem.DUPLICATE_EMAIL: (
        _ADDRESS_IN_USE,
        _PERHAPS_THE_SAME,
        _PERHAPS_ELSEWHERE,
        _SUPPORT,
    ),
    FormProblem.BIRTHDAY_MISMATCH: (_ANOTHER_BIRTHDAY, _CHANGE_HERE, _CHANGE_THERE, _SUPPORT),
}
_WORD: Final = re.compile(r"[^\W_]+")


def form_json(form: PreorderForm | None) -> Json:
    """Return a form, or the answer that there is nothing more to say."""
    if form is None:
        return {}
    if form.problems:
        schema, ui, form_id = _error_schema(form), _error_ui(form), "error_form"
    else:
        schema, ui, form_id = _schema(form), _ui(form), f"{form.kind}_enrollment_form"
    return {
        "dataTrackingId": form.preorder.tracking_id,
        "notOrderable": bool(form.problems),
        "preorderFormInfo": {
            "formId": form_id,
            "formData": _data(form),
            "formSchema": schema,
            "uiSchema": ui,
        },
    }


def _data(form: PreorderForm) -> Json:
    data: Json = {str(form.kind): _entered(form.preorder.applicant or Applicant())}
    tag_ids = form.preorder.tag_ids
    if tag_ids is not None:
        data["tags"] = {"ids": list(tag_ids)} if tag_ids else {}
    return data


def _entered(applicant: Applicant) -> Json:
    members = {
        "firstName": applicant.first_name,
        "lastName": applicant.last_name,
        "email": applicant.email,
        "connectAbbott": applicant.connect_abbott,
        "connectDexcom": applicant.connect_dexcom,
    }
    return {name: value for name, value in members.items() if value}


def _tags(clinic: Clinic) -> Json:
    tags = sorted(clinic.tags or (), key=lambda tag: tag.name.encode())
    if not tags:
        return {}
    return {"enum": [tag.id for tag in tags], "enumNames": [tag.name for tag in tags]}


def _schema(form: PreorderForm) -> Json:
    kind, tags = form.kind, _tags(form.clinic)
    applicant: Json = {
        "type": "object",
        "title": "",
        "properties": {**_NAMES[kind], "email": _EMAIL[kind]},
        "dependencies": {
            "email": {
                "properties": {
                    name: {
                        "type": "boolean",
                        "title": f"Connect with {device}",
                        "description": "",
                    }
                    for name, device in _CONNECT.items()
                }
            }
        },
    }
    if _NAMES[kind]:
        applicant["required"] = list(_NAMES[kind])
    return {
        "type": "object",
        "title": f"Add {form.full_name} to Tidepool",
        "description": _DESCRIPTION[kind],
        "definitions": {"tags": tags},
        "properties": {
            str(kind): applicant,
            "tags": {
                "type": "object" if tags else "null",
                "title": "",
                "properties": {
                    "ids": {
                        "type": "array",
                        "uniqueItems": True,
                        "title": "Patient Tags",
                        "description": "",
                        "items": {"$ref": "#/definitions/tags"},
                    }
                },
            },
        },
    }


def _ui(form: PreorderForm) -> Json:
    applicant: Json = {
        name: {
            "ui:help": (
                "If this box is checked, patient will receive an email to authorize sharing "
                f"{device} data with Tidepool. For US {device} Users Only"
            )
        }
        for name, device in _CONNECT.items()
    }
    if _NAMES[form.kind]:
        applicant["ui:order"] = [*_NAMES[form.kind], "email", *_CONNECT]
    return {
        "ui:order": [str(form.kind), "tags"],
        str(form.kind): applicant,
        "tags": {
            "ids": {"ui:widget": "CheckboxesWidget"},
            "ui:widget": "object" if _tags(form.clinic) else "hidden",
        },
    }


def _paragraphs(form: PreorderForm) -> Json:
    texts = [text for problem in form.problems for text in _PARAGRAPHS[problem]]
    return {
        f"error_{number}": {"type": "null", "title": " ", "description": text}
        for number, text in enumerate(texts)
    }


def _error_schema(form: PreorderForm) -> Json:
    return {
        "type": "object",
        "title": "There Was a Problem Adding Patient To Tidepool",
        "definitions": {"tags": _tags(form.clinic)},
        "properties": _paragraphs(form),
    }


def _error_ui(form: PreorderForm) -> Json:
    return {"tags": {}, "ui:order": list(_paragraphs(form))}


# Programs


def programs_json(status: ProgramStatus | None) -> Json:
    """Return the programs of a patient: one, or none."""
    if status is None:
        return {"present": False}
    program = {
        "description": _description(status),
        "enrolledDate": status.enrolled.isoformat(),
        "hasStatusView": status.has_report,
        "has_alert": status.has_news,
        "programId": status.program_id,
        "title": "Tidepool",
    }
    return {"present": True, "programs": [program]}


def _description(status: ProgramStatus) -> str:
    connections = ", ".join(sorted(map(_connection, status.connections), key=str.encode))
    return " | ".join(
        [
            f"Last Upload: {_day(status.last_updated)}",
            f"Last Viewed by You: {_day(status.last_viewed)}",
            f"Claimed Account?: {'Yes' if status.is_claimed else 'No'}",
            f"Cloud Connections: {connections or 'None'}",
        ]
    )


def _day(moment: datetime | None) -> str:
    return "N/A" if moment is None else moment.date().isoformat()


def _connection(source: DataSource) -> str:
    """
    Return a connection as it is shown.

    >>> _connection(DataSource("some-Prov x", "connected"))
    'Some-Prov X (connected)'
    """
    name, state = source.provider_name, source.state
    is_plain = name.casefold() == Provider.TWIIST
    shown = name.lower() if is_plain else _WORD.sub(lambda word: word[0].capitalize(), name)
    if state == DataSourceState.PENDING_RECONNECT:
        state = "pending reconnect"
    return f"{shown} ({state.lower()})"
