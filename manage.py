"""Django's own entry. `python3 run.py manage` is the same, with the environment and the services there."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.settings")
    execute_from_command_line(sys.argv)
