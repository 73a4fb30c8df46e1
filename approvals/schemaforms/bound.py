"""A field on the page: what describes it, by ids that are there."""

from django.forms import BoundField

from .fields import SchemaField


class DescribedField(BoundField):
    @property
    def aria_describedby(self) -> str | None:
        """Help, then error, then unit. A colon is in no encoded name, so no other control can have these ids."""
        if not self.auto_id or self.is_hidden:
            return None
        unit = self.field.hints.unit if isinstance(self.field, SchemaField) else ""
        parts = (("help", self.help_text), ("error", self.errors), ("unit", unit))
        return " ".join(f"{self.auto_id}:{name}" for name, is_there in parts if is_there)
