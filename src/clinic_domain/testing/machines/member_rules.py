"""Members come by invitation or without, get other roles, and leave."""

import asyncio
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from clinic_domain.access.model import Principal
from clinic_domain.clinicians.errors import DuplicateEmail, LastAdmin
from clinic_domain.clinicians.model import NewClinician
from clinic_domain.testing.machines import model
from clinic_domain.testing.machines.ground import A_USER, CLINICS, SERVER, Ground
from clinic_domain.values import ClinicId, InviteId, UserId

_KEYS: Final = st.sampled_from(("key", "Key")).map(InviteId)
_EMAILS: Final = st.sampled_from(("new@example.com", "other@example.com", "ann@example.com"))
_ROLES: Final = st.sampled_from(
    (("CLINIC_ADMIN",), ("CLINIC_MEMBER",), ("PRESCRIBER", "CLINIC_ADMIN"), ("PRESCRIBER",))
)


class MemberRules(Ground):
    """What happens to members, and what it means for the admins."""

    @rule(clinic=CLINICS, user=A_USER, roles=_ROLES)
    def add_member(self, clinic: ClinicId, user: UserId, roles: tuple[str, ...]) -> None:
        """Add a user as a member."""
        email = self.account_email(user)
        refusal = self.at(clinic).refuses_member(user, email, set(roles))
        new = NewClinician(email and email.upper(), roles, user_id=user)
        self.expect(refusal, self.app.clinicians.create(clinic, new))
        if refusal is None:
            self.at(clinic).members[user] = model.Member(email, set(roles))

    @rule(clinic=CLINICS, key=_KEYS, email=_EMAILS, roles=_ROLES)
    def invite(self, clinic: ClinicId, key: InviteId, email: str, roles: tuple[str, ...]) -> None:
        """Invite whoever has an address."""
        refusal = self.at(clinic).refuses_invite(key, email)
        new = NewClinician(email, roles, invite_id=key)
        self.expect(refusal, self.app.clinicians.create(clinic, new))
        if refusal is None:
            self.at(clinic).invites[key] = model.Member(email, set(roles))

    @rule(clinic=CLINICS, user=A_USER, data=st.data())
    def accept(self, clinic: ClinicId, user: UserId, data: st.DataObject) -> None:
        """Accept an invite; address and roles stay as invited."""
        key = self.an_invite(clinic, data)
        refusal = self.at(clinic).refuses_acceptance(key, user)
        self.expect(refusal, self.app.clinicians.associate(clinic, key, user))
        if refusal is None:
            self.at(clinic).members[user] = self.at(clinic).invites.pop(key)

    @rule(clinic=CLINICS, data=st.data())
    def withdraw(self, clinic: ClinicId, data: st.DataObject) -> None:
        """Withdraw an invite, which leaves no deletion record."""
        key = self.an_invite(clinic, data)
        refusal = self.at(clinic).refuses_withdrawal(key)
        self.expect(refusal, self.app.clinicians.delete_invited(clinic, key))
        if refusal is None:
            del self.at(clinic).invites[key]

    @rule(clinic=CLINICS, roles=_ROLES, by=A_USER, data=st.data())
    def change_roles(
        self, clinic: ClinicId, roles: tuple[str, ...], by: UserId, data: st.DataObject
    ) -> None:
        """Give a member other roles."""
        user = self.a_member(clinic, data)
        refusal = self.at(clinic).refuses_change(user, set(roles))
        change = self.app.clinicians.update(clinic, user, "Name", roles, Principal(by))
        self.expect(refusal, change)
        if refusal is None:
            self.at(clinic).members[user].roles = set(roles)

    @rule(clinic=CLINICS, by=A_USER, data=st.data())
    def remove_member(self, clinic: ClinicId, by: UserId, data: st.DataObject) -> None:
        """Remove a member, who leaves a deletion record."""
        user = self.a_member(clinic, data)
        refusal = self.at(clinic).refuses_change(user, set())
        self.expect(refusal, self.app.clinicians.delete(clinic, user, Principal(by)))
        if refusal is None:
            self.at(clinic).dismiss(user)

    @rule(clinic=CLINICS)
    def all_admins_leave_at_once(self, clinic: ClinicId) -> None:
        """Have every admin leave at the same moment: one has to stay."""
        here = self.at(clinic)
        leaving = sorted(here.admins)

        async def leave() -> list[BaseException | None]:
            return await asyncio.gather(
                *(self.app.clinicians.delete(clinic, UserId(user), SERVER) for user in leaving),
                return_exceptions=True,
            )

        outcomes = self.run(leave())

        assert [type(each) for each in outcomes if each is not None] == [LastAdmin][: len(leaving)]
        for user, outcome in zip(leaving, outcomes, strict=True):
            if outcome is None:
                here.dismiss(user)

    @rule(user=A_USER, email=_EMAILS)
    def change_email(self, user: UserId, email: str) -> None:
        """Follow the new address of an account into all clinics, or into none."""
        clinics = self.everywhere()
        is_taken = any(here.refuses_email(user, email) for here in clinics)
        change = self.app.accounts.change_email(user, email)
        self.expect(DuplicateEmail if is_taken else None, change)
        if not is_taken:
            for here in clinics:
                here.write_email(user, email)

    @rule(user=A_USER)
    def remove_everywhere(self, user: UserId) -> None:
        """Remove an account; a clinic that loses its only admin keeps its custodial patients."""
        self.run(self.app.accounts.remove_everywhere(user, SERVER))
        for here in self.everywhere():
            here.discharge({user} & set(here.people))
            if user in here.members:
                was_only_admin = here.admins == {user}
                here.dismiss(user)
                if was_only_admin:
                    here.is_orphaned = True
                    here.discharge(
                        patient
                        for patient, person in here.people.items()
                        if "custodian" not in person.permissions
                    )

    @rule(user=A_USER)
    def list_memberships(self, user: UserId) -> None:
        """List the clinics of a user."""
        memberships = self.run(self.storage.read(lambda tx: tx.clinicians.of_user(user)))
        assert {member.clinic_id for member in memberships} == {
            clinic for clinic, here in self.model.items() if user in here.members
        }
