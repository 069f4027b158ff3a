"""notices: channels, routes, duty rosters, the outbox

Revision 0008, after 0007. Forward only.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:

