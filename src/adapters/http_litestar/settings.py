"""Controllers of what is set for a clinic, and of its patient count."""

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from adapters.http_litestar.paths import ByClinic
from adapters.http_litestar.wire.clinics import suppressed_notifications
from adapters.http_litestar.wire.settings import (
    EhrSettingsBody,
    EhrSettingsJson,
    MrnSettingsBody,
    MrnSettingsJson,
    PatientCountJson,
    PatientCountSettingsBody,
    PatientCountSettingsJson,
    RestrictionsBody,
    RestrictionsJson,
    SuppressionBody,
    TierBody,
    ehr_settings_json,
    mrn_settings_json,
    patient_count_json,
    patient_count_settings_json,
    restrictions_json,
)
from clinic_domain.clinics.settings import PatientCountService, SettingsService


class SettingsController(Controller):
    path = "/v1/clinics/{clinicId:str}"
    tags = ("Clinics",)

    @post("/tier", operation_id="UpdateTier", status_code=200)
    async def update_tier(
        self,
        clinic_id: ByClinic,
        settings: NamedDependency[SettingsService],
        data: JSONBody[TierBody],
    ) -> None:
        await settings.set_tier(clinic_id, data.tier)

    @post(
        "/suppressed_notifications", operation_id="UpdateSuppressedNotifications", status_code=200
    )
    async def update_suppressed_notifications(
        self,
        clinic_id: ByClinic,
        settings: NamedDependency[SettingsService],
        data: JSONBody[SuppressionBody],
    ) -> None:
        suppressed = suppressed_notifications(data.suppressed_notifications)
        await settings.suppress_notifications(clinic_id, suppressed)

    @get("/membership_restrictions", operation_id="ListMembershipRestrictions")
    async def list_membership_restrictions(
        self, clinic_id: ByClinic, settings: NamedDependency[SettingsService]
    ) -> RestrictionsJson:
        return restrictions_json(await settings.membership_restrictions(clinic_id))

    @put("/membership_restrictions", operation_id="UpdateMembershipRestrictions")
    async def update_membership_restrictions(
        self,
        clinic_id: ByClinic,
        settings: NamedDependency[SettingsService],
        data: JSONBody[RestrictionsBody],
    ) -> RestrictionsJson:
        restrictions = data.all()
        return restrictions_json(await settings.restrict_membership(clinic_id, restrictions))

    @get("/settings/mrn", operation_id="GetMRNSettings")
    async def get_mrn_settings(
        self, clinic_id: ByClinic, settings: NamedDependency[SettingsService]
    ) -> MrnSettingsJson:
        return mrn_settings_json(await settings.mrn_settings(clinic_id))

    @put("/settings/mrn", operation_id="UpdateMRNSettings")
    async def update_mrn_settings(
        self,
        clinic_id: ByClinic,
        settings: NamedDependency[SettingsService],
        data: JSONBody[MrnSettingsBody],
    ) -> MrnSettingsJson:
        wanted = data.settings()
        return mrn_settings_json(await settings.set_mrn_settings(clinic_id, wanted))

    @get("/settings/ehr", operation_id="GetEHRSettings")
    async def get_ehr_settings(
        self, clinic_id: ByClinic, settings: NamedDependency[SettingsService]
    ) -> EhrSettingsJson:
        return ehr_settings_json(await settings.ehr_settings(clinic_id))

    @put("/settings/ehr", operation_id="UpdateEHRSettings")
    async def update_ehr_settings(
        self,
        clinic_id: ByClinic,
        settings: NamedDependency[SettingsService],
        data: JSONBody[EhrSettingsBody],
    ) -> EhrSettingsJson:
        wanted = data.settings()
        return ehr_settings_json(await settings.set_ehr_settings(clinic_id, wanted))

    @get("/settings/patient_count", operation_id="GetPatientCountSettings")
    async def get_patient_count_settings(
        self, clinic_id: ByClinic, settings: NamedDependency[SettingsService]
    ) -> PatientCountSettingsJson:
        return patient_count_settings_json(await settings.patient_count_settings(clinic_id))

    @put("/settings/patient_count", operation_id="UpdatePatientCountSettings")
    async def update_patient_count_settings(
        self,
        clinic_id: ByClinic,
        settings: NamedDependency[SettingsService],
        data: JSONBody[PatientCountSettingsBody],
    ) -> PatientCountSettingsJson:
        wanted = data.settings()
        return patient_count_settings_json(
            await settings.set_patient_count_settings(clinic_id, wanted)
        )

    @get("/patient_count", operation_id="GetPatientCount")
    async def get_patient_count(
        self, clinic_id: ByClinic, patient_counts: NamedDependency[PatientCountService]
    ) -> PatientCountJson:
        return patient_count_json(await patient_counts.get(clinic_id))

    @post("/patient_count/refresh", operation_id="RefreshPatientCount", status_code=200)
    async def refresh_patient_count(
        self, clinic_id: ByClinic, patient_counts: NamedDependency[PatientCountService]
    ) -> None:
        await patient_counts.refresh(clinic_id)
