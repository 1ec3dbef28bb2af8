"""The machine as a whole, and how a storage is put under it."""

from unittest import TestCase

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize

from clinic_domain.patients.model import ALL_PERMISSIONS, DataSource, JoiningDetails
from clinic_domain.testing.machines.clinic_rules import ClinicRules
from clinic_domain.testing.machines.ground import CLINICS, USERS, OpenStorage
from clinic_domain.testing.machines.label_rules import LabelRules
from clinic_domain.testing.machines.member_rules import MemberRules
from clinic_domain.testing.machines.people_rules import PeopleRules
from clinic_domain.values import ClinicId, InviteId


class ClinicMachine(ClinicRules, LabelRules, MemberRules, PeopleRules):
    """
    A few clinics and users, and everything that can happen to them.

    A subclass says in `open_storage` where things are kept; see `use_cases_over`.
    """

    @initialize(target=CLINICS, data=st.data())
    def start(self, data: st.DataObject) -> ClinicId:
        """Have a clinic with somebody and something of every kind."""
        admin, member, patient, _ = USERS
        clinic = self.open(admin, "First")
        for name in ("Type 1", "Two"):
            self.add_tag(clinic, name)
        for name in ("Main", "two"):
            self.add_site(clinic, name)
        self.add_member(clinic, member, ("CLINIC_MEMBER",))
        self.invite(clinic, InviteId("key"), "invited@example.com", ("CLINIC_ADMIN",))
        for name, mrn in (("Zoë", "é-1"), ("Álvaro", None)):
            self.add_custodial(clinic, name, mrn, admin, data)
        self.let_join(clinic, patient, JoiningDetails(ALL_PERMISSIONS, full_name="zoe"))
        self.assign_tag(clinic, data, everybody=True)
        self.set_data_sources(clinic, (DataSource("dexcom", "connected"),), data)
        return clinic


def use_cases_over(
    open_storage: OpenStorage, *, max_examples: int = 40, steps: int = 50
) -> type[TestCase]:
    """
    Return a test case that runs use cases over a storage and compares it with the model.

    Args:
        open_storage: Returns a context manager that opens an empty storage and closes it.
        max_examples: How many stories to tell.
        steps: How long each of them is at most.
    """

    class Machine(ClinicMachine): ...

    Machine.open_storage = staticmethod(open_storage)
    test_case: type[TestCase] = Machine.TestCase
    test_case.settings = settings(  # type: ignore[attr-defined] # Hypothesis looks for it
        max_examples=max_examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    return test_case
