"""The three groups, and the default policy: reviewers decide, never on their own request."""

from django.db import migrations


def create(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects
    for name in ("requesters", "reviewers", "operators"):
        groups.get_or_create(name=name)
    policy, _ = apps.get_model("approvals", "Policy").objects.get_or_create(
        name="Default", defaults={"chain": "", "priority": -1000}
    )
    policy.reviewers.set(groups.filter(name="reviewers"))


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0002_rules"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
