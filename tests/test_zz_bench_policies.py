import time, tracemalloc
from django.db import connection
from django.test.utils import CaptureQueriesContext
from approvals import policy_trials
from approvals.models import Policy
from tests.asked import ask
def test_bench(cast, submitted):
    for n in range(2050):
        ask(submitted, n, amount=n, text="x"*2000)
    for n in range(20):
        Policy.objects.create(name=f"p{n}", chain="prompt_chain", priority=n, condition=f"args.amount > {5000+n}")
    d = policy_trials.Draft.of(Policy(name="New", priority=50, condition="args.amount > 1000", votes_needed=2), groups=[], people=[])
    tracemalloc.start()
    begun=time.monotonic()
    with CaptureQueriesContext(connection) as q:
        t=policy_trials.try_out(d)
    print("TRIED", t.tried, t.matched, t.changed, t.is_cut_short, f"{time.monotonic()-begun:.2f}s", "queries", len(q), "peak MB", tracemalloc.get_traced_memory()[1]/1e6)
    tracemalloc.stop()
    begun=time.monotonic(); policy_trials.try_out(d); print("PLAIN", f"{time.monotonic()-begun:.2f}s")
