"""Patients come, are described, sorted, reviewed and asked, and go."""

from collections.abc import Collection
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from clinic_domain.access.model import Principal
from clinic_domain.patients.model import DataSource, JoiningDetails, PatientDetails, Permission
from clinic_domain.testing.fakes import A_MORNING
from clinic_domain.testing.machines import model
from clinic_domain.testing.machines.ground import A_USER, CLINICS, Ground
from clinic_domain.values import ClinicId, UserId

_NAMES: Final = st.sampled_from(("Zoë", "zoe", "Álvaro"))
_MRNS: Final = st.sampled_from((None, "é-1", "E-1", "e1"))
_PROVIDERS: Final = st.sampled_from(("dexcom", "twiist"))
_PERMISSIONS: Final = st.frozensets(st.sampled_from(Permission))
_SOURCES: Final = st.lists(
    st.builds(
        DataSource,
        provider_name=_PROVIDERS,
        state=st.sampled_from(("pending", "connected")),
        modified_time=st.none() | st.just(A_MORNING),
    ),
    max_size=3,
).map(tuple)


class PeopleRules(Ground):
    """What happens to patients."""

    # Coming

    @rule(clinic=CLINICS, name=_NAMES, mrn=_MRNS, by=A_USER, data=st.data())
    def add_custodial(
        self, clinic: ClinicId, name: str, mrn: str | None, by: UserId, data: st.DataObject
    ) -> None:
        """Add a patient whose account the clinic holds; a refusal leaves no account behind."""
        here = self.at(clinic)
        tags, sites = self.own_tags(clinic, data), (self.a_site(clinic, data),)
        details = PatientDetails(name, "2000-01-01", mrn=mrn, tags=tags, site_ids=sites)
        refusal = (
            here.refuses_mrn("", mrn) or here.refuses_custodial() or here.refuses_sites({*sites})
        )
        accounts = len(self.users.accounts)
        creation = self.app.patients.create_custodial(clinic, details, Principal(by))
        patient = self.expect(refusal, creation)
        assert len(self.users.accounts) == accounts + (1 if patient else 0)
        if patient:
            everything = {"custodian", "view", "upload", "note"}
            here.people[patient.user_id] = model.Person(
                name, mrn, None, everything, {*tags}, {*sites}
            )

    @rule(clinic=CLINICS, name=_NAMES, mrn=_MRNS, permissions=_PERMISSIONS, data=st.data())
    def join(
        self,
        *,
        clinic: ClinicId,
        name: str,
        mrn: str | None,
        permissions: frozenset[Permission],
        data: st.DataObject,
    ) -> None:
        """Add a user who has an account, with at least one permission."""
        user = data.draw(st.sampled_from([*self.users.accounts]), "user")
        given = permissions or frozenset({Permission.VIEW})
        self.let_join(clinic, user, JoiningDetails(given, full_name=name, mrn=mrn))

    def let_join(self, clinic: ClinicId, user: UserId, details: JoiningDetails) -> None:
        """Add a user who has an account."""
        here, given = self.at(clinic), {*(details.permissions or ())}
        refusal = here.refuses_joining(user, details.mrn, given)
        if self.expect(refusal, self.app.patients.add_existing(clinic, user, details)):
            here.people[user] = model.Person(
                details.full_name or "", details.mrn, self.account_email(user), {*given}
            )

    # Changing

    @rule(clinic=CLINICS, name=_NAMES, mrn=_MRNS, data=st.data())
    def describe_patient(
        self, clinic: ClinicId, name: str, mrn: str | None, data: st.DataObject
    ) -> None:
        """Describe a patient anew; the address goes, what is not mentioned stays."""
        here, user = self.at(clinic), self.a_patient(clinic, data)
        tags, sites = self.own_tags(clinic, data) or None, self.own_sites(clinic, data) or None
        details = PatientDetails(name, "2000-01-01", mrn=mrn, tags=tags, site_ids=sites)
        refusal = here.refuses_access(user) or here.refuses_mrn(user, mrn)
        if self.expect(refusal, self.app.patients.update(clinic, user, details)):
            person = here.people[user]
            person.name, person.mrn, person.email = name, mrn, None
            person.tags = {*tags} if tags else person.tags
            person.sites = {*sites} if sites else person.sites

    @rule(clinic=CLINICS, permissions=_PERMISSIONS, data=st.data())
    def replace_permissions(
        self, clinic: ClinicId, permissions: frozenset[Permission], data: st.DataObject
    ) -> None:
        """Replace what a patient permits; who permits nothing leaves, and no custodian is made."""
        here, user = self.at(clinic), self.a_patient(clinic, data)
        refusal = here.refuses_access(user)
        self.expect(refusal, self.app.patients.set_permissions(clinic, user, permissions))
        if refusal is None:
            self.permit(here, user, permissions - {Permission.CUSTODIAN})

    @rule(clinic=CLINICS, permission=st.sampled_from(Permission), data=st.data())
    def revoke_permission(
        self, clinic: ClinicId, permission: Permission, data: st.DataObject
    ) -> None:
        """Take one permission back."""
        here, user = self.at(clinic), self.a_patient(clinic, data)
        refusal = here.refuses_permission_removal(user, permission)
        self.expect(refusal, self.app.patients.remove_permission(clinic, user, permission))
        if refusal is None:
            self.permit(here, user, here.people[user].permissions - {permission})

    def permit(self, here: model.Clinic, user: UserId, permissions: Collection[str]) -> None:
        """Note what is permitted now."""
        here.people[user].permissions = {*permissions}
        if not permissions:
            here.discharge([user])

    @rule(clinic=CLINICS, everybody=st.booleans(), data=st.data())
    def assign_tag(self, clinic: ClinicId, data: st.DataObject, *, everybody: bool) -> None:
        """Give tags of the clinic to some of its patients, or to all."""
        here = self.at(clinic)
        users = None if everybody else self.own_patients(clinic, data)
        for tag in self.own_tags(clinic, data):
            self.run(self.app.patients.assign_tag(clinic, tag, users))
            for user in here.people if users is None else users:
                here.people[user].tags.add(tag)

    @rule(clinic=CLINICS, everybody=st.booleans(), data=st.data())
    def unassign_tag(self, clinic: ClinicId, data: st.DataObject, *, everybody: bool) -> None:
        """Take a tag from some of the patients, or from all."""
        here, tag = self.at(clinic), self.a_tag(clinic, data)
        users = None if everybody else self.own_patients(clinic, data)
        self.run(self.app.patients.unassign_tag(clinic, tag, users))
        for user in here.people if users is None else users:
            here.people[user].tags.discard(tag)

    @rule(clinic=CLINICS, sources=_SOURCES, data=st.data())
    def set_data_sources(
        self, clinic: ClinicId, sources: tuple[DataSource, ...], data: st.DataObject
    ) -> None:
        """Replace the data sources of a user in all clinics."""
        user = self.a_patient(clinic, data)
        self.run(self.app.patients.set_data_sources(user, sources))
        for here in self.everywhere():
            if user in here.people:
                here.people[user].sources = [
                    model.Source(each.provider_name, each.state, bool(each.modified_time))
                    for each in sources
                ]

    @rule(clinic=CLINICS, provider=_PROVIDERS, data=st.data())
    def ask_to_connect(self, clinic: ClinicId, provider: str, data: st.DataObject) -> None:
        """Ask a patient to connect a provider, or to connect it again."""
        here, user = self.at(clinic), self.a_patient(clinic, data)
        refusal = here.refuses_connecting(user, provider)
        self.expect(refusal, self.app.patients.request_connection(clinic, user, provider))
        if refusal is None:
            sources = [each for each in here.people[user].sources if each.provider == provider]
            again = sources[-1].was_connected
            sources[0].state = "pendingReconnect" if again else "pending"
            sources[0].was_connected |= again

    @rule(clinic=CLINICS, by=A_USER, data=st.data())
    def review(self, clinic: ClinicId, by: UserId, data: st.DataObject) -> None:
        """Note a review; the last two are kept."""
        here, user = self.at(clinic), self.a_patient(clinic, data)
        refusal = here.refuses_access(user)
        self.expect(refusal, self.app.patients.add_review(clinic, user, Principal(by)))
        if refusal is None:
            here.people[user].reviewers = [by, *here.people[user].reviewers][:2]

    @rule(clinic=CLINICS, by=A_USER, data=st.data())
    def revert_review(self, clinic: ClinicId, by: UserId, data: st.DataObject) -> None:
        """Take the newest review back."""
        here, user = self.at(clinic), self.a_patient(clinic, data)
        refusal = here.refuses_reverting(user, by)
        self.expect(refusal, self.app.patients.revert_review(clinic, user, Principal(by)))
        if refusal is None:
            del here.people[user].reviewers[0]

    # Going

    @rule(clinic=CLINICS, by=A_USER, data=st.data())
    def remove_patient(self, clinic: ClinicId, by: UserId, data: st.DataObject) -> None:
        """Remove a patient, who leaves a deletion record."""
        here, user = self.at(clinic), self.a_patient(clinic, data)
        refusal = here.refuses_access(user)
        self.expect(refusal, self.app.patients.delete(clinic, user, Principal(by)))
        if refusal is None:
            here.discharge([user])
