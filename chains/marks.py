"""What Holdpoint writes into the metadata of checkpoints, beside what LangGraph does."""

# In every checkpoint a run writes, so that a run knows its own and the history knows the person.
RUN_KEY = "holdpoint_run"
BY_KEY = "holdpoint_by"
REASON_KEY = "holdpoint_reason"
# In a fork: the checkpoint it was made from, which is not its parent.
FROM_KEY = "holdpoint_from"
