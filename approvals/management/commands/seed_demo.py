"""manage.py seed_demo: three people and four requests to try Holdpoint out with. Does nothing when anybody exists."""

from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.crypto import get_random_string

from approvals import threads
from approvals.policies import OPERATORS, REQUESTERS, REVIEWERS

PEOPLE = (
    ("priya", "Priya", "Sen", REQUESTERS, "sends requests"),
    ("jonas", "Jonas", "Meyer", REVIEWERS, "reviews them"),
    ("ada", "Ada", "Okafor", OPERATORS, "operates Holdpoint and opens the admin"),
)
REQUESTS = (
    "Hello, this is Marta Nowak. Both lamps of order ORD-48213 arrived with broken glass on 14 November. "
    "Please refund 1,240.00 EUR to my card. You can reach me at marta.nowak@example.org.",
    "Please change the delivery address of order ORD-51877 to 12 Harbour Street, 20457 Hamburg.",
    "What are your opening hours between the holidays?",
)
ORDER = {
    "customer": "Ingrid Solberg",
    "order_number": "ORD-20931",
    "message": "Two of the six tea glasses came cracked. Please refund 28.80 EUR for them.",
}


class Command(BaseCommand):
    help = "Create three demo people with printed one-time passwords, and four sample requests, on an empty database."

    def handle(self, *args: Any, **options: Any) -> None:
        """All or nothing: nobody is left behind whose password was never printed."""
        if User.objects.exists():
            return
        with transaction.atomic():
            passwords = {username: self._create(username, *facts) for username, *facts in PEOPLE}
            requester = User.objects.get(username=PEOPLE[0][0])
            for request in REQUESTS:
                threads.submit(requester, "prompt_chain", {"request": request})
            threads.submit(requester, "support_agent", ORDER)
            self._print(passwords)

    def _create(self, username: str, first: str, last: str, group: str, does: str) -> str:
        password = get_random_string(12)
        person = User.objects.create_user(username, password=password, first_name=first, last_name=last)
        person.groups.add(Group.objects.get(name=group))
        if group == OPERATORS:
            person.is_staff = person.is_superuser = True
            person.save(update_fields=["is_staff", "is_superuser"])
        return password

    def _print(self, passwords: dict[str, str]) -> None:
        self.stdout.write("Three people to try it with. These passwords are shown once:")
        for username, *_, does in PEOPLE:
            self.stdout.write(f"  {username:<8} {passwords[username]}   {does}")
