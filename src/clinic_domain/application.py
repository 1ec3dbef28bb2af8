"""All use cases in one object: what a service that embeds the core builds once."""

from datetime import timedelta
from typing import Self

import attrs

from clinic_domain.access.ports import Representatives
from clinic_domain.access.service import AccessService
from clinic_domain.accounts import AccountService
from clinic_domain.clinicians.service import ClinicianService
from clinic_domain.clinics.labels import SiteService, TagService
from clinic_domain.clinics.service import ClinicService
from clinic_domain.clinics.settings import PatientCountService, SettingsService
from clinic_domain.ehr.ports import OrderReader, RestrictedTokens, XealthOrders
from clinic_domain.ehr.programs import EnrollmentService
from clinic_domain.ehr.service import MessageService
from clinic_domain.ehr.unconnected import NoOrders, NoRestrictedTokens, NoXealth
from clinic_domain.ehr.upkeep import UpkeepService
from clinic_domain.invites.clinicians import ClinicianInviteService
from clinic_domain.invites.patients import PatientInviteService
from clinic_domain.invites.ports import InviteKeyGenerator
from clinic_domain.merging.service import HERE, MergeService
from clinic_domain.migrations.service import MigrationService
from clinic_domain.notifications.ports import Bell, Mailer
from clinic_domain.notifications.rules import LEASE
from clinic_domain.notifications.service import SILENT, Announcements, OutboxService
from clinic_domain.patients.counting import PatientCounter
from clinic_domain.patients.glucose import SummaryService, TideService
from clinic_domain.patients.service import PatientService
from clinic_domain.ports import Aside, Clock, IdGenerator, Journal, ShareCodeGenerator
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
    clinician_invites: ClinicianInviteService
    outbox: OutboxService
    merging: MergeService
    enrollments: EnrollmentService
    ehr_upkeep: UpkeepService
    messages: MessageService
    migrations: MigrationService
    patient_counts: PatientCountService
    patient_invites: PatientInviteService
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
        representatives: Representatives,
        invite_keys: InviteKeyGenerator,
        mailer: Mailer,
        bell: Bell = SILENT,
        aside: Aside = HERE,
        mail_lease: timedelta = LEASE,
        demo_patient: UserId | None = None,
        announces: bool = True,
        redox_orders: OrderReader | None = None,
        xealth_orders: XealthOrders | None = None,
        restricted_tokens: RestrictedTokens | None = None,
    ) -> Self:
        """
        Return the use cases over these adapters.

        *demo_patient* joins every new clinic (CREATE-3). *bell* wakes whoever calls
        `outbox.deliver`, and *mail_lease* is how long a mail may take. *announces* is false where
        another program tells of changes by mail. *aside* computes what takes long. Without the
        last three no EHR partner is connected.
        """
        counter = PatientCounter(demo_patient)
        announcements = Announcements(ids, bell, announces)
        patients = PatientService(storage, clock, ids, users, profiles, counter)
        return cls(
            access=AccessService(storage, representatives),
            accounts=AccountService(storage, clock, counter),
            clinician_invites=ClinicianInviteService(
                storage, clock, ids, invite_keys, users, profiles, bell
            ),
            clinicians=ClinicianService(
                storage, clock, ids, profiles, service_accounts, announcements
            ),
            clinics=ClinicService(
                storage, clock, ids, share_codes, users, profiles, counter, journal, announcements
            ),
            outbox=OutboxService(storage, clock, users, mailer, journal, mail_lease),
            merging=MergeService(storage, clock, ids, counter, announcements, aside),
            patient_counts=PatientCountService(storage, clock, counter),
            patient_invites=PatientInviteService(
                storage, clock, ids, invite_keys, users, profiles, counter, bell
            ),
            enrollments=EnrollmentService(
                storage,
                clock,
                ids,
                users,
                patients,
                xealth_orders or NoXealth(),
                restricted_tokens or NoRestrictedTokens(),
            ),
            ehr_upkeep=UpkeepService(storage, clock, redox_orders or NoOrders(), patients),
            messages=MessageService(storage, clock, ids, redox_orders or NoOrders()),
            migrations=MigrationService(storage, clock, ids, share_codes, users, profiles),
            patients=patients,
            settings=SettingsService(storage, clock),
            sites=SiteService(storage, clock, ids),
            summaries=SummaryService(storage, clock),
            tags=TagService(storage, clock, ids),
            tide=TideService(storage, clock),
        )
