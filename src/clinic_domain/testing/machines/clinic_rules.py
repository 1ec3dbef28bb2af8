"""Clinics are opened, described, limited and closed."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, consumes, multiple, precondition, rule

from clinic_domain.access.model import Principal
from clinic_domain.clinics.model import (
    ClinicDetails,
    MrnSettings,
    PatientCountLimit,
    PatientCountSettings,
)
from clinic_domain.testing.machines import model
from clinic_domain.testing.machines.ground import A_USER, CLINICS, DEMO, Ground
from clinic_domain.testing.machines.reading import removed_as_stored
from clinic_domain.values import ClinicId, UserId

_NAMES: Final = st.sampled_from(("North", "South"))
_FEW: Final = 3


class ClinicRules(Ground):
    """What happens to clinics as a whole."""

    @precondition(lambda self: len(self.model) < _FEW)
    @rule(target=CLINICS, user=A_USER, name=_NAMES)
    def open_another(self, user: UserId, name: str) -> ClinicId:
        """Open a clinic."""
        return self.open(user, name)

    def open(self, user: UserId, name: str) -> ClinicId:
        """Open a clinic whose admin is this user."""
        details = ClinicDetails(name=name)
        view = self.run(self.app.clinics.create(details, Principal(user)))
        admin = model.Member(self.account_email(user), {"CLINIC_ADMIN"})
        demo = model.Person(DEMO, None, self.account_email(DEMO), {"view"})
        self.model[view.clinic.id] = model.Clinic(name, {user: admin}, people={DEMO: demo})
        self.touched.add(view.clinic.id)
        return view.clinic.id

    @rule(clinic=CLINICS, name=_NAMES)
    def describe(self, clinic: ClinicId, name: str) -> None:
        """Describe a clinic anew."""
        self.run(self.app.clinics.update(clinic, ClinicDetails(name=name)))
        self.at(clinic).name = name

    @rule(clinic=CLINICS, unique=st.booleans())
    def demand_unique_mrns(self, clinic: ClinicId, *, unique: bool) -> None:
        """Demand unique MRNs from now on, or stop to."""
        demands = MrnSettings(required=False, unique=unique)
        self.run(self.app.settings.set_mrn_settings(clinic, demands))
        self.at(clinic).wants_unique_mrns = unique

    @rule(clinic=CLINICS, plan=st.integers(0, 4))
    def limit(self, clinic: ClinicId, plan: int) -> None:
        """Set the number of patients that the plan covers."""
        limits = PatientCountSettings(hard_limit=PatientCountLimit(plan))
        self.run(self.app.settings.set_patient_count_settings(clinic, limits))
        self.at(clinic).plan = plan

    @rule(target=CLINICS, clinic=consumes(CLINICS), user=A_USER)
    def close(self, clinic: ClinicId, user: UserId) -> MultipleResults[ClinicId]:
        """Close a clinic; everybody in it leaves a deletion record."""
        refusal = self.at(clinic).refuses_closing()
        self.expect(refusal, self.app.clinics.delete(clinic, Principal(user)))
        if refusal:
            return multiple(clinic)
        self.touched.discard(clinic)
        closed = self.model.pop(clinic)
        closed.close()
        removed = self.run(self.storage.read(lambda tx: removed_as_stored(tx, clinic)))
        assert removed.items() <= closed.as_stored().items()
        assert len(self.run(self.storage.read(lambda tx: tx.deletions.clinics(clinic)))) == 1
        return multiple()
