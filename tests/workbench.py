"""One web process, one worker, one browser and a model that can be made to fail, for tests that walk four chains."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import json

from playwright.sync_api import Browser, Page

from approvals import inspection, threads
from approvals.models import Thread, ThreadStatus
from tests.browser import Visitor, sign_in
from tests.conftest import PASSWORD, REQUEST, Cast, everybody
from tests.openai_stub import Stub, openai_stub
from tests.stack import Stack
from tests.support_desk import MARTA, REFUND
from tests.waiting import eventually

