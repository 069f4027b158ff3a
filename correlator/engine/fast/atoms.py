"""Conditions as logic over atoms: simplified, bounded from above, witnessed.

In:  condition trees. Out: smaller trees, and atoms of which one must hold.
Bound: one visit per node; recursion no deeper than the rule's own nesting, which the loader bounds.

An atom is a leaf (`Is`, `Null`, `Exists`, `SameAs`, `Keyword`) of one rule, read through one source.
"""

from __future__ import annotations

from collections.abc import Callable

from correlator.engine.conditions import AllOf, AnyOf, Condition, Exists, Is, Keyword, Not, Null, SameAs
from correlator.engine.values import Number, Regex, Text

Leaf = Is | Null | Exists | SameAs | Keyword

TRUE, FALSE = AllOf(()), AnyOf(())


def leaves(condition: Condition) -> list[Leaf]:
    """In the order written."""
    found: list[Leaf] = []
    left = [condition]
    while left:
        one = left.pop()
        if isinstance(one, AllOf | AnyOf):
            left.extend(reversed(one.parts))
        elif isinstance(one, Not):
            left.append(one.part)
        else:
            found.append(one)
    return found


def simplified(condition: Condition, known: Callable[[Leaf], bool | None]) -> Condition:
    """The condition with what is known put in: TRUE, FALSE, or a tree over the atoms that are left."""
    match condition:
        case AllOf(parts):
            return _joined(AllOf, TRUE, FALSE, parts, known)
        case AnyOf(parts):
            return _joined(AnyOf, FALSE, TRUE, parts, known)
        case Not(part):
            inner = simplified(part, known)
            if inner == TRUE:
                return FALSE
            if inner == FALSE:
                return TRUE
            return inner.part if isinstance(inner, Not) else Not(inner)
        case Exists(name, False):
            return simplified(Not(Exists(name, True)), known)
        case _:
            value = known(condition)
            return condition if value is None else TRUE if value else FALSE


def _joined(
    kind: type[AllOf | AnyOf],
    neutral: Condition,
    final: Condition,
    parts: tuple[Condition, ...],
    known: Callable[[Leaf], bool | None],
) -> Condition:
    found: dict[Condition, None] = {}
    for part in parts:
        inner = simplified(part, known)
        if inner == final:
            return final
        if isinstance(inner, kind):  # the neutral element is an empty one of this kind
            found.update(dict.fromkeys(inner.parts))
        else:
            found[inner] = None
    if not found:
        return neutral
    return next(iter(found)) if len(found) == 1 else kind(tuple(found))


def above(condition: Condition, positive: bool = True) -> Condition:
    """A condition without `SameAs` that holds whenever this one does: what depends on two fields is decided later."""
    match condition:
        case AllOf(parts):
            return AllOf(tuple(above(part, positive) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(above(part, positive) for part in parts))
        case Not(part):
            return Not(above(part, not positive))
        case SameAs():
            return TRUE if positive else FALSE
        case _:
            return condition


def decide(condition: Condition, is_true: Callable[[Leaf], bool]) -> bool:
    """The condition's truth, leaf by leaf: for the few rules that no set of atoms decides."""
    match condition:
        case AllOf(parts):
            return all(decide(part, is_true) for part in parts)
        case AnyOf(parts):
            return any(decide(part, is_true) for part in parts)
        case Not(part):
            return not decide(part, is_true)
        case _:
            return is_true(condition)


def witness(condition: Condition, weight: Callable[[Leaf], float]) -> tuple[float, list[Leaf]] | None:
    """Atoms of which one at least is satisfied whenever the condition holds, and what asking for them costs; None when
    the condition may hold with none satisfied (`not`). Of several such sets the cheapest is taken."""
    match condition:
        case AllOf(parts):
            return min((found for part in parts if (found := witness(part, weight)) is not None),
                       key=lambda one: one[0], default=None)  # fmt: skip
        case AnyOf(parts):
            total, together = 0.0, list[Leaf]()
            for part in parts:
                found = witness(part, weight)
                if found is None:
                    return None
                total += found[0]
                together += found[1]
            return total, together
        case Not():
            return None
        case _:
            return weight(condition), [condition]


def commonness(leaf: Leaf) -> float:
    """A guess: a long literal is met seldom; a field is there mostly."""
    if isinstance(leaf, Is):
        test = leaf.test
        if isinstance(test, Text):
            letters = sum(len(part) for part in test.parts if isinstance(part, str))
            return float(2.0 ** (-letters / 4)) if letters else 1.0
        if isinstance(test, Number):
            return 0.1
        if isinstance(test, Regex):
            return 0.05
        return 0.3
    return 0.01 if isinstance(leaf, Keyword) else 0.9
