"""A listening test as a page: who is where in it, what comes next, answers on the disk.

Hosting             the test in a folder, with all its listeners
listening_app    -> the application that a browser talks to
"""

from morphsep.evaluation.session.app import listening_app
from morphsep.evaluation.session.hosting import Hosting, read_consent

__all__ = ["Hosting", "listening_app", "read_consent"]
