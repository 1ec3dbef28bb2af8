"""Tags and sites come, change their names, become each other, and go."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from clinic_domain.testing.machines.ground import CLINICS, Ground
from clinic_domain.values import ClinicId

# Several spellings of few names, so that they clash when they should and only then.
_TAG_NAMES: Final = st.sampled_from(("Type 1", "type1", "TYPE  1", "Ärger", "ärger", "Two"))
_SITE_NAMES: Final = st.sampled_from(("Main", "MAIN", "Ärger", "ärger", "two", "Two "))


class LabelRules(Ground):
    """What happens to what patients are sorted by."""

    # Tags

    @rule(clinic=CLINICS, name=_TAG_NAMES)
    def add_tag(self, clinic: ClinicId, name: str) -> None:
        """Add a tag."""
        refusal = self.at(clinic).refuses_tag(name)
        tag = self.expect(refusal, self.app.tags.create(clinic, name))
        if tag:
            self.at(clinic).tags[tag.id] = name

    @rule(clinic=CLINICS, name=_TAG_NAMES, data=st.data())
    def rename_tag(self, clinic: ClinicId, name: str, data: st.DataObject) -> None:
        """Rename a tag."""
        tag = self.a_tag(clinic, data)
        refusal = self.at(clinic).refuses_tag_name(tag, name)
        self.expect(refusal, self.app.tags.rename(clinic, tag, name))
        if refusal is None:
            self.at(clinic).tags[tag] = name

    @rule(clinic=CLINICS, data=st.data())
    def delete_tag(self, clinic: ClinicId, data: st.DataObject) -> None:
        """Remove a tag, and then from the patients, as the worker that follows the storage does."""
        tag = self.a_tag(clinic, data)
        self.run(self.app.tags.delete(clinic, tag))
        found = self.run(self.storage.read(lambda tx: tx.clinics.get(clinic)))
        assert found.last_deleted_tag == tag
        self.run(self.app.patients.unassign_tag(clinic, tag, None))
        self.at(clinic).drop_tag(tag)

    @rule(clinic=CLINICS, data=st.data())
    def convert(self, clinic: ClinicId, data: st.DataObject) -> None:
        """Turn a tag into a site of all its patients."""
        here, tag = self.at(clinic), self.a_tag(clinic, data)
        refusal = here.refuses_conversion(tag)
        converted = self.expect(refusal, self.app.tags.convert_to_site(clinic, tag))
        if converted is None:
            return
        tagged = [person for person in here.people.values() if tag in person.tags]
        assert (converted.site.name, converted.patients) == (
            here.converted_name(tag),
            len(tagged),
        )
        here.drop_tag(tag)
        here.sites[converted.site.id] = converted.site.name
        for person in tagged:
            person.sites.add(converted.site.id)

    # Sites

    @rule(clinic=CLINICS, name=_SITE_NAMES)
    def add_site(self, clinic: ClinicId, name: str) -> None:
        """Add a site."""
        refusal = self.at(clinic).refuses_site(name)
        site = self.expect(refusal, self.app.sites.create(clinic, name))
        if site:
            self.at(clinic).sites[site.id] = name

    @rule(clinic=CLINICS, name=_SITE_NAMES, data=st.data())
    def rename_site(self, clinic: ClinicId, name: str, data: st.DataObject) -> None:
        """Rename a site for everybody who is there."""
        site = self.a_site(clinic, data)
        refusal = self.at(clinic).refuses_site_name(site, name)
        self.expect(refusal, self.app.sites.rename(clinic, site, name))
        if refusal is None:
            self.at(clinic).sites[site] = name

    @rule(clinic=CLINICS, data=st.data())
    def delete_site(self, clinic: ClinicId, data: st.DataObject) -> None:
        """Remove a site from the clinic and from everybody who is there."""
        site = self.a_site(clinic, data)
        refusal = self.at(clinic).refuses_site_removal(site)
        self.expect(refusal, self.app.sites.delete(clinic, site))
        if refusal is None:
            self.at(clinic).drop_site(site)

    @rule(clinic=CLINICS, data=st.data())
    def merge_sites(self, clinic: ClinicId, data: st.DataObject) -> None:
        """Move everybody from one site to another."""
        here = self.at(clinic)
        source, into = self.a_site(clinic, data), self.a_site(clinic, data)
        refusal = here.refuses_merge(source, into)
        self.expect(refusal, self.app.sites.merge(clinic, source, into))
        if refusal is None:
            for person in here.people.values():
                if source in person.sites:
                    person.sites.add(into)
            here.drop_site(source)
