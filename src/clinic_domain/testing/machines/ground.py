"""What the rules stand on: a service over a storage, the model, and the comparison of both."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Final, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant

from clinic_domain.access.model import Principal
from clinic_domain.application import Application
from clinic_domain.storage import Storage
from clinic_domain.testing.fakes import (
    FakeProfiles,
    FakeRepresentatives,
    FakeServiceAccounts,
    FakeUsers,
    RecordingJournal,
    RecordingMailer,
    SequentialIds,
    SequentialInviteKeys,
    SequentialShareCodes,
    TickingClock,
)
from clinic_domain.testing.machines import model
from clinic_domain.testing.machines.reading import clinic_as_stored
from clinic_domain.users import Profile
from clinic_domain.values import ClinicId, InviteId, SiteId, TagId, UserId

T = TypeVar("T")
OpenStorage = Callable[[], AbstractAsyncContextManager[Storage]]

SERVER: Final = Principal(UserId("server"), is_server=True)
DEMO: Final = UserId(model.DEMO)
USERS: Final = tuple(UserId(name) for name in ("ann", "bob", "cid", "dan"))
A_USER: Final = st.sampled_from(USERS)

CLINICS: Final[Bundle[ClinicId]] = Bundle("clinics")
NOBODY: Final = UserId("nobody")
_NOTHING: Final = "f" * 24


class Ground(RuleBasedStateMachine):
    """
    The service, the model, and the promise that they agree.

    What a step touches is compared after it, and everything at the end.
    """

    open_storage: ClassVar[OpenStorage]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.opened = type(self).open_storage()
        self.storage = self.runner.run(_entered(self.opened))
        self.users = FakeUsers()
        for user in (*USERS, DEMO):
            self.users.add(user, f"{user}@example.com")
        self.app = Application.over(
            self.storage,
            users=self.users,
            profiles=FakeProfiles({user: Profile(user) for user in (*USERS, DEMO)}),
            service_accounts=FakeServiceAccounts(),
            clock=TickingClock(),
            ids=SequentialIds(),
            share_codes=SequentialShareCodes(),
            journal=RecordingJournal(),
            representatives=FakeRepresentatives(),
            invite_keys=SequentialInviteKeys(),
            mailer=RecordingMailer(),
            demo_patient=DEMO,
        )
        self.model: dict[ClinicId, model.Clinic] = {}
        self.touched: set[ClinicId] = set()

    def teardown(self) -> None:
        """Compare everything once more, and let go of the storage."""
        try:
            self.touched.update(self.model)
            self.stored_and_model_agree()
        finally:
            self.runner.run(_left(self.opened))
            self.runner.close()

    def run(self, use_case: Coroutine[Any, Any, T]) -> T:
        """Run a use case that has to succeed."""
        return self.runner.run(use_case)

    def expect(self, refusal: model.Refusal, use_case: Coroutine[Any, Any, T]) -> T | None:
        """Run a use case and return its result, or assert that it is refused just so."""
        if refusal is None:
            return self.runner.run(use_case)
        with pytest.raises(refusal) as raised:
            self.runner.run(use_case)
        assert raised.type is refusal
        return None

    def read_back(self, clinic: ClinicId) -> dict[str, Any]:
        """Return what is stored about a clinic."""
        return self.run(self.storage.read(lambda tx: clinic_as_stored(tx, clinic)))

    def at(self, clinic: ClinicId) -> model.Clinic:
        """Return the model of a clinic that may change in this step."""
        self.touched.add(clinic)
        return self.model[clinic]

    def everywhere(self) -> list[model.Clinic]:
        """Return the models of all clinics, which may change in this step."""
        return [self.at(clinic) for clinic in self.model]

    def account_email(self, user: UserId) -> str | None:
        """Return the address of a user's account as it is now."""
        return self.users.accounts[user].email

    # Draws: mostly of what is there, sometimes of what is not

    def a_member(self, clinic: ClinicId, data: st.DataObject) -> UserId:
        """Draw a member of the clinic, or nobody."""
        return data.draw(_of(map(UserId, self.model[clinic].members), NOBODY), "member")

    def an_invite(self, clinic: ClinicId, data: st.DataObject) -> InviteId:
        """Draw a pending invite of the clinic, or none."""
        return data.draw(_of(map(InviteId, self.model[clinic].invites), InviteId("?")), "invite")

    def a_patient(self, clinic: ClinicId, data: st.DataObject) -> UserId:
        """Draw a patient of the clinic, or nobody."""
        return data.draw(_of(map(UserId, self.model[clinic].people), NOBODY), "patient")

    def a_tag(self, clinic: ClinicId, data: st.DataObject) -> TagId:
        """Draw a tag of the clinic, perhaps of another, or of none."""
        known = (tag for one in self.from_here(clinic) for tag in self.model[one].tags)
        return data.draw(_of(map(TagId, known), TagId(_NOTHING)), "tag")

    def a_site(self, clinic: ClinicId, data: st.DataObject) -> SiteId:
        """Draw a site of the clinic, perhaps of another, or of none."""
        known = (site for one in self.from_here(clinic) for site in self.model[one].sites)
        return data.draw(_of(map(SiteId, known), SiteId(_NOTHING)), "site")

    def own_tags(self, clinic: ClinicId, data: st.DataObject) -> tuple[TagId, ...]:
        """Draw some tags of the clinic."""
        return data.draw(_some(map(TagId, self.model[clinic].tags)), "tags")

    def own_sites(self, clinic: ClinicId, data: st.DataObject) -> tuple[SiteId, ...]:
        """Draw some sites of the clinic."""
        return data.draw(_some(map(SiteId, self.model[clinic].sites)), "sites")

    def own_patients(self, clinic: ClinicId, data: st.DataObject) -> tuple[UserId, ...]:
        """Draw some patients of the clinic."""
        return data.draw(_some(map(UserId, self.model[clinic].people)), "patients")

    def from_here(self, clinic: ClinicId) -> list[ClinicId]:
        """Return all clinics, this one first."""
        return sorted(self.model, key=lambda other: other != clinic)

    # What has to be true

    @invariant()
    def stored_and_model_agree(self) -> None:
        """Compare what was touched, and hold it against what has to be true of every clinic."""
        for clinic in self.touched:
            stored = self.read_back(clinic)
            assert stored == self.model[clinic].as_stored()
            assert stored["admins"] or self.model[clinic].is_orphaned
            for person in stored["people"].values():
                assert person["permissions"]
                assert set(person["tags"]) <= set(stored["tags"])
                assert person["sites"].items() <= stored["sites"].items()
        self.touched.clear()


def _of(known: Iterable[T], unknown: T) -> st.SearchStrategy[T]:
    # What comes first is drawn most when an example is made simpler.
    return st.sampled_from([*known, unknown])


def _some(known: Iterable[T]) -> st.SearchStrategy[tuple[T, ...]]:
    choices = [*known]
    some = st.lists(st.sampled_from(choices), max_size=2) if choices else st.just([])
    return some.map(lambda drawn: tuple(dict.fromkeys(drawn)))


async def _entered(manager: AbstractAsyncContextManager[Storage]) -> Storage:
    return await manager.__aenter__()


async def _left(manager: AbstractAsyncContextManager[Storage]) -> None:
    await manager.__aexit__(None, None, None)
