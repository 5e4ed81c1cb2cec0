"""masakari_api.py ARGUMENTS: Debian's masakari-api, with one thing mended.

Since Debian's security update of oslo.messaging (14.0.3) a context is rebuilt without `read_deleted` before a versioned
notification is considered, and masakari 14.0.2 answers 500 to every POST for it. A missing value means "no" here, as
when the context was first made. Nothing else is changed.
"""
import sys

from masakari.cmd.api import main  # first: it patches the standard library
from masakari import context

given = context.RequestContext.read_deleted
context.RequestContext.read_deleted = property(given.fget, lambda self, value: given.fset(self, value or "no"), given.fdel)
sys.exit(main())
