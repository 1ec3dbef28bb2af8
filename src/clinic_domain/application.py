"""All use cases in one object: what a service that embeds the core builds once."""

from typing import Self

import attrs

from clinic_domain.access.service import AccessService
from clinic_domain.accounts import AccountService
from clinic_domain.clinicians.service import ClinicianService
from clinic_domain.clinics.labels import SiteService, TagService
from clinic_domain.clinics.service import ClinicService
from clinic_domain.clinics.settings import PatientCountService, SettingsService
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.patients.glucose import SummaryService, TideService
from clinic_domain.patients.service import PatientService
from clinic_domain.ports import Clock, IdGenerator, Journal, ShareCodeGenerator
from clinic_domain.storage import Storage
from clinic_domain.users import Profiles, ServiceAccounts, Users
from clinic_domain.values import UserId


@attrs.frozen
class Application:
    """The use cases of the clinic service, by what they are about."""

    access: AccessService
    accounts: AccountService
    clinicians: ClinicianService
    clinics: ClinicService
    patient_counts: PatientCountService
    patients: PatientService
    settings: SettingsService
    sites: SiteService
    summaries: SummaryService
    tags: TagService
    tide: TideService

    @classmethod
    def over(
        cls,
        storage: Storage,
        *,
        users: Users,
        profiles: Profiles,
        service_accounts: ServiceAccounts,
        clock: Clock,
        ids: IdGenerator,
        share_codes: ShareCodeGenerator,
        journal: Journal,
        demo_patient: UserId | None = None,
    ) -> Self:
        """
        Return the use cases over these adapters.

        *demo_patient* joins every new clinic (CREATE-3).
        """
        counter = PatientCounter(demo_patient)
        return cls(
            access=AccessService(storage),
            accounts=AccountService(storage, clock, counter),
            clinicians=ClinicianService(storage, clock, ids, profiles, service_accounts),
            clinics=ClinicService(
                storage, clock, ids, share_codes, users, profiles, counter, journal
            ),
            patient_counts=PatientCountService(storage, clock, counter),
            patients=PatientService(storage, clock, ids, users, profiles, counter),
            settings=SettingsService(storage, clock),
            sites=SiteService(storage, clock, ids),
            summaries=SummaryService(storage, clock),
            tags=TagService(storage, clock, ids),
            tide=TideService(storage, clock),
        )
