"""
What clinics are to somebody who keeps them in sets and dictionaries.

The model shares no code with the rules: it says again, in its own words, what is refused and what
is counted.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable

import attrs

from clinic_domain.clinicians.errors import (
    ClinicianNotFound,
    DuplicateClinician,
    DuplicateEmail,
    LastAdmin,
)
from clinic_domain.clinics.errors import (
    ClinicNotEmpty,
    DuplicateSite,
    DuplicateTag,
    PatientCountExceeded,
    RenamedSiteDuplicate,
    SiteMergedIntoItself,
    SiteNotFound,
    TagNotFound,
    TagToConvertNotFound,
    TargetSiteNotFound,
    UnknownSite,
)
from clinic_domain.errors import DomainError
from clinic_domain.patients.errors import (
    DuplicatePatient,
    MrnNotUnique,
    PatientNotFound,
    PatientToConnectNotFound,
    PermissionNotFound,
    ReviewNotFound,
    ReviewOfSomebodyElse,
)

Refusal = type[DomainError] | None
DEMO = "demo"


@attrs.define
class Source:
    """A data source of a patient."""

    provider: str
    state: str
    was_connected: bool


@attrs.define
class Person:
    """A patient of a clinic."""

    name: str
    mrn: str | None
    email: str | None
    permissions: set[str]
    tags: set[str] = attrs.field(factory=set)
    sites: set[str] = attrs.field(factory=set)
    sources: list[Source] = attrs.field(factory=list)
    reviewers: list[str] = attrs.field(factory=list)

    @property
    def counts_for_plan(self) -> bool:
        """Whether the clinic pays for this patient."""
        return all(source.provider != "twiist" for source in self.sources)

    def as_stored(self, names: dict[str, str]) -> dict[str, object]:
        """Return all that `reading.clinic_as_stored` has to find; *names* are those of sites."""
        return {
            "name": self.name,
            "mrn": self.mrn,
            "email": self.email,
            "permissions": sorted(self.permissions),
            "tags": sorted(self.tags),
            "sites": {site: names[site] for site in self.sites},
            "sources": [(each.provider, each.state, each.was_connected) for each in self.sources],
            "reviewers": self.reviewers,
        }


@attrs.define
class Member:
    """A member of a clinic, or somebody who is invited to become one."""

    email: str | None
    roles: set[str]

    @property
    def is_admin(self) -> bool:
        """Whether this is an admin."""
        return "CLINIC_ADMIN" in self.roles

    def as_stored(self) -> tuple[str | None, list[str]]:
        """Return all that `reading.clinic_as_stored` has to find."""
        return self.email, sorted(self.roles)


@attrs.define
class Clinic:
    """Everything about one clinic."""

    name: str
    members: dict[str, Member]
    invites: dict[str, Member] = attrs.field(factory=dict)
    tags: dict[str, str] = attrs.field(factory=dict)
    sites: dict[str, str] = attrs.field(factory=dict)
    people: dict[str, Person] = attrs.field(factory=dict)
    former_members: list[str] = attrs.field(factory=list)
    former_people: list[str] = attrs.field(factory=list)
    wants_unique_mrns: bool = False
    plan: int = 250
    is_orphaned: bool = False

    # Members

    @property
    def admins(self) -> set[str]:
        """The users who are admins."""
        return {user for user, member in self.members.items() if member.is_admin}

    def records(self) -> list[Member]:
        """Return members and invites."""
        return [*self.members.values(), *self.invites.values()]

    def refuses_member(self, user: str, email: str | None, roles: set[str]) -> Refusal:
        """Say why a user cannot be added."""
        if user in self.members or self._is_taken(email):
            return DuplicateClinician
        return self.refuses_roles(user, roles)

    def refuses_invite(self, key: str, email: str) -> Refusal:
        """Say why nobody can be invited with this key and address."""
        return DuplicateClinician if key in self.invites or self._is_taken(email) else None

    def refuses_acceptance(self, key: str, user: str) -> Refusal:
        """Say why a user cannot accept an invite."""
        if key not in self.invites:
            return ClinicianNotFound
        if user in self.members:
            return DuplicateClinician
        return self.refuses_roles(user, self.invites[key].roles)

    def refuses_withdrawal(self, key: str) -> Refusal:
        """Say why an invite cannot be withdrawn."""
        return None if key in self.invites else ClinicianNotFound

    def refuses_email(self, user: str, email: str) -> Refusal:
        """Say why a user cannot have this address."""
        if user not in self.members:
            return None
        others = [record for record in self.records() if record is not self.members[user]]
        return DuplicateEmail if any(other.email == email for other in others) else None

    def write_email(self, user: str, email: str) -> None:
        """Note the new address of a user."""
        if user in self.members:
            self.members[user].email = email
        if user in self.people:
            self.people[user].email = email

    def refuses_change(self, user: str, roles: set[str]) -> Refusal:
        """Say why a member cannot have other roles; without any, why the member cannot leave."""
        return self.refuses_roles(user, roles) if user in self.members else ClinicianNotFound

    def refuses_roles(self, user: str, roles: set[str]) -> Refusal:
        """Say why a user cannot be just that: some admin has to be left."""
        return None if "CLINIC_ADMIN" in roles or self.admins - {user} else LastAdmin

    def _is_taken(self, email: str | None) -> bool:
        return email is not None and any(record.email == email for record in self.records())

    def dismiss(self, user: str) -> None:
        """Let a member go."""
        del self.members[user]
        self.former_members.append(user)

    # Tags and sites

    def refuses_tag(self, name: str) -> Refusal:
        """Say why there cannot be a tag of this name."""
        return DuplicateTag if self._has_tag(name) else None

    def refuses_tag_name(self, tag: str, name: str) -> Refusal:
        """Say why a tag cannot have this name."""
        if self._has_tag(name, but=tag):
            return DuplicateTag
        return None if tag in self.tags else TagNotFound

    def _has_tag(self, name: str, but: str = "") -> bool:
        wanted = name.replace(" ", "").lower()
        others = (other for tag, other in self.tags.items() if tag != but)
        return any(other.replace(" ", "").lower() == wanted for other in others)

    def refuses_conversion(self, tag: str) -> Refusal:
        """Say why a tag cannot become a site."""
        return None if tag in self.tags else TagToConvertNotFound

    def converted_name(self, tag: str) -> str:
        """Return the name of the site that a tag becomes."""
        names = {name.casefold() for name in self.sites.values()}
        candidates = [self.tags[tag], *(f"{self.tags[tag]} ({number})" for number in range(2, 99))]
        return next(name for name in candidates if name.casefold() not in names)

    def drop_tag(self, tag: str) -> None:
        """Take a tag from the clinic and from everybody in it."""
        self.tags.pop(tag, None)
        for person in self.people.values():
            person.tags.discard(tag)

    def refuses_site(self, name: str) -> Refusal:
        """Say why there cannot be a site of this name."""
        return DuplicateSite if self._has_site(name) else None

    def refuses_site_name(self, site: str, name: str) -> Refusal:
        """Say why a site cannot have this name."""
        if self._has_site(name, but=site):
            return RenamedSiteDuplicate
        return None if site in self.sites else UnknownSite

    def _has_site(self, name: str, but: str = "") -> bool:
        others = (other for site, other in self.sites.items() if site != but)
        return any(other.casefold() == name.casefold() for other in others)

    def refuses_site_removal(self, site: str) -> Refusal:
        """Say why a site cannot go."""
        return None if site in self.sites else SiteNotFound

    def refuses_merge(self, source: str, target: str) -> Refusal:
        """Say why a site cannot be merged into another."""
        if source == target:
            return SiteMergedIntoItself
        if target not in self.sites:
            return TargetSiteNotFound
        return self.refuses_site_removal(source)

    def drop_site(self, site: str) -> None:
        """Take a site from the clinic and from everybody in it."""
        del self.sites[site]
        for person in self.people.values():
            person.sites.discard(site)

    # Patients

    def refuses_mrn(self, user: str, mrn: str | None) -> Refusal:
        """Say why a patient cannot have this number."""
        if mrn is None or not self.wants_unique_mrns:
            return None
        holders = {
            holder
            for holder, person in self.people.items()
            if person.mrn is not None and _plain(person.mrn) == _plain(mrn)
        }
        return None if holders <= {user} else MrnNotUnique

    def refuses_custodial(self) -> Refusal:
        """Say why another custodial patient is one too many."""
        return PatientCountExceeded if self.plan_patients >= self.plan else None

    def refuses_sites(self, sites: set[str]) -> Refusal:
        """Say why patients cannot be at these sites."""
        return None if sites <= set(self.sites) else UnknownSite

    def refuses_joining(self, user: str, mrn: str | None, permissions: set[str]) -> Refusal:
        """Say why an existing user cannot become a patient."""
        over_plan = self.refuses_custodial() if "custodian" in permissions else None
        duplicate = DuplicatePatient if user in self.people else None
        return self.refuses_mrn(user, mrn) or over_plan or duplicate

    def refuses_access(self, user: str) -> Refusal:
        """Say why nothing can be done with a patient: there is none."""
        return None if user in self.people else PatientNotFound

    def refuses_permission_removal(self, user: str, permission: str) -> Refusal:
        """Say why a permission cannot be taken away."""
        person = self.people.get(user)
        return None if person and permission in person.permissions else PermissionNotFound

    def refuses_reverting(self, user: str, by: str) -> Refusal:
        """Say why the newest review cannot be taken back."""
        if user not in self.people:
            return PatientNotFound
        reviewers = self.people[user].reviewers
        if not reviewers:
            return ReviewNotFound
        return None if reviewers[0] == by else ReviewOfSomebodyElse

    def refuses_connecting(self, user: str, provider: str) -> Refusal:
        """Say why a patient cannot be asked to connect a provider."""
        if user not in self.people:
            return PatientToConnectNotFound
        providers = {source.provider for source in self.people[user].sources}
        return None if provider in providers else PatientNotFound

    def close(self) -> None:
        """Let everybody go."""
        self.former_members += [*self.members, *self.invites]
        self.former_people += self.people
        self.members, self.invites, self.people = {}, {}, {}

    def discharge(self, users: Iterable[str]) -> None:
        """Let patients go."""
        for user in list(users):
            del self.people[user]
            self.former_people.append(user)

    def refuses_closing(self) -> Refusal:
        """Say why the clinic cannot be closed."""
        return None if set(self.people) <= {DEMO} else ClinicNotEmpty

    # What has to be stored

    @property
    def plan_patients(self) -> int:
        """The number of patients that the plan is measured by."""
        others = (person for user, person in self.people.items() if user != DEMO)
        return sum(person.counts_for_plan for person in others)

    def as_stored(self) -> dict[str, object]:
        """Return all that `reading.clinic_as_stored` has to find."""
        others = [person for user, person in self.people.items() if user != DEMO]
        return {
            "name": self.name,
            "admins": sorted(self.admins),
            "members": {user: member.as_stored() for user, member in self.members.items()},
            "invites": {key: member.as_stored() for key, member in self.invites.items()},
            "tags": self.tags,
            "sites": self.sites,
            "people": {user: person.as_stored(self.sites) for user, person in self.people.items()},
            "patients of tags": {
                tag: sum(tag in person.tags for person in self.people.values()) for tag in self.tags
            },
            "patients of sites": {
                site: sum(site in person.sites for person in self.people.values())
                for site in self.sites
            },
            "count": (
                len(self.people),
                len(self.people) - len(others),
                self.plan_patients,
                _states(others),
            ),
            "tally": (
                len(self.people),
                sum(not person.counts_for_plan for person in self.people.values()),
                _states(self.people.values()),
            ),
            "former members": sorted(self.former_members),
            "former people": sorted(self.former_people),
        }


def _states(people: Iterable[Person]) -> dict[tuple[str, str], int]:
    return dict(Counter((each.provider, each.state) for one in people for each in one.sources))


def _plain(mrn: str) -> str:
    decomposed = unicodedata.normalize("NFD", mrn)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).lower()
