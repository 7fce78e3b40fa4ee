"""Pages that need a server: who may ask it, and what it hands out. Loopback unless told otherwise.

opened     -> a socket that listens, and the address by which people reach it
Guard      around an application: hosts, token, origin, size of what is sent, headers
page_files -> the files of a page, by the address that a browser asks for
serve      answers requests until it is told to end
"""

from morphsep.serving.address import Address, Opened, opened
from morphsep.serving.guard import Guard, cookies, set_cookie
from morphsep.serving.remembered import Remembered, read_remembered, remember
from morphsep.serving.running import check_installed, serve
from morphsep.serving.static import PageFile, page_files

__all__ = [
    "Address",
    "Guard",
    "Opened",
    "PageFile",
    "Remembered",
    "check_installed",
    "cookies",
    "opened",
    "page_files",
    "read_remembered",
    "remember",
    "serve",
    "set_cookie",
]
