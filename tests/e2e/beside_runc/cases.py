"""All of them."""

from __future__ import annotations

from tests.e2e.beside_runc.case import Case
from tests.e2e.beside_runc.cases_inside import INSIDE
from tests.e2e.beside_runc.cases_more import MORE
from tests.e2e.beside_runc.cases_odd import ODD
from tests.e2e.beside_runc.cases_refused import REFUSED
from tests.e2e.beside_runc.cases_spec import SPEC
from tests.e2e.beside_runc.cases_user import USERS
from tests.e2e.beside_runc.cases_verbs import VERBS

CASES: list[Case] = [*INSIDE, *VERBS, *MORE, *USERS, *ODD, *SPEC, *REFUSED]
