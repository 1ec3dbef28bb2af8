"""What a merge would do, rule by rule."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
import pytest
from hypothesis import given, settings

from clinic_domain.clinicians.model import Clinician, Role
from clinic_domain.clinics.model import (
    Clinic,
    ClinicDetails,
    ClinicView,
    MembershipRestriction,
    MrnSettings,
)
from clinic_domain.merging.errors import MergedIntoItself, MergePrevented
from clinic_domain.merging.execution import execution_of
from clinic_domain.merging.model import (
    Category,
    MergePlan,
    PatientPlan,
    Reason,
    RecordAction,
    SiteAction,
    Snapshot,
    TagAction,
)
from clinic_domain.merging.rules import (
    measures,
    merge_plan,
    refuse_merge_into_itself,
    refuse_prevented,
)
from clinic_domain.patients.model import Patient
from clinic_domain.patients.summaries import Stats, StatsConfig, StatsDates, Summary
from clinic_domain.testing.examples import a_clinic, a_clinician, a_patient, a_site, a_tag, at
from clinic_domain.testing.fakes import A_MORNING, SequentialIds
from clinic_domain.testing.strategies import pairs_of_clinics
from clinic_domain.values import UserId

UNIQUE: Final = MrnSettings(required=False, unique=True)
REQUIRED: Final = MrnSettings(required=True, unique=False)
ADMIN, MEMBER = (Role.CLINIC_ADMIN,), (Role.CLINIC_MEMBER,)


def clinic(name: str | None = "Alpha", **changes: Any) -> Clinic:
    return a_clinic(details=ClinicDetails(name), **changes)


def snapshot(of: Clinic, *records: Patient | Clinician, demo: Patient | None = None) -> Snapshot:
    """Return a clinic with people whose `clinic_id` does not matter."""
    own = [attrs.evolve(record, clinic_id=of.id) for record in records]
    return Snapshot(
        ClinicView(of, {}, {}),
        tuple(each for each in own if isinstance(each, Clinician)),
        tuple(each for each in own if isinstance(each, Patient)),
        demo,
    )


def patient(**changes: Any) -> Patient:
    """Return a patient who has nothing in common with anybody."""
    unlike = {"full_name": None, "birth_date": None}
    return a_patient(a_clinic(), **{**unlike, **changes})


def clinician(**changes: Any) -> Clinician:
    return a_clinician(a_clinic(), **changes)


def planned(source: Snapshot, target: Snapshot) -> MergePlan:
    return merge_plan(source, target, A_MORNING)


def of(plan: MergePlan, user: Patient) -> PatientPlan:
    """Return the plan of a patient, as a patient of the source if of both."""
    return next(
        each
        for each in plan.patients
        if user.user_id in {p.user_id for p in (each.source_patient, each.target_patient) if p}
    )


# Settings and restrictions


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"mrn_settings": REQUIRED}, "MRN Required"),
        ({"mrn_settings": UNIQUE}, "MRN Unique"),
        ({"details": ClinicDetails("Alpha", "mg/dL")}, "Glucose Units"),
        ({"details": ClinicDetails("Alpha", timezone="UTC")}, "Timezone"),
    ],
)
def test_any_of_four_settings_prevents_a_merge(changes: dict[str, Any], name: str) -> None:
    """They are compared as texts, in this order (MERGE-SET-1)."""
    plan = planned(snapshot(attrs.evolve(clinic(), **changes)), snapshot(clinic("Beta")))

    assert [each.name for each in plan.settings if not each.matches] == [name]
    assert plan.reasons() == (Reason.SETTINGS,)


def test_what_was_never_set_equals_the_defaults() -> None:
    """But a missing unit is no unit (MERGE-SET-2); other settings may differ (MERGE-SET-3)."""
    source = clinic(mrn_settings=MrnSettings(required=False, unique=False), tier="tier0200")
    target = attrs.evolve(clinic("Beta"), details=ClinicDetails("Beta", timezone=""))

    assert planned(snapshot(source), snapshot(target)).reasons() == ()


def test_the_restrictions_of_the_source_have_to_be_among_those_of_the_target() -> None:
    """The last entry of a domain counts (MERGE-SSO-1, MERGE-SSO-2)."""
    a, b = MembershipRestriction("a.org"), MembershipRestriction("b.org", "i1")
    other = MembershipRestriction("b.org", "i2")

    def reasons(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> tuple[str, ...]:
        source = snapshot(clinic(membership_restrictions=ours))
        return planned(source, snapshot(clinic("Beta", membership_restrictions=theirs))).reasons()

    assert reasons((), (a,)) == reasons((a,), (b, a)) == reasons((other, b), (b,)) == ()
    assert reasons((a, b), (a,)) == reasons((b,), (other,)) == (Reason.SETTINGS,)


# Tags


def test_equal_tags_are_one() -> None:
    """Spaces and case do not count, and patients get the target's tag (MERGE-TAG-1)."""
    ours, new, theirs = a_tag("type1"), a_tag(" Pump "), a_tag("Type 1")
    someone = patient(tags=(ours.id, new.id, a_tag().id))
    source = snapshot(clinic(tags=(ours, new)), someone)
    plan = planned(source, snapshot(clinic("Beta", tags=(theirs,))))

    assert [(each.action, each.workspaces, each.merge) for each in plan.tags] == [
        (TagAction.SKIP, ("Alpha", "Beta"), False),
        (TagAction.CREATE, ("Alpha",), False),
        (TagAction.RETAIN, ("Alpha", "Beta"), True),
    ]
    assert of(plan, someone).source_tag_names == (" Pump ", "type1")
    assert of(plan, someone).resulting_tag_names == ("Pump", "Type 1")
    assert (measures(plan).tags, measures(plan).duplicate_tags) == (2, 1)  # MERGE-TAG-3
    names = {
        tag.id: tag.name
        for tag in execution_of(plan, SequentialIds().new_id, A_MORNING).target.tags or ()
    }
    assert list(names.values()) == ["Type 1", "Pump"]  # MERGE-TAG-4
    assert theirs.id in names
    assert new.id not in names


def test_tags_beyond_the_limit_prevent_a_merge() -> None:
    """The reference finds that out only when it executes (MERGE-TAG-2)."""
    theirs = tuple(a_tag(f"Tag {number}") for number in range(49))
    source = clinic(tags=(a_tag("x"), a_tag("tag 1"), a_tag("y")))

    plan = planned(snapshot(source), snapshot(clinic("Beta", tags=theirs)))

    assert [each.error for each in plan.tags[:3]] == [None, None, Reason.TOO_MANY_TAGS]
    assert plan.reasons() == (Reason.TOO_MANY_TAGS,)


# Sites


def test_sites_whose_names_are_taken_are_renamed() -> None:
    """Case does not count; no new name is that of another (MERGE-SITE-1, MERGE-SITE-2)."""
    ours = tuple(map(a_site, ("north", "North (2)", "South", "Clinic (7)")))
    theirs = tuple(map(a_site, ("North", "clinic (7)", "NORTH (3)")))
    someone = patient(sites=at(*ours[:3]))
    source = snapshot(clinic(sites=ours), someone)
    plan = planned(source, snapshot(clinic("Beta", sites=theirs)))

    assert [(each.action, each.display_name) for each in plan.sites] == [
        (SiteAction.RENAME, "north (4)"),
        (SiteAction.MOVE, "North (2)"),
        (SiteAction.MOVE, "South"),
        (SiteAction.RENAME, "Clinic (8)"),
        *((SiteAction.RETAIN, site.name) for site in theirs),
    ]
    # MERGE-SITE-3 and MERGE-SITE-4
    assert plan.reasons() == ()
    assert (measures(plan).sites, measures(plan).renamed_sites) == (7, 2)  # MERGE-SITE-5
    assert of(plan, someone).renamed_site_names == ("North (2)", "South", "north (4)")
    done = execution_of(plan, SequentialIds().new_id, A_MORNING)
    assert [site.id for site in done.target.sites] == [
        s.id for s in (*theirs, *ours)
    ]  # MERGE-SITE-6
    assert [site.name for site in done.changed_patients[0][0].sites or ()] == [
        "north (4)",
        "North (2)",
        "South",
    ]


def test_a_merge_may_pass_the_limit_of_sites() -> None:
    """Unlike that of tags (SITE-5)."""
    theirs = tuple(a_site(f"Site {number}") for number in range(50))

    plan = planned(snapshot(clinic(sites=(a_site("x"),))), snapshot(clinic("Beta", sites=theirs)))

    assert plan.reasons() == ()
    assert measures(plan).sites == 51


# Clinicians


@pytest.mark.parametrize(
    ("ours", "theirs", "is_downgraded"),
    [(ADMIN, ADMIN, False), (ADMIN, MEMBER, True), (MEMBER, ADMIN, False), (MEMBER, MEMBER, False)],
)
def test_who_is_in_both_clinics_keeps_the_target_s_record(
    ours: Any, theirs: Any, is_downgraded: bool
) -> None:
    """The plan shows the roles that will be stored (MERGE-CLN-1, MERGE-CLN-3, MERGE-CLN-6)."""
    user = UserId("shared")
    source = snapshot(clinic(), clinician(user_id=user, roles=ours))
    target = snapshot(clinic("Beta"), clinician(user_id=user, roles=theirs))
    merged, kept = planned(source, target).clinicians

    assert (merged.action, kept.action) == (RecordAction.MERGE, RecordAction.MERGE_INTO)
    assert (merged.downgraded, merged.resulting_roles) == (is_downgraded, theirs)
    assert merged.workspaces == kept.workspaces == ("Alpha", "Beta")


def test_everybody_else_is_moved() -> None:
    """As admin only who is one (MERGE-CLN-2, MERGE-CLN-8)."""
    admin, member, other = clinician(roles=ADMIN), clinician(), clinician()
    source = snapshot(clinic(), admin, member)
    plan = planned(source, snapshot(clinic("Beta", admins=(UserId("b"),)), other))
    done = execution_of(plan, SequentialIds().new_id, A_MORNING)

    assert [each.action for each in plan.clinicians] == ["MOVE", "MOVE", "RETAIN"]
    assert done.target.admins == ("b", admin.user_id)
    assert [moved.clinic_id for moved, _ in done.moved_clinicians] == 2 * [plan.target.clinic.id]


def test_nobody_is_moved_into_a_restricted_clinic() -> None:
    """Not even where both have the same restrictions (MERGE-SSO-4, MERGE-CLN-4)."""
    same = (MembershipRestriction("a.org"),)
    source = snapshot(clinic(membership_restrictions=same), clinician())

    plan = planned(source, snapshot(clinic("Beta", membership_restrictions=same)))

    assert plan.clinicians[0].error == Reason.PARTIAL_SSO
    assert plan.reasons() == (Reason.PARTIAL_SSO,)


def test_invites_of_the_source_prevent_a_merge() -> None:
    """Those of the target stay (MERGE-CLN-5); matching is by user alone (MERGE-CLN-7)."""
    invite = clinician(user_id=None, email="a@example.com")
    source, target = snapshot(clinic(), invite), snapshot(clinic("Beta"), invite)

    assert planned(source, snapshot(clinic("Beta"))).reasons() == (Reason.INVITES,)
    assert planned(source, snapshot(clinic("Beta"))).clinicians[0].error is None
    assert planned(snapshot(clinic()), target).reasons() == ()


def test_an_address_that_is_taken_prevents_a_merge() -> None:
    source = snapshot(clinic(), clinician(email="a@example.com"))
    target = snapshot(clinic("Beta"), clinician(email="A@example.com", user_id=None))

    assert planned(source, target).reasons() == (Reason.EMAIL_TAKEN,)


# Patients: what they have in common


@pytest.mark.parametrize(
    ("ours", "theirs", "category"),
    [
        ({"full_name": " Ann "}, {"full_name": "ANN"}, Category.NAME_ONLY),
        ({"mrn": "m1 "}, {"mrn": " M1"}, Category.MRN_ONLY),
        ({"mrn": "1", "full_name": "a"}, {"mrn": "1", "full_name": "a"}, Category.LIKELY),
        ({"mrn": "1", "birth_date": "x"}, {"mrn": "1", "birth_date": "x"}, Category.LIKELY),
        (
            {"full_name": "a", "birth_date": "x"},
            {"full_name": "a", "birth_date": "x"},
            Category.LIKELY,
        ),
        ({"birth_date": "2000-01-01"}, {"birth_date": "2000-01-01"}, None),
        ({"full_name": " ", "mrn": ""}, {"full_name": "", "mrn": " "}, None),
        ({"user_id": "u", "full_name": "a"}, {"user_id": "u"}, Category.DUPLICATE),
    ],
)
def test_what_two_patients_have_in_common_has_a_category(
    ours: dict[str, Any], theirs: dict[str, Any], category: Category | None
) -> None:
    """Nothing equals nothing (MERGE-MATCH-1, MERGE-MATCH-3, MERGE-PAT-1)."""
    one, other = patient(**ours), patient(**theirs)
    source, target = snapshot(clinic(), one), snapshot(clinic("Beta"), other)

    there = planned(source, target).patients[0].conflicts or {}
    back = planned(target, source).patients[0].conflicts or {}

    assert list(there) == list(back) == ([category] if category else [])
    within = planned(
        snapshot(clinic(), *({one, other} if category != "Duplicate Accounts" else {one})), target
    )
    assert bool(within.source_clusters) == (category not in (None, Category.DUPLICATE))


def test_several_conflicts_of_one_patient() -> None:
    """The third example of the chapter; a merged patient is held to no demand (MERGE-PAT-5)."""
    p1 = patient(full_name="P One", birth_date="2000-01-01", mrn="M1")
    q2 = patient(full_name="P One", birth_date="2000-01-01")
    q3 = patient(full_name="P One", birth_date="2000-01-03")
    q4 = patient(full_name="X", birth_date="2000-01-03", mrn="M1")
    q5 = patient(full_name="Y", birth_date="2000-01-01")
    source = snapshot(clinic(mrn_settings=UNIQUE), p1)
    plan = planned(source, snapshot(clinic("Beta", mrn_settings=UNIQUE), p1, q2, q3, q4, q5))
    own = of(plan, p1)

    assert (own.action, own.can_execute, own.require_unique_mrn) == ("MERGE", True, False)
    assert {
        category: [each.user_id for each in found]
        for category, found in (own.conflicts or {}).items()
    } == {
        "Duplicate Accounts": [p1.user_id],
        "Likely Duplicate Accounts": [q2.user_id],
        "Name Only Match": [q3.user_id],
        "MRN Only Match": [q4.user_id],
    }
    (cluster,) = plan.target_clusters
    assert [each.patient.user_id for each in cluster] == [each.user_id for each in (p1, q2, q3, q4)]
    assert cluster[1].conflicts == {
        "Likely Duplicate Accounts": (p1.user_id,),
        "Name Only Match": (q3.user_id,),
    }
    assert measures(plan).conflicts[Category.LIKELY] == 1  # MERGE-PAT-10
    assert measures(plan).patients == 5  # MERGE-PAT-9


def test_clusters_reach_as_far_as_anybody_is_alike() -> None:
    """
    Nobody matches himself (MERGE-MATCH-2, MERGE-CLUST-1, MERGE-CLUST-2).

    Each is in one cluster, with those whom he matches directly (MERGE-CLUST-3, MERGE-CLUST-4).
    """
    a, b, c = patient(full_name="x", mrn="1"), patient(mrn="1"), patient(full_name="X")
    alone = patient(full_name="alone")

    plan = planned(snapshot(clinic(), c, a, alone, b), snapshot(clinic("Beta")))

    (cluster,) = plan.source_clusters
    assert [each.patient.user_id for each in cluster] == [c.user_id, a.user_id, b.user_id]
    assert cluster[1].conflicts == {"Name Only Match": (c.user_id,), "MRN Only Match": (b.user_id,)}
    assert plan.reasons() == ()


# Patients: what becomes of them


def test_the_same_user_is_merged_and_all_others_move() -> None:
    """Likeness alone combines nobody (MERGE-PAT-2, MERGE-PAT-3, MERGE-PAT-6)."""
    shared, one, like = patient(), patient(full_name="x"), patient(full_name="x")
    source = snapshot(clinic(), shared, one)
    plan = planned(source, snapshot(clinic("Beta"), shared, like))

    assert [each.action for each in plan.patients] == ["MERGE", "MOVE", "MERGE_INTO", "RETAIN"]
    assert [each.conflicts is None for each in plan.patients] == [False, False, True, True]
    assert all(each.can_execute for each in plan.patients)


def test_a_clinic_that_requires_mrns_takes_nobody_without() -> None:
    """White space is no number (MERGE-PAT-4, MERGE-PAT-11)."""
    people = [patient(mrn=mrn) for mrn in (None, " ", "1")]
    source = snapshot(clinic(mrn_settings=REQUIRED), *people)

    plan = planned(source, snapshot(clinic("Beta", mrn_settings=REQUIRED)))

    assert [of(plan, each).error for each in people] == [Reason.MRN_MISSING] * 2 + [None]
    assert [of(plan, each).require_unique_mrn for each in people] == 3 * [False]


def test_a_clinic_with_unique_mrns_takes_each_once() -> None:
    """Also if only one of two would be moved; the source's own comes first (MERGE-PAT-4)."""
    shared = patient(mrn="m1")
    twice, taken, fine, none = (patient(mrn=mrn) for mrn in ("M1", "m4", "m5", None))
    both = patient(mrn="m6"), patient(mrn="M6")
    target = snapshot(
        clinic("Beta", mrn_settings=UNIQUE), shared, patient(mrn=" M4 "), patient(mrn="m6")
    )
    source = snapshot(clinic(mrn_settings=UNIQUE), shared, twice, taken, fine, none, *both)

    plan = planned(source, target)

    assert [of(plan, each).error for each in (shared, twice, taken, fine, none, *both)] == [
        None,
        Reason.MRN_IN_SOURCE,
        Reason.MRN_IN_TARGET,
        None,
        None,
        Reason.MRN_IN_SOURCE,
        Reason.MRN_IN_SOURCE,
    ]
    assert [of(plan, each).require_unique_mrn for each in (fine, none)] == [True, False]


def test_the_demo_patient_keeps_his_unique_number() -> None:
    """He is in no plan, but what he has may be in the way of one (MERGE-LOAD-4)."""
    demo = patient(mrn="demo-9", require_unique_mrn=True)
    source = snapshot(clinic(mrn_settings=UNIQUE), patient(mrn="DEMO-9"))
    target = clinic("Beta", mrn_settings=UNIQUE)
    lenient = attrs.evolve(demo, require_unique_mrn=False)

    assert planned(source, snapshot(target, demo=demo)).reasons() == (Reason.MRN_OF_DEMO,)
    assert planned(source, snapshot(target, demo=lenient)).reasons() == ()


def test_names_of_tags_and_sites_tell_none_from_empty() -> None:
    """Ids that are unknown are left out (MERGE-PAT-7, MERGE-PAT-8)."""
    tag, site, stray = a_tag("T"), a_site("S"), a_tag()
    bare, lost = patient(), patient(tags=(stray.id,), sites=())
    shared = patient(tags=(tag.id,), sites=at(site, a_site("A")))
    source = snapshot(clinic(tags=(tag,), sites=(site,)), bare, lost, shared)
    plan = planned(source, snapshot(clinic("Beta"), attrs.evolve(shared, tags=None, sites=None)))

    first, second, third = (of(plan, each) for each in (bare, lost, shared))
    assert (first.source_tag_names, first.source_site_names) == (None, None)
    assert (first.resulting_tag_names, first.resulting_site_names) == (None, None)
    assert (second.source_tag_names, second.source_site_names) == ((), ())
    assert (third.resulting_tag_names, third.resulting_site_names) == (("T",), ("A", "S"))
    assert (third.target_tag_names, third.target_site_names) == (None, None)


def test_a_moved_patient_keeps_all_but_tags_and_sites() -> None:
    """A merged one leaves tags and sites to the target's record (MERGE-PAT-13)."""
    tag, site, own = a_tag("T"), a_site("S"), a_site("O")
    moved = patient(tags=(tag.id,), sites=at(site), mrn="1", email="a@example.com")
    shared = patient(tags=(tag.id,), sites=at(site), full_name="Source")
    there = attrs.evolve(shared, full_name="Target", tags=(), sites=at(own), mrn="7")
    untouched = patient()
    source = snapshot(clinic(tags=(tag,), sites=(site,)), moved, shared, untouched)
    plan = planned(source, snapshot(clinic("Beta", sites=(own,)), there, untouched))
    later = A_MORNING + timedelta(hours=1)
    done = execution_of(plan, SequentialIds().new_id, later)
    (new_tag,) = done.target.tags or ()

    (after, before), (joined, was) = done.changed_patients
    assert after == attrs.evolve(
        before, clinic_id=plan.target.clinic.id, tags=(new_tag.id,), updated_time=later
    )
    assert joined == attrs.evolve(was, tags=(new_tag.id,), sites=at(own, site), updated_time=later)
    assert [each.full_name for each in (joined, *done.forgotten_patients)][:2] == [
        "Target",
        "Source",
    ]


# The plan as a whole


def test_summaries_are_shown_by_their_dates() -> None:
    """Nothing else of them is in a plan (MERGE-LOAD-5)."""
    dates = StatsDates(has_last_data=True, last_data=datetime(2025, 1, 1, tzinfo=UTC))
    full = Stats("x", StatsConfig(3), dates, {"1d": {"a": 1.0}})
    someone = patient(summary=Summary(full, None))

    plan = planned(snapshot(clinic(), someone), snapshot(clinic("Beta")))

    assert of(plan, someone).source_patient == attrs.evolve(
        someone, clinic_id=plan.source.clinic.id, summary=Summary(Stats("", dates=dates))
    )


def test_a_clinic_without_a_name_is_planned_as_an_empty_one() -> None:
    plan = planned(snapshot(clinic(None, tags=(a_tag(),)), patient()), snapshot(clinic("Beta")))

    assert plan.tags[0].workspaces == ("",)
    assert plan.patients[0].source_clinic_name == ""


def test_a_prevented_merge_is_refused_with_its_reasons() -> None:
    """The message is always the same (MERGE-PREV-1, MERGE-PREV-2, MERGE-EXEC-1)."""
    source = snapshot(clinic(mrn_settings=REQUIRED), clinician(user_id=None, invite_id="k"))
    plan = planned(source, snapshot(clinic("Beta")))

    with pytest.raises(MergePrevented) as refusal:
        refuse_prevented(plan)

    assert refusal.value.args == (Reason.SETTINGS, Reason.INVITES)
    assert str(refusal.value) == "bad request: the merge plan does not allow execution"


def test_a_clinic_is_not_merged_into_itself() -> None:
    one = clinic()

    with pytest.raises(MergedIntoItself):
        refuse_merge_into_itself(one.id, one.id)


def test_the_target_wins_and_takes_the_share_codes_along() -> None:
    """Whatever the source has set is gone with it (MERGE-4)."""
    source, target = clinic(tier="tier0300"), clinic("Beta", tier="tier0100")
    plan = planned(snapshot(source), snapshot(target))

    merged = execution_of(plan, SequentialIds().new_id, A_MORNING).target

    assert merged.share_codes == (target.share_code, source.share_code)
    assert (merged.share_code, merged.tier, merged.details) == (
        target.share_code,
        "tier0100",
        target.details,
    )


# Properties


@settings(max_examples=150)
@given(pair=pairs_of_clinics())
def test_numbers_after_a_merge_are_those_of_the_plan(pair: tuple[Snapshot, Snapshot]) -> None:
    plan = planned(*pair)
    found = measures(plan)
    done = execution_of(plan, SequentialIds().new_id, A_MORNING)
    moved = [new for new, was in done.changed_patients if new.clinic_id != was.clinic_id]

    assert planned(*pair) == plan
    assert len(moved) + len(plan.target.patients) == found.patients
    assert done.target.patient_count is not None
    assert done.target.patient_count.total == found.patients
    assert len(done.target.tags or ()) == found.tags
    assert len(done.target.sites) == found.sites
    assert len(done.moved_clinicians) + len(plan.target.clinicians) == found.members
    assert len(done.forgotten_patients) == found.conflicts[Category.DUPLICATE]
    assert {each.id for each in done.target.sites} == {
        site.id for clinic_ in (plan.source.clinic, plan.target.clinic) for site in clinic_.sites
    }


@settings(max_examples=100)
@given(pair=pairs_of_clinics())
def test_conflicts_and_clusters_are_those_of_comparing_all_pairs(
    pair: tuple[Snapshot, Snapshot],
) -> None:
    plan = planned(*pair)

    for each in plan.patients:
        if each.source_patient is not None:
            expected = {
                (_category(each.source_patient, other), other.user_id)
                for other in plan.target.patients
            }
            found = {
                (category, other.user_id)
                for category, others in (each.conflicts or {}).items()
                for other in others
            }
            assert found == {one for one in expected if one[0]}
    everybody = plan.source.patients
    alike = {
        one.user_id
        for one in everybody
        for other in everybody
        if one is not other and _category(one, other)
    }
    clustered = [each.patient.user_id for cluster in plan.source_clusters for each in cluster]
    assert sorted(clustered) == sorted(alike)


def _category(one: Patient, other: Patient) -> str | None:
    """Return the category of two patients, word by word as the chapter has it."""

    def same(a: str | None, b: str | None) -> bool:
        return bool(a) and a == b

    def plain(text: str | None) -> str:
        return (text or "").strip().lower()

    if one.user_id == other.user_id:
        return "Duplicate Accounts"
    name, mrn = (
        same(plain(one.full_name), plain(other.full_name)),
        same(plain(one.mrn), plain(other.mrn)),
    )
    number = name + mrn + same(one.birth_date, other.birth_date)
    if number > 1:
        return "Likely Duplicate Accounts"
    return "MRN Only Match" if mrn else "Name Only Match" if name else None


def test_random_clinics_can_often_be_merged_and_often_not() -> None:
    """Or else the properties would say little."""
    outcomes: list[bool] = []

    @settings(max_examples=100, database=None)
    @given(pair=pairs_of_clinics())
    def look(pair: tuple[Snapshot, Snapshot]) -> None:
        outcomes.append(not planned(*pair).reasons())

    look()

    assert 20 < sum(outcomes) < 90
