"""No grant can be given above, outside or beyond the giver's own, whatever the tree and the grants (reliability S7)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.permissions import ROLES, Granted, may_give, narrowed, permissions_of, scope_of

CODES = ("a", "b", "c", "d", "e")
places = st.sampled_from((None, *CODES))
ends = st.sampled_from((None, 10.0, 20.0))
grants = st.builds(Granted, st.sampled_from(sorted(ROLES)), places, ends)
trees = st.fixed_dictionaries({code: st.sampled_from((None, *CODES)) for code in CODES})


def reach(permission: str, own: list[Granted], parents: dict[str, str | None]) -> frozenset[str]:
    scope = scope_of(permission, own, parents)
    return frozenset((*CODES, "*")) if scope.agencies is None else scope.agencies


@given(st.lists(grants, max_size=4), grants, trees)
def test_what_is_given_adds_nothing(own: list[Granted], wanted: Granted, parents: dict[str, str | None]) -> None:
    if not may_give(wanted, own, parents):
        return
    assert "users.manage" in permissions_of(own)
    for moment in (5.0, 15.0, 25.0):
        live = [grant for grant in own if grant.until is None or grant.until > moment]
        got = [wanted] if wanted.until is None or wanted.until > moment else []
        for permission in permissions_of(got):
            assert reach(permission, got, parents) <= reach(permission, live, parents)


@given(st.lists(grants, max_size=4), st.lists(st.sampled_from(CODES), min_size=1, max_size=3), trees)
def test_a_key_reaches_no_further_than_its_owner(
    own: list[Granted], agencies: list[str], parents: dict[str, str | None]
) -> None:
    part = list(narrowed(own, agencies, parents))
    for permission in permissions_of(part):
        assert reach(permission, part, parents) <= reach(permission, own, parents)
        below = reach(permission, [Granted("lead", code) for code in agencies], parents)
        within = frozenset().union(*(reach("users.manage", [Granted("lead", code)], parents) for code in agencies))
        assert reach(permission, part, parents) <= (below | within)
